//! A small struct to bytes and back, by each codec.

use std::hint::black_box;

use criterion::Criterion;
use gleis_benches::{Job, measure};
use gleis_codec::{AnyCodec, Limits};

fn main() {
    let mut criterion = measure::criterion();
    encode(&mut criterion);
    decode(&mut criterion);
    criterion.final_summary();
}

fn encode(criterion: &mut Criterion) {
    let (job, limits) = (Job::new(7), Limits::default());
    let mut group = criterion.benchmark_group("codec/encode/job");
    for codec in typed() {
        group.bench_function(codec.name(), |bencher| {
            bencher.iter(|| codec.encode(black_box(&job), &limits));
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let (job, limits) = (Job::new(7), Limits::default());
    let mut group = criterion.benchmark_group("codec/decode/job");
    for codec in typed() {
        let bytes = codec.encode(&job, &limits).expect("a job can be encoded");
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
