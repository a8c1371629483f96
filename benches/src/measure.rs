//! How rigs are measured: in criterion groups, or in turn within one run.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};

use crate::rig::Rig;

/// The settings all groups share: every bench together takes about three minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args()
}

/// Whether everything is done once only to see that it runs, as `cargo test` wants it.
pub fn is_smoke() -> bool {
    let has = |flag: &str| std::env::args().any(|it| it == flag);
    has("--test") || !has("--bench")
}

/// `n` when measuring, a few to see that it runs.
pub fn count(n: u64) -> u64 {
    if is_smoke() { n.min(20) } else { n }
}

/// A name and what it stands for; built when its turn comes, if it does.
pub type Contestant<'a> = (&'a str, fn() -> Rig);

/// One group: the same work by several contestants, `n` messages a turn.
pub fn compare<const N: usize>(
    criterion: &mut Criterion,
    group: &str,
    n: u64,
    contestants: [Contestant<'_>; N],
) {
    let n = count(n);
    let mut group = criterion.benchmark_group(group);
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(n));
    for (name, build) in contestants {
        let mut rig = None;
        group.bench_function(name, |bencher| {
            let rig = rig.get_or_insert_with(build);
            bencher.iter_custom(|turns| (0..turns).map(|_| rig.turn(n)).sum());
        });
    }
    group.finish();
}

/// Lets the rigs take turns of `n` messages and returns the median seconds per message of each.
///
/// What else the machine does meets all of them alike.
pub fn medians<const N: usize>(n_rounds: usize, n: u64, mut rigs: [Rig; N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=n_rounds {
        for (rig, times) in rigs.iter_mut().zip(&mut times) {
            let time = rig.turn(n);
            // The first round only warms up.
            if 0 < round {
                times.push(time);
            }
        }
    }
    times.map(|times| median(times).as_secs_f64() / n as f64)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
