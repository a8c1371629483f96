//! The inside of a node: starts agents, ends them, and knows them by name.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use gleis_core::{Endpoint, Name};
use gleis_naming::{Directory, NameClient, Record, RegisterError};
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, watch},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};

use super::{children::Children, table::Table, thread};
use crate::{
    Agent, AgentState, NodeError, RunError,
    actor::Actor,
    cell::{AnyAgent, Cell, Order, Setup},
    dynamic::Start,
};

/// How long the name server may take to forget a name; it does so by itself later.
const UNREGISTER: Duration = Duration::from_secs(2);

/// The inside of a node. Its tasks own it, so it lasts as long as one of them runs.
pub(crate) struct Host {
    address: Option<Address>,
    /// The connection to the name server, until the node has closed.
    client: Mutex<Option<Arc<NameClient>>>,
    table: Table,
    children: Children,
    service: Mutex<Option<JoinHandle<()>>>,
    is_served: watch::Sender<bool>,
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
    pub(super) fn new(client: NameClient, control: Endpoint, lasting: bool) -> Arc<Self> {
        let name_server = client.endpoint().clone();
        let address = Address { control, name_server };
        Self::build(Some(address), Some(Arc::new(client)), lasting)
    }

    pub(super) fn local() -> Arc<Self> {
        Self::build(None, None, true)
    }

    fn build(
        address: Option<Address>,
        client: Option<Arc<NameClient>>,
        lasting: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            address,
            client: Mutex::new(client),
            table: Table::new(lasting),
            children: Children::new(),
            service: Mutex::new(None),
            is_served: watch::Sender::new(false),
        })
    }

    pub(super) fn control(&self) -> Option<&Endpoint> {
        self.address.as_ref().map(|it| &it.control)
    }

    pub(super) fn name_server(&self) -> Option<&Endpoint> {
        self.address.as_ref().map(|it| &it.name_server)
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn names(&self) -> Vec<Name> {
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
        start: Start<A>,
    ) -> Result<Arc<Cell<A>>, RunError> {
        let Start { attributes, functions } = start;
        let on_thread = setup.on_thread;
        let (cell, jobs) = Cell::new(name, setup, functions);
        let begun = cell.begin_with(&mut agent, attributes);
        begun.map_err(|source| RunError::Attribute { name: cell.name.clone(), source })?;
        let (started, outcome) = oneshot::channel();
        let actor = Actor::new(agent, cell.clone(), jobs);
        let leave = Leave { host: self.clone(), agent: cell.clone() };
        let life = live(leave, actor, started);
        match on_thread {
            true => {
                let runtime = thread::runtime().map_err(NodeError::Thread)?;
                let name_server = self.name_server().cloned();
                let spawn = || thread::spawn(runtime, &cell.name, name_server, life);
                self.table.add(cell.clone(), spawn)?;
            }
            false => self.table.add(cell.clone(), || tokio::spawn(life).abort_handle())?,
        }
        match outcome.await {
            Ok(Ok(())) => Ok(cell),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(RunError::Closing),
        }
    }

    /// Shuts down one agent, by force if it does not come to an end within `grace`. True if it
    /// came to an end by itself.
    pub(crate) async fn stop(&self, agent: &Arc<dyn AnyAgent>, grace: Duration) -> bool {
        agent.tell(Order::End);
        let mut state = agent.state().subscribe();
        if timeout(grace, state.wait_for(|it| *it == AgentState::Gone)).await.is_ok() {
            return true;
        }
        tracing::warn!(target: "gleis::agent", agent = %agent.name(), "the agent is ended by force");
        self.kill(agent).await;
        false
    }

    /// Ends one agent at once, whatever it does.
    pub(crate) async fn kill(&self, agent: &Arc<dyn AnyAgent>) {
        if let Some(task) = self.table.remove(&**agent) {
            task.abort();
            self.unregister(agent.name(), true).await;
        }
        agent.release();
        agent.enter(AgentState::Gone);
    }

    /// Shuts down all agents and takes in no more; returns the names of those that were forced.
    pub(crate) async fn shutdown(&self, grace: Duration) -> Vec<Name> {
        self.table.close();
        let agents = self.table.all();
        let ends = agents.iter().map(|it| self.stop(it, grace));
        let ends = join_all(ends).await;
        let forced = agents.iter().zip(ends).filter(|(_, by_itself)| !by_itself);
        forced.map(|(agent, _)| agent.name().clone()).collect()
    }

    /// Ends everything at once.
    pub(super) fn abort(&self) {
        self.table.close();
        self.children.abort();
        if let Some(service) = self.service.lock().take() {
            service.abort();
        }
        for agent in self.table.all() {
            if let Some(task) = self.table.remove(&*agent) {
                task.abort();
            }
            agent.release();
            agent.enter(AgentState::Gone);
        }
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

/// The task of an agent, from its registration to the end.
async fn live<A: Agent>(
    leave: Leave,
    mut actor: Actor<A>,
    started: oneshot::Sender<Result<(), RunError>>,
) {
    let name = leave.agent.name().clone();
    let host = leave.host.clone();
    if let Err(error) = host.register(&name).await {
        drop(leave);
        let _ = started.send(Err(error));
        return;
    }
    if let Err(fault) = actor.start().await {
        host.unregister(&name, false).await;
        drop(leave);
        let _ = started.send(Err(RunError::Start { name, fault }));
        return;
    }
    if started.send(Ok(())).is_err() {
        // Whoever wanted this agent has given up.
        leave.agent.tell(Order::End);
    }
    actor.run().await;
    host.unregister(&name, false).await;
    drop(leave);
}

/// Clears up after an agent, however its task ends.
struct Leave {
    host: Arc<Host>,
    agent: Arc<dyn AnyAgent>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        // Nobody may wait for an agent that is gone, and nothing of it may go on.
        self.agent.release();
        let _: Option<AbortHandle> = self.host.table.remove(&*self.agent);
        self.agent.enter(AgentState::Gone);
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
