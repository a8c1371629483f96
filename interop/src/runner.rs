//! Runs scenarios one after another, each on threads of its own and under a watchdog.

use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::outcome::{Failure, Outcome};

/// What a scenario may take before it is called a hang.
const PATIENCE: Duration = Duration::from_secs(30);

type Work = Pin<Box<dyn Future<Output = Outcome>>>;

/// Something that must work between gleis and libzmq.
pub(crate) struct Scenario {
    /// What must work.
    pub(crate) sentence: String,
    run: Box<dyn FnOnce() -> Work + Send>,
}

impl Scenario {
    /// `run` may block: it has a thread of its own, and the tasks of sockets have others.
    pub(crate) fn new<F, W>(sentence: impl Into<String>, run: F) -> Self
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Outcome> + 'static,
    {
        Self { sentence: sentence.into(), run: Box::new(|| Box::pin(run())) }
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("sentence", &self.sentence).finish_non_exhaustive()
    }
}

/// Runs all, prints a line for each and the counts; whether all passed.
pub(crate) fn run_all(scenarios: Vec<Scenario>) -> bool {
    let start = Instant::now();
    let (mut n_passed, mut n_failed) = (0, 0);
    for Scenario { sentence, run } in scenarios {
        match supervise(run) {
            Ok(()) => {
                n_passed += 1;
                println!("interop: {sentence} ... ok");
            }
            Err(why) => {
                n_failed += 1;
                println!("interop: {sentence} ... FAILED ({why})");
            }
        }
    }
    let seconds = start.elapsed().as_secs();
    println!("interop: {n_passed} passed, {n_failed} failed, in {seconds} s");
    n_failed == 0
}

/// A scenario that hangs is left behind: its threads end with the process.
fn supervise(run: Box<dyn FnOnce() -> Work + Send>) -> Outcome {
    let (done, outcome) = mpsc::channel();
    let scenario = move || {
        let ended = panic::catch_unwind(AssertUnwindSafe(|| play(run)));
        let outcome = ended.unwrap_or_else(|_| Err(Failure::new("panicked, see above")));
        // Nobody listens any more if it came too late.
        let _ = done.send(outcome);
    };
    thread::spawn(scenario);
    outcome
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| Err(Failure::new(format!("no end within {PATIENCE:?}"))))
}

fn play(run: Box<dyn FnOnce() -> Work + Send>) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(run());
    runtime.shutdown_background();
    outcome
}
