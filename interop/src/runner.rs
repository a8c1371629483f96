//! Runs scenarios beside each other, each on threads of its own and under a watchdog.

use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::outcome::{Failure, Outcome};

/// What a scenario may take before it is called a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many scenarios run at a time: most of them wait most of the time.
const BESIDE: usize = 16;

type Work = Pin<Box<dyn Future<Output = Outcome>>>;

/// Something that must work between gleis and libzmq.
pub(crate) struct Scenario {
    /// What must work.
    pub(crate) sentence: String,
    is_heavy: bool,
    run: Box<dyn FnOnce() -> Work + Send>,
}

impl Scenario {
    /// `run` may block: it has a thread of its own, and the tasks of sockets have others.
    pub(crate) fn new<F, W>(sentence: impl Into<String>, run: F) -> Self
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Outcome> + 'static,
    {
        Self { is_heavy: false, sentence: sentence.into(), run: Box::new(|| Box::pin(run())) }
    }

    /// The scenario, which runs alone because it leaves others no time.
    pub(crate) fn heavy(self) -> Self {
        Self { is_heavy: true, ..self }
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
    let (heavy, light): (Vec<_>, Vec<_>) = scenarios.into_iter().partition(|it| it.is_heavy);
    let n_scenarios = heavy.len() + light.len();
    let failures = [run_beside(1, heavy), run_beside(BESIDE, light)].concat();
    for failure in &failures {
        println!("interop: {failure}");
    }
    let (n_failed, seconds) = (failures.len(), start.elapsed().as_secs());
    println!("interop: {} passed, {n_failed} failed, in {seconds} s", n_scenarios - n_failed);
    failures.is_empty()
}

/// Runs all, `n` at a time, and returns what failed.
fn run_beside(n: usize, scenarios: Vec<Scenario>) -> Vec<String> {
    let failures = Mutex::new(Vec::new());
    let waiting = Mutex::new(scenarios.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(Scenario { run, sentence, .. }) = next() {
            let start = Instant::now();
            let outcome = supervise(run);
            let seconds = start.elapsed().as_secs_f32();
            match outcome {
                Ok(()) => println!("interop: {sentence} ... ok, {seconds:.1} s"),
                Err(why) => {
                    let line = format!("{sentence} ... FAILED ({why})");
                    println!("interop: {line}");
                    failures.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..n {
            scope.spawn(work);
        }
    });
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
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
