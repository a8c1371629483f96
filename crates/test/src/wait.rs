//! Waiting for what must come, with a watchdog instead of a hang.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long anything in a test may take before it is called a hang. Nothing is ever faster for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The result of `work`.
///
/// # Panics
/// If it does not come within [`PATIENCE`].
#[track_caller]
pub fn within<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(result) => result,
            Err(_) => panic!("nothing happened for {PATIENCE:?} at {place}"),
        }
    }
}

/// Waits until `holds` does. Measures real time, so it also works under a paused clock.
///
/// # Panics
/// If it does not hold within [`PATIENCE`].
#[track_caller]
pub fn eventually(holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    let mut holds = holds;
    async move {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "still not true after {PATIENCE:?} at {place}");
            // Not synchronisation: only keeps the polling from burning a core.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Waits until the current runtime runs no more than `n_tasks` tasks: nothing was leaked.
///
/// # Panics
/// If it still runs more after [`PATIENCE`].
#[track_caller]
pub fn tasks_down_to(n_tasks: usize) -> impl Future<Output = ()> {
    eventually(move || tokio::runtime::Handle::current().metrics().num_alive_tasks() <= n_tasks)
}
