//! A network that is a game of chance with a known outcome.
//!
//! [`Sim`] stands under sockets as their [`Network`](gleis_transport::Network): hosts, listeners and
//! byte streams that delay, split, lose and break what passes, drawn from a seed, on the stopped
//! clock of a current-thread runtime. One seed gives one run, byte by byte. [`run`] plays a scenario
//! for many seeds and says how to replay the one that failed.
//!
//! What is simulated is what sockets see of TCP: a stream is ordered and reliable until it breaks;
//! what the system has taken may be lost when it does; a peer's end may be heard late or never.

mod agenda;
mod door;
mod faults;
mod link;
mod run;
mod state;
#[cfg(test)]
mod tests;
mod trace;
mod weather;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use gleis_transport::{Options, TaskGuard};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

pub use self::door::Host;
pub use self::run::{Failure, Verdict, replay, run, search, trace_of};
use self::state::State;
pub use self::trace::Trace;
pub use self::weather::Weather;

/// A simulated network. Clones are the same network; the last one dropped, with its hosts, ends it.
#[derive(Clone, Debug)]
pub struct Sim {
    _courier: Arc<TaskGuard>,
    seed: u64,
    shared: Arc<Shared>,
}

/// What all parts of a network share.
#[derive(Debug)]
struct Shared {
    /// Something has to happen earlier than the courier thinks.
    rearm: Notify,
    state: Mutex<State>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the network; whoever is to hear of it is woken after the lock is released.
    fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let (res, woken, rearm) = {
            let mut state = self.lock();
            let res = act(&mut state);
            (res, std::mem::take(&mut state.woken), std::mem::take(&mut state.rearm))
        };
        woken.into_iter().for_each(Waker::wake);
        if rearm {
            self.rearm.notify_one();
        }
        res
    }
}

/// Lets happen what is due, when it is due.
async fn deliver(shared: Arc<Shared>) {
    loop {
        let next = shared.change(|state| state.pass(Instant::now()));
        match next {
            None => shared.rearm.notified().await,
            Some(at) => tokio::select! {
                biased;
                () = shared.rearm.notified() => (),
                () = tokio::time::sleep_until(at) => (),
            },
        }
    }
}

impl Sim {
    /// A network in calm weather; everything that happens in it by chance is drawn from `seed`.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(seed: u64) -> Self {
        let state = Mutex::new(State::new(seed));
        let shared = Arc::new(Shared { rearm: Notify::new(), state });
        let courier = Arc::new(TaskGuard::spawn(deliver(shared.clone())));
        Self { _courier: courier, seed, shared }
    }

    /// What it was made of.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Chances for the scenario, of the same seed but apart from those of the network.
    pub fn rng(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed ^ 0x5eed)
    }

    /// The host of this name, an IP address as a rule: a network as seen from there.
    pub fn host(&self, name: impl Into<String>) -> Host {
        Host::new(self.clone(), name.into())
    }

    /// Default options of a socket on the host of this name.
    pub fn options(&self, host: &str) -> Options {
        let mut options = Options::default();
        options.network = Some(Arc::new(self.host(host)));
        options
    }

    /// The weather everywhere that has none of its own. Connections that are up keep the
    /// [`lifetime`](Weather::lifetime) they were born with.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.change(|state| state.weather = weather);
    }

    /// The weather between two hosts.
    pub fn set_weather_between(&self, one: &str, other: &str, weather: Weather) {
        let hosts = state::pair(one, other);
        self.shared.change(|state| state.weathers.insert(hosts, weather));
    }

    /// Ends all misfortune: calm weather, no partition, and connections live on that were to break.
    /// Those that broke in silence stay broken.
    pub fn calm(&self) {
        self.shared.change(State::calm);
    }

    /// Lets nothing pass between two hosts: what is sent waits, dials fail or wait, a reset is lost.
    pub fn cut(&self, one: &str, other: &str) {
        self.shared.change(|state| state.cut(one, other));
    }

    /// Lets two hosts see each other again; what waited arrives.
    pub fn heal(&self, one: &str, other: &str) {
        self.shared.change(|state| state.heal(one, other));
    }

    /// Breaks all connections between two hosts; both sides hear of it. Returns how many.
    pub fn reset(&self, one: &str, other: &str) -> usize {
        self.shared.change(|state| state.break_all(one, other, false))
    }

    /// Breaks all connections between two hosts in silence: writes are taken until the window is
    /// full, nothing arrives, nobody is told. Returns how many.
    pub fn silence(&self, one: &str, other: &str) -> usize {
        self.shared.change(|state| state.break_all(one, other, true))
    }

    /// The host loses power and comes back: its listeners and connections are gone, and its peers
    /// hear of that when a packet reaches it again, or the news gets through.
    pub fn restart(&self, host: &str) {
        self.shared.change(|state| state.restart(host));
    }

    /// Connections of which at least one side still exists.
    pub fn n_connections(&self) -> usize {
        self.shared.lock().links.len()
    }

    /// Connections that broke in silence and that one side at least still holds.
    pub fn n_silent(&self) -> usize {
        self.shared.lock().links.values().filter(|it| it.is_silent).count()
    }

    /// Writes into the trace, so that runs are also compared by what the scenario saw.
    pub fn note(&self, text: impl std::fmt::Display) {
        self.shared.lock().trace.add(format_args!("- {text}"));
    }

    /// What happened so far.
    pub fn trace(&self) -> Trace {
        self.shared.lock().trace.clone()
    }

    /// Lets time pass; under a stopped clock at no cost of real time.
    pub async fn pass(&self, time: Duration) {
        // Not synchronisation: what is simulated takes time.
        tokio::time::sleep(time).await;
    }
}
