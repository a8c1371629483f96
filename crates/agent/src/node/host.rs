//! The inside of a node: starts agents, ends them, and knows them by name.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use gleis_core::{Endpoint, Name};
use gleis_naming::{Directory, NameClient, Record, RegisterError};
use gleis_transport::Network;
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, watch},
    task::{AbortHandle, JoinHandle},
    time::{Instant, timeout},
};

use super::{children::Children, table::Table, thread};
use crate::{
    Agent, AgentState, Ended, NodeError, RunError,
    actor::Actor,
    cell::{AnyAgent, Cell, Setup},
    dynamic::Start,
    identity::Identity,
    letters::Letters,
    log::Lines,
    orders::Order,
    supervise::End,
    timer::after,
};

/// How long the name server may take to forget a name; it does so by itself later.
const UNREGISTER: Duration = Duration::from_secs(2);

/// How long one that is ended by force is waited for, at least.
const AT_LEAST: Duration = Duration::from_secs(1);

/// The inside of a node. Its tasks own it, so it lasts as long as one of them runs.
pub(crate) struct Host {
    address: Option<Address>,
    /// What it goes through, unless that is the operating system.
    network: Option<Arc<dyn Network>>,
    /// The connection to the name server, until the node has closed.
    client: Mutex<Option<Arc<NameClient>>>,
    table: Table,
    children: Children,
    letters: Arc<Letters>,
    lines: Lines,
    /// Tells it from every other one, also at the same address.
    identity: Name,
    service: Mutex<Option<JoinHandle<()>>>,
    is_served: watch::Sender<bool>,
    /// Looks whether agents are stuck.
    pub(super) watcher: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Host {
    fn drop(&mut self) {
        // There is nobody to look at.
        if let Some(watcher) = self.watcher.get_mut() {
            watcher.abort();
        }
        // Readers shall not wait for more.
        self.letters.close();
    }
}

/// Where a node is, and where its name server.
struct Address {
    control: Endpoint,
    name_server: Endpoint,
}

/// Keeps a node from ending for want of agents.
pub(crate) struct Lease(Arc<Host>);

impl Lease {
    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Whatever the lease was for is done.
        self.0.table.end_lease();
    }
}

impl Host {
    /// A node that listens for calls at `control`; unless it is `lasting`, it ends with its last
    /// agent.
    pub(super) fn new(
        client: NameClient,
        control: Endpoint,
        network: Option<Arc<dyn Network>>,
        lasting: bool,
    ) -> Arc<Self> {
        let name_server = client.endpoint().clone();
        let address = Address { control, name_server };
        Self::build(Some(address), Some(Arc::new(client)), network, lasting)
    }

    pub(super) fn local() -> Arc<Self> {
        Self::build(None, None, None, true)
    }

    fn build(
        address: Option<Address>,
        client: Option<Arc<NameClient>>,
        network: Option<Arc<dyn Network>>,
        lasting: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            network,
            client: Mutex::new(client),
            table: Table::new(lasting),
            children: Children::new(),
            letters: Arc::default(),
            lines: Lines::default(),
            identity: Identity::new().to_name(),
            service: Mutex::new(None),
            is_served: watch::Sender::new(false),
            watcher: Mutex::new(None),
        })
    }

    pub(super) fn control(&self) -> Option<&Endpoint> {
        self.address.as_ref().map(|it| &it.control)
    }

    pub(crate) fn name_server(&self) -> Option<&Endpoint> {
        self.address.as_ref().map(|it| &it.name_server)
    }

    /// The connection to the name server, as long as there is one.
    pub(crate) fn client(&self) -> Option<Arc<NameClient>> {
        self.client.lock().clone()
    }

    /// What it goes through, unless that is the operating system.
    pub(crate) fn network(&self) -> Option<&Arc<dyn Network>> {
        self.network.as_ref()
    }

    pub(crate) fn letters(&self) -> &Arc<Letters> {
        &self.letters
    }

    /// What its agents have logged.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    pub(super) fn identity(&self) -> &Name {
        &self.identity
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.table.all().iter().map(|it| it.name().clone()).collect()
    }

    /// Keeps it from ending for want of agents; `None` when it has ended.
    pub(crate) fn lease(self: &Arc<Self>) -> Option<Lease> {
        self.table.lease().then(|| Lease(self.clone()))
    }

    /// Those who look after processes that this program has started.
    pub(crate) fn children(&self) -> &Children {
        &self.children
    }

    /// Spawns the task that serves the control listener.
    pub(super) fn serve(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        self.is_served.send_replace(true);
        let served = Served(self.clone());
        *self.service.lock() = Some(tokio::spawn(async move {
            task.await;
            drop(served);
        }));
    }

    /// Waits until the control listener has closed.
    pub(crate) async fn closed(&self) {
        let mut is_served = self.is_served.subscribe();
        // The sender is ours, so this cannot fail.
        let _ = is_served.wait_for(|it| !*it).await;
    }

    /// Runs an agent; returns when it handles calls.
    pub(crate) async fn run<A: Agent>(
        self: &Arc<Self>,
        name: Name,
        mut agent: A,
        setup: Setup,
        mut start: Start<A>,
    ) -> Result<Arc<Cell<A>>, RunError> {
        let functions = std::mem::take(&mut start.functions);
        let mut setup = Setup { host: Arc::downgrade(self), ..setup };
        setup.sockets.network = self.network.clone();
        let (cell, jobs) = Cell::new(name, setup, functions);
        let begun = start.begin(&mut agent, &cell);
        begun.map_err(|source| RunError::Attribute { name: cell.name.clone(), source })?;
        let actor = Actor::new(agent, cell.clone(), jobs, start.anew);
        self.begin(&cell, actor, true).await?;
        Ok(cell)
    }

    /// Begins another life of an agent that waits for it; returns when it handles calls.
    pub(crate) async fn revive<A: Agent>(
        self: &Arc<Self>,
        cell: &Arc<Cell<A>>,
        mut agent: A,
        mut start: Start<A>,
    ) -> Result<(), RunError> {
        let begun = start.begin_again(&mut agent);
        begun.map_err(|source| RunError::Attribute { name: cell.name.clone(), source })?;
        // Those whom its earlier life has led have no place in this one.
        self.end_led(&cell.identity).await;
        let jobs = cell.unpark().ok_or(RunError::Closing)?;
        let actor = Actor::new(agent, cell.clone(), jobs, start.anew);
        match cell.orders.run_again() {
            true => self.begin(cell, actor, false).await,
            false => Err(RunError::Closing),
        }
    }

    /// Begins a life, which is the first one if it `is_new`.
    async fn begin<A: Agent>(
        self: &Arc<Self>,
        cell: &Arc<Cell<A>>,
        actor: Actor<A>,
        is_new: bool,
    ) -> Result<(), RunError> {
        let (started, outcome) = oneshot::channel();
        let leave = Leave { host: self.clone(), agent: cell.clone(), is_new, end: None };
        let life = live(leave, actor, started);
        let runtime = cell.on_thread.then(thread::runtime);
        let runtime = runtime.transpose().map_err(NodeError::Thread)?;
        let spawn = || match runtime {
            Some(runtime) => {
                // One on another network is not used by agents that name no name server.
                let name_server = self.name_server().filter(|_| self.network.is_none());
                thread::spawn(runtime, &cell.name, name_server.cloned(), life)
            }
            None => tokio::spawn(life).abort_handle(),
        };
        match is_new {
            true => self.table.add(cell.clone(), spawn)?,
            false => self.table.replace(&**cell, spawn)?,
        }
        self.watch();
        outcome.await.unwrap_or(Err(RunError::Closing))
    }

    /// Shuts down one agent, by force if it does not come to an end within `grace`. True if it
    /// came to an end by itself.
    pub(crate) async fn stop(&self, agent: &Arc<dyn AnyAgent>, grace: Duration) -> bool {
        agent.tell(Order::End);
        if agent.is_parked() {
            // It has no task that could.
            self.end(agent).await;
            return true;
        }
        let mut state = agent.state().subscribe();
        if timeout(grace, state.wait_for(|it| *it == AgentState::Gone)).await.is_ok() {
            return true;
        }
        tracing::warn!(target: "gleis::agent", agent = %agent.name(), "the agent is ended by force");
        self.end(agent).await;
        false
    }

    /// Has an agent that has a supervisor end its life, by force if it does not within `grace`: it waits for the
    /// next one, unless it is gone.
    pub(crate) async fn rest(&self, agent: &Arc<dyn AnyAgent>, grace: Duration) {
        agent.tell(Order::Renew);
        if !agent.is_led() {
            // It was told to stop or to end before: it has no next life to wait for.
            self.stop(agent, grace).await;
            return;
        }
        let mut state = agent.state().subscribe();
        let is_at_rest = |it: &AgentState| {
            *it == AgentState::Gone
                || (matches!(it, AgentState::Restarting(_)) && agent.is_parked())
        };
        if timeout(grace, state.wait_for(is_at_rest)).await.is_ok() {
            return;
        }
        tracing::warn!(target: "gleis::agent", agent = %agent.name(), "the agent is ended by force");
        self.table.abort(&**agent);
        // One that never lets go of its thread is not waited for.
        let _ = timeout(grace.max(AT_LEAST), state.wait_for(is_at_rest)).await;
    }

    /// Ends one agent at once, whatever it does. If it has a supervisor, that decides what becomes of it.
    pub(crate) async fn kill(&self, agent: &Arc<dyn AnyAgent>) {
        // What has not begun is nobody's child yet.
        if !agent.is_led() || agent.life().state == AgentState::Starting {
            return self.end(agent).await;
        }
        if agent.is_parked() {
            return;
        }
        let (n_restarts, mut state) = (agent.n_restarts(), agent.state().subscribe());
        self.table.abort(&**agent);
        let is_over = |it: &AgentState| *it == AgentState::Gone || n_restarts != agent.n_restarts();
        // One that never lets go of its thread is not waited for.
        let _ = timeout(AT_LEAST, state.wait_for(is_over)).await;
    }

    /// Ends one agent at once and for good, and those whom it leads.
    pub(crate) fn end<'a>(&'a self, agent: &'a Arc<dyn AnyAgent>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            agent.tell(Order::End);
            if let Some(task) = self.table.remove(&**agent) {
                let state = agent.life().state;
                agent.note_end(match state {
                    AgentState::Restarting(fault) => Ended::Failed(fault),
                    _ => Ended::Killed,
                });
                task.abort();
                self.rest_if_empty();
                self.unregister(agent.name(), true).await;
            }
            agent.release();
            agent.enter(AgentState::Gone);
            self.end_led(agent.identity()).await;
        })
    }

    /// Ends those whom this agent leads, at once.
    pub(crate) async fn end_led(&self, leader: &Identity) {
        let led = self.table.led_by(leader);
        if !led.is_empty() {
            join_all(led.iter().map(|it| self.end(it))).await;
        }
    }

    /// Whether it takes in nobody any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.table.is_closed()
    }

    /// The agent of this name.
    pub(crate) fn find(&self, name: &Name) -> Option<Arc<dyn AnyAgent>> {
        self.table.find(name)
    }

    /// Shuts down all agents and takes in no more; returns the names of those that were forced.
    pub(crate) async fn shutdown(&self, grace: Duration) -> Vec<Name> {
        self.table.close();
        let end = after(Instant::now(), grace);
        let mut forced = Vec::new();
        // Those who have a supervisor are ended by it, in its order. What is left then had none to do it.
        for is_led in [false, true] {
            let all = self.table.all().into_iter();
            let agents: Vec<_> = all.filter(|it| is_led || !it.is_led()).collect();
            let grace = end.saturating_duration_since(Instant::now());
            let ends = join_all(agents.iter().map(|it| self.stop(it, grace))).await;
            let stayed = agents.iter().zip(ends).filter(|(_, by_itself)| !by_itself);
            forced.extend(stayed.map(|(agent, _)| agent.name().clone()));
        }
        forced
    }

    /// Ends everything at once.
    pub(crate) fn abort(&self) {
        self.table.close();
        self.children.abort();
        if let Some(service) = self.service.lock().take() {
            service.abort();
        }
        for agent in self.table.all() {
            agent.tell(Order::End);
            agent.note_end(Ended::Killed);
            if let Some(task) = self.table.remove(&*agent) {
                task.abort();
            }
            agent.release();
            agent.enter(AgentState::Gone);
        }
        self.rest_if_empty();
    }

    async fn register(&self, name: &Name) -> Result<(), RunError> {
        let Some(address) = &self.address else {
            return Ok(());
        };
        let Some(client) = self.client.lock().clone() else {
            return Err(RunError::Closing);
        };
        let record = Record::new(address.control.clone());
        let name = name.clone();
        // Boxed, as the task of each agent is as large as what it may wait for here.
        match Box::pin(client.register(&name, record)).await {
            Ok(()) => Ok(()),
            Err(RegisterError::Taken { name, .. }) => Err(RunError::NameTaken { name }),
            Err(RegisterError::Closing) => Err(RunError::Closing),
            Err(source) => Err(RunError::Register { name, source }),
        }
    }

    async fn unregister(&self, name: &Name, forced: bool) {
        let Some(client) = self.client.lock().clone() else {
            return;
        };
        let unregister = async {
            match forced {
                true => client.unregister_forced(name).await,
                false => client.unregister(name).await,
            }
        };
        let reason = match Box::pin(timeout(UNREGISTER, unregister)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the name server did not answer".to_owned(),
        };
        tracing::debug!(target: "gleis::agent", agent = %name, reason, "the name stays for now");
    }
}

/// The task of an agent, from its registration to the end of this life.
async fn live<A: Agent>(
    mut leave: Leave,
    mut actor: Actor<A>,
    started: oneshot::Sender<Result<(), RunError>>,
) {
    let name = leave.agent.name().clone();
    let host = leave.host.clone();
    if leave.is_new
        && let Err(error) = host.register(&name).await
    {
        drop(actor);
        drop(leave);
        let _ = started.send(Err(error));
        return;
    }
    if let Err(fault) = actor.start().await {
        drop(actor);
        if !leave.is_to_stay() {
            leave.agent.note_end(Ended::Failed(fault.clone()));
            host.unregister(&name, false).await;
        }
        drop(leave);
        let _ = started.send(Err(RunError::Start { name, fault }));
        return;
    }
    leave.end = Some(End::Killed);
    if started.send(Ok(())).is_err() {
        // Whoever wanted this agent has given up.
        leave.agent.tell(Order::End);
    }
    let end = actor.run().await;
    leave.end = Some(end);
    if !leave.is_to_stay() {
        host.unregister(&name, false).await;
    }
    drop(leave);
}

/// Clears up after a life of an agent, however its task ends.
struct Leave {
    host: Arc<Host>,
    agent: Arc<dyn AnyAgent>,
    /// Whether it is the first life.
    is_new: bool,
    /// How it ends, from when it has begun well.
    end: Option<End>,
}

impl Leave {
    /// Whether the agent waits for another life, or to be ended with its supervisor.
    fn is_to_stay(&self) -> bool {
        let may_have_another = match self.end {
            None => !self.is_new,
            Some(End::Shutdown) => false,
            Some(_) => true,
        };
        may_have_another && self.agent.is_leashed()
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let (end, leash) = (self.end.clone(), self.agent.leash().cloned());
        if self.is_to_stay() {
            let fault = end.clone().unwrap_or(End::Killed).into_fault();
            self.agent.lay_down(fault);
            // Nobody else ends it if it was told to shut down until now.
            if self.is_to_stay() {
                if let (Some(leash), Some(end)) = (leash, end) {
                    leash.report(self.agent.n_restarts(), end);
                }
                return;
            }
        }
        if matches!(end, Some(End::Killed)) {
            // Its task was dropped: by its runtime, if nobody else has noted why.
            self.agent.note_end(Ended::Killed);
        }
        // Nobody may wait for an agent that is gone, and nothing of it may go on.
        self.agent.release();
        let _: Option<AbortHandle> = self.host.table.remove(&*self.agent);
        self.host.rest_if_empty();
        self.agent.enter(AgentState::Gone);
        if let (Some(leash), Some(_)) = (leash, end) {
            leash.report(self.agent.n_restarts(), End::Shutdown);
        }
    }
}

/// Tells that the control listener is served no more.
struct Served(Arc<Host>);

impl Drop for Served {
    fn drop(&mut self) {
        // However the task ended. Those who still have references to agents keep no connection.
        drop(self.0.client.lock().take());
        self.0.is_served.send_replace(false);
    }
}
