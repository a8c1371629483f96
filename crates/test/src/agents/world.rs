//! A whole system of agents, run from a seed.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{NameServerHandle, Node, Proxy, ProxyError, Result, run_nameserver};
use gleis_core::Endpoint;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::Faults;
use super::machine::{Machine, keep};
use super::storm::storm;
use crate::sim::{self, Failure, Sim, Trace, Verdict};

/// The host of the name server, and of whoever looks at the agents from outside.
const OUTSIDE: &str = "names";
/// How long machines may take to come up again in calm weather.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Plays `scenario` in a [`World`] for seeds from 0 on, `n_seeds` of them: see [`sim::run`], also for the variables,
/// such as `GLEIS_SIM_SEED`, that say otherwise.
///
/// # Panics
/// If a run fails: the scenario returns an error or panics, any task panics, or it hangs. The message names the seed,
/// what happened last, and the command that replays it.
pub fn simulate<F, Fut>(n_seeds: u64, scenario: F)
where
    F: Fn(World) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Verdict> + 'static,
{
    sim::run(n_seeds, in_world(scenario));
}

/// As [`simulate`], and returns the first run that fails instead of a panic.
pub fn search<F, Fut>(n_seeds: u64, scenario: F) -> Option<Failure>
where
    F: Fn(World) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Verdict> + 'static,
{
    sim::search(n_seeds, in_world(scenario))
}

/// What happens when `scenario` is played for `seed`: to see that two runs of a seed are one.
///
/// # Panics
/// If the run fails.
pub fn trace_of<F, Fut>(seed: u64, scenario: F) -> Trace
where
    F: Fn(World) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Verdict> + 'static,
{
    sim::trace_of(seed, in_world(scenario))
}

/// Plays `scenario` for `seed`, in place: what happens, or how it fails. No bound on real time ends it.
///
/// # Errors
/// As [`search`] says it.
pub fn replay<F, Fut>(seed: u64, scenario: F) -> std::result::Result<Trace, Failure>
where
    F: Fn(World) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Verdict> + 'static,
{
    sim::replay(seed, in_world(scenario))
}

fn in_world<F, Fut>(scenario: F) -> impl Fn(Sim) -> BoxFuture<Fut::Output> + Send + 'static
where
    F: Fn(World) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Verdict> + 'static,
{
    let scenario = Arc::new(scenario);
    move |sim| {
        let scenario = scenario.clone();
        Box::pin(async move {
            let world = World::open(sim).await;
            let played = scenario(world.clone()).await;
            world.end();
            played
        })
    }
}

type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T>>>;

/// Machines with agents, joined by a simulated network, and a name server that is always there. Clones are the same
/// world.
///
/// Whatever happens by chance is drawn from the seed, and time passes when everybody waits.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    machines: Mutex<BTreeMap<String, Kept>>,
    name_server: NameServerHandle,
    sim: Sim,
    storm: Mutex<Option<TaskGuard>>,
}

/// A machine with the task that boots it.
struct Kept {
    machine: Machine,
    _keeper: TaskGuard,
}

impl World {
    async fn open(sim: Sim) -> Self {
        let at = format!("tcp://{OUTSIDE}:7000");
        let server = run_nameserver().at(at.as_str()).network(Arc::new(sim.host(OUTSIDE))).await;
        let name_server = server.expect("nobody else is on this network");
        let (machines, storm) = Default::default();
        Self { inner: Arc::new(Inner { machines, name_server, sim, storm }) }
    }

    /// Lets go of the machines: what they run may hold the world.
    fn end(&self) {
        drop(self.inner.storm.lock().take());
        let machines = std::mem::take(&mut *self.inner.machines.lock());
        drop(machines);
    }

    /// Adds a machine of this name, and boots it: `boot` runs its agents on its node. It is called again each time the
    /// machine comes up after a crash, and again a second later when it fails then.
    ///
    /// The node is gone after a crash, whoever holds it, and so is all that was in its agents. What `boot` has
    /// captured, such as an `Arc<Mutex<..>>`, is the disk: it stays.
    ///
    /// # Errors
    /// Those of the first `boot`; there is no such machine then.
    ///
    /// # Panics
    /// If there is a machine of this name.
    pub async fn machine<F, Fut>(&self, name: &str, boot: F) -> Result<Machine>
    where
        F: Fn(Arc<Node>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result> + Send + 'static,
    {
        let is_free = name != OUTSIDE && !self.inner.machines.lock().contains_key(name);
        assert!(is_free, "there is a machine `{name}` already");
        let boot = Box::new(move |node| Box::pin(boot(node)) as _);
        let machine = Machine::new(name, &self.inner.sim, self.name_server().clone(), boot);
        machine.boot().await?;
        let keeper = TaskGuard::spawn(keep(machine.clone()));
        let kept = Kept { machine: machine.clone(), _keeper: keeper };
        self.inner.machines.lock().insert(name.to_owned(), kept);
        Ok(machine)
    }

    /// Lets these faults happen until it is [calm](Self::calm), in place of others that do.
    pub fn faults(&self, faults: Faults) {
        let sim = self.sim().clone();
        sim.set_weather(faults.weather.clone());
        let storm = TaskGuard::spawn(storm(sim, self.machines(), faults));
        *self.inner.storm.lock() = Some(storm);
    }

    /// Ends all faults, and waits until all machines are up again.
    ///
    /// # Panics
    /// If one does not come up within an hour: the message says why not.
    pub async fn calm(&self) {
        drop(self.inner.storm.lock().take());
        self.inner.sim.calm();
        for machine in self.machines() {
            if timeout(PATIENCE, machine.up()).await.is_err() {
                panic!("{machine:?} does not come up again");
            }
        }
    }

    /// A proxy for the agent of this name, as seen from the host of the name server, which never crashes.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name, or has not started, within `patience`.
    pub async fn proxy(&self, name: &str, patience: Duration) -> Result<Proxy, ProxyError> {
        self.inner.name_server.wait_for(name, patience).await
    }

    /// Where the name server is.
    pub fn name_server(&self) -> &Endpoint {
        self.inner.name_server.endpoint()
    }

    /// All machines, by their names.
    pub fn machines(&self) -> Vec<Machine> {
        self.inner.machines.lock().values().map(|it| it.machine.clone()).collect()
    }

    /// The network, and the trace of what happens.
    pub fn sim(&self) -> &Sim {
        &self.inner.sim
    }

    /// What all chances come from.
    pub fn seed(&self) -> u64 {
        self.inner.sim.seed()
    }

    /// Chances for the scenario: see [`Sim::rng`].
    pub fn rng(&self) -> fastrand::Rng {
        self.inner.sim.rng()
    }

    /// Writes into the trace: see [`Sim::note`].
    pub fn note(&self, text: impl fmt::Display) {
        self.inner.sim.note(text);
    }

    /// Lets time pass, at no cost of real time.
    pub async fn pass(&self, time: Duration) {
        self.inner.sim.pass(time).await;
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed())
            .field("machines", &self.machines())
            .finish_non_exhaustive()
    }
}
