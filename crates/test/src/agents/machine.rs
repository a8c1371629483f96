//! A machine of a world: a node that crashes and boots again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{Node, Result};
use gleis_core::Endpoint;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::sim::Sim;

/// How long a machine whose agents did not start waits before it tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// Runs the agents of a machine.
pub(super) type Boot =
    Box<dyn Fn(Arc<Node>) -> Pin<Box<dyn Future<Output = Result> + Send>> + Send + Sync>;

/// A machine of a [`World`](super::World): a host of the network with a node of agents. A cheap clone.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    boot: Boot,
    /// Tells the keeper that the machine is down.
    crashed: Notify,
    name: String,
    name_server: Endpoint,
    sim: Sim,
    state: Mutex<State>,
    /// Tells those who wait for it that it is up.
    up: Notify,
}

#[derive(Default)]
struct State {
    /// When it boots again.
    due: Option<Instant>,
    /// Why it did not come up the last time.
    error: Option<String>,
    is_up: bool,
    n_crashes: u32,
    node: Option<Arc<Node>>,
}

impl Machine {
    pub(super) fn new(name: &str, sim: &Sim, name_server: Endpoint, boot: Boot) -> Self {
        let (name, sim) = (name.to_owned(), sim.clone());
        let (crashed, state, up) = Default::default();
        Self(Arc::new(Inner { boot, crashed, name, name_server, sim, state, up }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its node, unless it is down. A machine that boots is up when all its agents have started.
    pub fn node(&self) -> Option<Arc<Node>> {
        let state = self.0.state.lock();
        state.node.clone().filter(|_| state.is_up)
    }

    /// How often it has crashed.
    pub fn n_crashes(&self) -> u32 {
        self.0.state.lock().n_crashes
    }

    /// Has it lose power for a time: its agents end at once, its connections break, and their peers hear of it when a
    /// packet gets through. False if it was down already. Tasks that agents have spawned apart are not ended.
    pub fn crash(&self, down: Duration) -> bool {
        let node = {
            let mut state = self.0.state.lock();
            let Some(node) = state.node.take() else {
                return false;
            };
            (state.due, state.is_up) = (Some(Instant::now() + down), false);
            state.n_crashes += 1;
            node
        };
        self.0.sim.note(format_args!("{} crashes", self.name()));
        self.end(&node);
        self.0.crashed.notify_one();
        true
    }

    /// Waits until it is up.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn up(&self) {
        loop {
            let up = self.0.up.notified();
            if self.0.state.lock().is_up {
                return;
            }
            up.await;
        }
    }

    /// Boots it, for the first time or again.
    pub(super) async fn boot(&self) -> Result {
        let network = Arc::new(self.0.sim.host(self.name()));
        let node = Node::connect(self.0.name_server.clone()).network(network).await?;
        let node = Arc::new(node);
        self.0.state.lock().node = Some(node.clone());
        let booted = (self.0.boot)(node.clone()).await;
        let mut state = self.0.state.lock();
        match booted {
            Ok(()) if state.node.is_some() => {
                (state.due, state.error, state.is_up) = (None, None, true);
                drop(state);
                self.0.sim.note(format_args!("{} is up", self.name()));
                self.0.up.notify_waiters();
                Ok(())
            }
            booted => {
                state.node = None;
                drop(state);
                self.end(&node);
                booted
            }
        }
    }

    /// Waits for another crash than the first `n_crashes`.
    async fn crashed_after(&self, n_crashes: u32) {
        while self.n_crashes() == n_crashes {
            self.0.crashed.notified().await;
        }
    }

    fn end(&self, node: &Node) {
        // First the network: nobody is told goodbye.
        self.0.sim.restart(self.name());
        node.abort();
    }
}

/// Boots a machine after each crash.
pub(super) async fn keep(machine: Machine) {
    let inner = machine.0.clone();
    loop {
        let (due, n_crashes) = {
            let state = inner.state.lock();
            (state.due, state.n_crashes)
        };
        let Some(due) = due else {
            inner.crashed.notified().await;
            continue;
        };
        sleep_until(due).await;
        tokio::select! {
            biased;
            // It is due again.
            () = machine.crashed_after(n_crashes) => (),
            booted = machine.boot() => if let Err(error) = booted {
                let mut state = inner.state.lock();
                state.due = Some(Instant::now() + AGAIN);
                state.error = Some(error.to_string());
            },
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Machine")
            .field("name", &self.0.name)
            .field("is_up", &state.is_up)
            .field("n_crashes", &state.n_crashes)
            .field("error", &state.error)
            .finish_non_exhaustive()
    }
}
