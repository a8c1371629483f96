//! A struct to bytes and back, by each codec.

use std::hint::black_box;

use criterion::Criterion;
use gleis_benches::{Job, measure};
use gleis_codec::{AnyCodec, Limits};

fn main() {
    let mut criterion = measure::criterion();
    for (name, job) in [("job", Job::new(7)), ("long-job", long())] {
        encode(&mut criterion, name, &job);
        decode(&mut criterion, name, &job);
    }
    criterion.final_summary();
}

/// A job with many arguments.
fn long() -> Job {
    Job { args: (0..10_000).collect(), ..Job::new(7) }
}

fn encode(criterion: &mut Criterion, name: &str, job: &Job) {
    let limits = Limits::default();
    let mut group = criterion.benchmark_group(format!("codec/encode/{name}"));
    for codec in typed() {
        group.bench_function(codec.name(), |bencher| {
            bencher.iter(|| codec.encode(black_box(job), &limits));
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion, name: &str, job: &Job) {
    let limits = Limits::default();
    let mut group = criterion.benchmark_group(format!("codec/decode/{name}"));
    for codec in typed() {
        let bytes = codec.encode(job, &limits).expect("a job can be encoded");
        group.bench_function(codec.name(), |bencher| {
            bencher.iter(|| codec.decode::<Job>(black_box(&bytes), &limits));
        });
    }
    group.finish();
}

/// All but raw, which carries bytes only.
fn typed() -> impl Iterator<Item = &'static AnyCodec> {
    let is_typed = |it: &&AnyCodec| !matches!(it, AnyCodec::Raw);
    AnyCodec::BUILT_IN.iter().filter(is_typed)
}
