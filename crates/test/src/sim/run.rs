//! Playing a scenario for many seeds, and saying how to replay the one that failed.

use std::any::Any;
use std::cell::Cell;
use std::env;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use gleis_core::SeededNames;

use super::{Sim, Trace};

/// How long one seed may take on the clock of the network.
const VIRTUAL: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one seed may take in real time, before it is called a hang.
const REAL: Duration = Duration::from_secs(60);
/// Events that are shown of a run that failed.
const SHOWN: usize = 60;

/// Plays `scenario` for seeds from 0 on, `n_seeds` of them unless `GLEIS_SIM_SEEDS` says another
/// number; from `GLEIS_SIM_FIRST` on if that is set, and `GLEIS_SIM_SEED` alone if that is.
/// `GLEIS_SIM_SHOWN` is how many events are shown of a run that fails; 60 unless set.
///
/// Each seed has a runtime of its own, on one thread, with a stopped clock that moves when all tasks
/// wait; the chances of the code under test ([`fastrand`] of the thread, and random
/// [names](gleis_core::Name::random)) are seeded, too.
///
/// # Panics
/// If a run fails: it panics, in the scenario or in any task, returns an error, or hangs on either clock. The
/// message names the seed, what happened last, and the command that replays it.
pub fn run<F, Fut>(n_seeds: u64, scenario: F)
where
    F: Fn(Sim) -> Fut + Send + 'static,
    Fut: Future<Output: Verdict>,
{
    if let Some(failure) = search(n_seeds, scenario) {
        panic!("{failure}");
    }
}

/// As [`run`], and returns the first run that fails instead of a panic.
pub fn search<F, Fut>(n_seeds: u64, scenario: F) -> Option<Failure>
where
    F: Fn(Sim) -> Fut + Send + 'static,
    Fut: Future<Output: Verdict>,
{
    let (first, n_seeds) = match variable("GLEIS_SIM_SEED") {
        Some(seed) => (seed, 1),
        None => {
            let n_seeds = variable("GLEIS_SIM_SEEDS").unwrap_or(n_seeds);
            (variable("GLEIS_SIM_FIRST").unwrap_or(0), n_seeds)
        }
    };
    let (tell, told) = channel();
    let name = name();
    // Apart, so that a run that never lets go can be left behind.
    std::thread::spawn(move || {
        for seed in first..first + n_seeds {
            let played = play(seed, &scenario);
            let failed = played.is_err();
            if tell.send(played.map(|_| ())).is_err() || failed {
                return;
            }
        }
    });
    for seed in first..first + n_seeds {
        let text = match told.recv_timeout(REAL) {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => failure,
            Err(RecvTimeoutError::Timeout) => format!("not done after {REAL:?} of real time"),
            Err(RecvTimeoutError::Disconnected) => "the thread is gone".to_owned(),
        };
        return Some(Failure { replay: command(seed, &name), seed, text });
    }
    None
}

/// A run that failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The command that replays it.
    pub replay: String,
    /// Its seed.
    pub seed: u64,
    /// What went wrong, and what happened before.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replay, seed, text } = self;
        write!(f, "seed {seed} failed: {text}\nreplay: {replay}")
    }
}

/// What a scenario may return: nothing, or a result.
pub trait Verdict {
    /// Why it failed, if it did.
    fn failure(self) -> Option<String>;
}

impl Verdict for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display> Verdict for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|it| it.to_string())
    }
}

/// What happens when `scenario` is played for `seed`.
///
/// # Panics
/// If the run does.
pub fn trace_of<F, Fut>(seed: u64, scenario: F) -> Trace
where
    F: Fn(Sim) -> Fut,
    Fut: Future<Output: Verdict>,
{
    replay(seed, scenario).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Plays `scenario` for `seed`, in place: what happens, or how it fails. No bound on real time ends it.
///
/// # Errors
/// As [`search`] says it.
pub fn replay<F, Fut>(seed: u64, scenario: F) -> Result<Trace, Failure>
where
    F: Fn(Sim) -> Fut,
    Fut: Future<Output: Verdict>,
{
    play(seed, &scenario).map_err(|text| Failure { replay: command(seed, &name()), seed, text })
}

/// The name of the test, which is that of its thread.
fn name() -> String {
    std::thread::current().name().unwrap_or("NAME").to_owned()
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

/// As cargo and the test harness tell it.
fn command(seed: u64, test: &str) -> String {
    if test == "main" {
        // A program of its own: whoever has started it knows how.
        return format!("GLEIS_SIM_SEED={seed} and the same command");
    }
    let package = env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "PACKAGE".to_owned());
    format!("GLEIS_SIM_SEED={seed} cargo test -p {package} -- --exact {test}")
}

fn play<F, Fut>(seed: u64, scenario: &F) -> Result<Trace, String>
where
    F: Fn(Sim) -> Fut,
    Fut: Future<Output: Verdict>,
{
    count_panics();
    PANICS.set(0);
    fastrand::seed(seed);
    let _seeded = SeededNames::new(seed);
    let latest = Mutex::new(None);
    let work = async {
        let sim = Sim::new(seed);
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(sim.clone());
        match tokio::time::timeout(VIRTUAL, scenario(sim)).await {
            Ok(verdict) => verdict.failure(),
            Err(_) => Some(format!("not done after {VIRTUAL:?} of virtual time")),
        }
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    runtime.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    let runtime = runtime.build().map_err(|error| error.to_string())?;
    let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
    let sim = latest.into_inner().unwrap_or_else(PoisonError::into_inner);
    let trace = runtime.block_on(async { sim.map(|it| it.trace()) }).ok_or("it never began")?;
    drop(runtime);
    let shown = variable("GLEIS_SIM_SHOWN").unwrap_or(SHOWN);
    let failure = match played {
        Ok(None) if PANICS.get() == 0 => return Ok(trace),
        Ok(None) => "a task panicked, see above".to_owned(),
        Ok(Some(failure)) => failure,
        Err(panic) => text(&*panic),
    };
    Err(format!("{failure}\n{} events, the latest:\n{}", trace.len(), trace.tail(shown)))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

thread_local! {
    /// Panics on this thread, those among them that a task kept to itself.
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// Lets every panic be counted from now on.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
}
