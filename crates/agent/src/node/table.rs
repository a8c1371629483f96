//! Which agents a node has.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use gleis_core::Name;
use parking_lot::Mutex;
use tokio::{sync::watch, task::AbortHandle, time::Instant};

use crate::{RunError, cell::AnyAgent, identity::Identity};

/// The agents of a node, and whether somebody is about to add one.
pub(super) struct Table {
    state: Mutex<State>,
    /// True when the node has nothing left to do.
    is_done: watch::Sender<bool>,
    lasting: bool,
}

#[derive(Default)]
struct State {
    agents: BTreeMap<Name, Entry>,
    n_leases: usize,
    is_closed: bool,
}

struct Entry {
    agent: Arc<dyn AnyAgent>,
    task: AbortHandle,
}

impl Table {
    /// A table that, if `lasting`, is not done when its last agent is gone but when it is closed
    /// too.
    pub(super) fn new(lasting: bool) -> Self {
        Self { state: Mutex::default(), is_done: watch::Sender::new(false), lasting }
    }

    /// Keeps the node from closing for want of agents; false when it has closed.
    pub(super) fn lease(&self) -> bool {
        let mut state = self.state.lock();
        if state.is_closed {
            return false;
        }
        state.n_leases += 1;
        self.tell(&state);
        true
    }

    pub(super) fn end_lease(&self) {
        let mut state = self.state.lock();
        state.n_leases -= 1;
        self.tell(&state);
    }

    /// Adds an agent whose task is started by `spawn`.
    pub(super) fn add(
        &self,
        agent: Arc<dyn AnyAgent>,
        spawn: impl FnOnce() -> AbortHandle,
    ) -> Result<(), RunError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(RunError::Closing);
        }
        match state.agents.entry(agent.name().clone()) {
            btree_map::Entry::Occupied(taken) => {
                return Err(RunError::NameTaken { name: taken.key().clone() });
            }
            btree_map::Entry::Vacant(place) => place.insert(Entry { agent, task: spawn() }),
        };
        self.tell(&state);
        Ok(())
    }

    /// Has a new task for an agent that has none any more.
    pub(super) fn replace(
        &self,
        agent: &dyn AnyAgent,
        spawn: impl FnOnce() -> AbortHandle,
    ) -> Result<(), RunError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(RunError::Closing);
        }
        match state.agents.get_mut(agent.name()) {
            Some(entry) if entry.agent.identity() == agent.identity() => entry.task = spawn(),
            _ => return Err(RunError::Closing),
        }
        Ok(())
    }

    /// Ends the task of an agent, which keeps its place.
    pub(super) fn abort(&self, agent: &dyn AnyAgent) {
        let state = self.state.lock();
        let entry = state.agents.get(agent.name());
        let task = entry.filter(|it| it.agent.identity() == agent.identity());
        let task = task.map(|it| it.task.clone());
        drop(state);
        // What it lets go of may come back here.
        if let Some(task) = task {
            task.abort();
        }
    }

    /// Those whom this agent leads.
    pub(super) fn led_by(&self, leader: &Identity) -> Vec<Arc<dyn AnyAgent>> {
        let state = self.state.lock();
        let agents = state.agents.values().map(|it| &it.agent);
        agents.filter(|it| it.leash().is_some_and(|it| it.is_of(leader))).cloned().collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Forgets an agent, if it is still this one that has its name; gives its task.
    pub(super) fn remove(&self, agent: &dyn AnyAgent) -> Option<AbortHandle> {
        let mut state = self.state.lock();
        let entry = state.agents.get(agent.name())?;
        if entry.agent.identity() != agent.identity() {
            return None;
        }
        let entry = state.agents.remove(agent.name());
        self.tell(&state);
        drop(state);
        entry.map(|it| it.task)
    }

    pub(super) fn find(&self, name: &Name) -> Option<Arc<dyn AnyAgent>> {
        self.state.lock().agents.get(name).map(|it| it.agent.clone())
    }

    pub(super) fn all(&self) -> Vec<Arc<dyn AnyAgent>> {
        self.state.lock().agents.values().map(|it| it.agent.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().agents.is_empty()
    }

    /// Those who have become stuck, and of whom nobody was told.
    pub(super) fn become_stuck(&self, now: Instant) -> Vec<Arc<dyn AnyAgent>> {
        let state = self.state.lock();
        let agents = state.agents.values().map(|it| &it.agent);
        agents.filter(|it| it.becomes_stuck(now)).cloned().collect()
    }

    /// Takes in nobody any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        self.tell(&state);
    }

    /// Closes if nothing is left to do; true if it has.
    pub(super) fn close_if_done(&self) -> bool {
        let mut state = self.state.lock();
        let is_done = self.is_done(&state);
        state.is_closed |= is_done;
        is_done
    }

    /// Waits until nothing is left to do.
    pub(super) async fn done(&self) {
        let mut is_done = self.is_done.subscribe();
        // The sender is ours, so this cannot fail.
        let _ = is_done.wait_for(|it| *it).await;
    }

    fn is_done(&self, state: &State) -> bool {
        let is_vacant = state.agents.is_empty() && state.n_leases == 0;
        is_vacant && (state.is_closed || !self.lasting)
    }

    fn tell(&self, state: &State) {
        let is_done = self.is_done(state);
        self.is_done.send_if_modified(|it| std::mem::replace(it, is_done) != is_done);
    }
}
