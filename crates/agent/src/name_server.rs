//! Name servers, as those who run agents see them.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError, Name, Topology};
use gleis_naming::{
    ConnectNameClient, Directory, NameClient, NameServer, NamingError, ShutdownReport,
};
use gleis_transport::{Network, Options};
use tokio::time::{Instant, timeout_at};

use crate::{
    Addr, NameServerError, NodeError, NodeProxy, Proxy, ProxyError, ProxyPlace, ShutdownError,
    TypedProxy,
    lookup::{names, nodes, places, proxy, shutdown_agents, wait_for},
    node::{default_name_server, forget_default, node_closed, remember_default},
    topology::look,
};

/// How long the end may take once somebody is in a hurry: half of it is for agents to end by themselves.
const HURRY: Duration = Duration::from_secs(2);

/// Starts a name server in this program; `.await` gives it.
///
/// It listens on `tcp://127.0.0.1:0`, this machine and any free port, unless
/// [told otherwise](RunNameServer::at), and from now on agents on this runtime use it if they
/// name no other.
pub fn run_nameserver() -> RunNameServer {
    RunNameServer { at: "tcp://127.0.0.1:0".parse(), network: None }
}

/// A name server about to start: choose, then `.await`.
#[derive(Debug)]
#[must_use = "it starts when it is awaited"]
pub struct RunNameServer {
    at: Result<Endpoint, EndpointError>,
    network: Option<Arc<dyn Network>>,
}

impl RunNameServer {
    /// Where to listen.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = at.try_into().map_err(Into::into);
        self
    }
}

impl RunNameServer {
    /// What tcp and ipc go through, for the name server and the proxies that it gives; the operating system by
    /// default. One on another network is not used by agents that name no name server.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = Some(network);
        self
    }
}

impl IntoFuture for RunNameServer {
    type Output = Result<NameServerHandle, NameServerError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Starts it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let at = self.at.map_err(gleis_naming::BindError::Endpoint)?;
            let mut options = Options::default();
            options.network = self.network.clone();
            let server = NameServer::bind(at).options(options).await?;
            if self.network.is_none() {
                remember_default(server.endpoint());
            }
            Ok(NameServerHandle { server, network: self.network })
        })
    }
}

/// A name server of this program. Dropping it ends it at once, and leaves the agents to
/// themselves.
#[derive(Debug)]
#[must_use = "dropping it ends the name server"]
pub struct NameServerHandle {
    server: NameServer,
    network: Option<Arc<dyn Network>>,
}

impl NameServerHandle {
    /// Where others can reach it.
    pub fn endpoint(&self) -> &Endpoint {
        self.server.endpoint()
    }

    /// A proxy for the agent of this name.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name (and who looks alike).
    pub async fn proxy(&self, name: impl AsRef<str>) -> Result<Proxy, ProxyError> {
        proxy(&*self.server.directory(), self.network.as_ref(), name.as_ref()).await
    }

    /// As [`proxy`](Self::proxy), to be called by type: the agent is believed to be an `A`.
    ///
    /// # Errors
    /// As `proxy`.
    pub async fn typed_proxy<A>(&self, name: impl AsRef<str>) -> Result<TypedProxy<A>, ProxyError> {
        Ok(self.proxy(name).await?.typed())
    }

    /// As [`proxy`](Self::proxy), of an agent that need not be there yet: waits until it is registered and has
    /// started.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name, or has not started, within `patience`.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for(
        &self,
        name: impl AsRef<str>,
        patience: Duration,
    ) -> Result<Proxy, ProxyError> {
        wait_for(&*self.server.directory(), self.network.as_ref(), name.as_ref(), patience).await
    }

    /// Where the socket of this alias of an agent is.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name, or has no such socket (and what looks alike), or no answer.
    pub async fn addr(&self, agent: impl AsRef<str>, alias: &str) -> Result<Addr, ProxyError> {
        Ok(self.proxy(agent).await?.addr(alias).await?)
    }

    /// The names of all agents.
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn agents(&self) -> Result<Vec<Name>, NamingError> {
        names(&*self.server.directory()).await
    }

    /// The nodes of all agents, to read what they keep. Each has a connection of its own.
    ///
    /// # Errors
    /// [`ProxyError`]: no answer, or a node has an address that cannot be connected to.
    pub async fn nodes(&self) -> Result<Vec<NodeProxy>, ProxyError> {
        nodes(&*self.server.directory(), self.network.as_ref()).await
    }

    /// Where all agents are called. Nobody is connected to.
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn places(&self) -> Result<Vec<ProxyPlace>, NamingError> {
        places(&*self.server.directory()).await
    }

    /// All agents, their sockets, and who is connected to whom; an agent that does not answer `within` this
    /// time is there with what is the matter as its state.
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn topology(&self, within: Duration) -> Result<Topology, NamingError> {
        look(&*self.server.directory(), self.network.as_ref(), within).await
    }

    /// Shuts down all agents that are registered now, and not the name server. Those that do not come to an end
    /// in half of `timeout` are ended by force, if their process still answers. Always ends.
    ///
    /// # Errors
    /// [`ShutdownError::Stayed`] names those that are registered still when time is over.
    ///
    /// # Cancel safety
    /// Agents that have been told shut down all the same.
    pub async fn shutdown_agents(&self, timeout: Duration) -> Result<(), ShutdownError> {
        shutdown_agents(&*self.server.directory(), self.network.as_ref(), timeout).await
    }

    /// Shuts down all registered agents, wherever they run, and then the name server. Agents that
    /// do not come to an end in half of `timeout` are ended by force, if their process still
    /// answers. Always ends.
    ///
    /// # Errors
    /// [`ShutdownError::Stayed`] names the agents that were registered still when time was over.
    ///
    /// # Cancel safety
    /// The shutdown goes on when the future is dropped.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownError> {
        complete(self.shutdown_report(timeout).await)
    }

    /// As [`shutdown`](Self::shutdown), and tells which agents had to be ended by force, and which stayed
    /// nevertheless.
    ///
    /// # Cancel safety
    /// The shutdown goes on when the future is dropped.
    pub async fn shutdown_report(&self, timeout: Duration) -> ShutdownReport {
        let end = Instant::now().checked_add(timeout);
        let report = self.server.shutdown(timeout).await;
        forget_default(self.endpoint());
        // The node of this program closes right after its last agent has left.
        let closed = node_closed(self.endpoint());
        match end {
            Some(end) => timeout_at(end, closed).await.unwrap_or(()),
            None => closed.await,
        }
        report
    }

    /// Waits for Ctrl-C, and then shuts everybody down as [`shutdown_report`](Self::shutdown_report) does; a
    /// second Ctrl-C ends those that are left by force, a second later.
    ///
    /// # Errors
    /// The system does not tell of Ctrl-C.
    ///
    /// # Cancel safety
    /// A shutdown that has begun goes on when the future is dropped.
    pub async fn until_interrupted(&self, timeout: Duration) -> std::io::Result<ShutdownReport> {
        tokio::signal::ctrl_c().await?;
        tokio::select! {
            // Heard from its first poll on, so that comes before anything is shut down.
            biased;
            again = tokio::signal::ctrl_c() => again?,
            report = self.shutdown_report(timeout) => return Ok(report),
        }
        Ok(self.shutdown_report(HURRY.min(timeout)).await)
    }

    /// Waits until the name server has closed, whoever asked it to.
    ///
    /// # Errors
    /// [`ShutdownError::Stayed`] names the agents that were registered still.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn closed(&self) -> Result<(), ShutdownError> {
        let report = self.server.closed().await;
        forget_default(self.endpoint());
        node_closed(self.endpoint()).await;
        complete(report)
    }
}

impl Drop for NameServerHandle {
    fn drop(&mut self) {
        // Nobody should look for it any more.
        forget_default(self.server.endpoint());
    }
}

/// A name server elsewhere.
pub struct NameServerProxy {
    client: NameClient,
    network: Option<Arc<dyn Network>>,
}

impl NameServerProxy {
    /// Connects to the name server at `at`; `.await` does it.
    pub fn connect(
        at: impl TryInto<Endpoint, Error: Into<EndpointError>>,
    ) -> ConnectNameServerProxy {
        let at = at.try_into().map_err(Into::into);
        ConnectNameServerProxy { connect: at.map(NameClient::connect), network: None }
    }

    /// Connects to the name server that the variable `GLEIS_NAMESERVER` names, or that
    /// [`run_nameserver`] started on this runtime; `.await` does it.
    ///
    /// # Errors
    /// [`NodeError`]: none is named, or it is no address.
    pub fn found() -> Result<ConnectNameServerProxy, NodeError> {
        Ok(Self::connect(default_name_server()?))
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Sees whether it is there.
    ///
    /// # Errors
    /// [`NamingError`]: it has closed or does not answer.
    pub async fn ping(&self) -> Result<(), NamingError> {
        // Whatever the answer is, there is one.
        match self.client.resolve(&Name::random()).await {
            Ok(_) | Err(NamingError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A proxy for the agent of this name.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name (and who looks alike), or no answer.
    pub async fn proxy(&self, name: impl AsRef<str>) -> Result<Proxy, ProxyError> {
        proxy(&self.client, self.network.as_ref(), name.as_ref()).await
    }

    /// As [`proxy`](Self::proxy), to be called by type: the agent is believed to be an `A`.
    ///
    /// # Errors
    /// As `proxy`.
    pub async fn typed_proxy<A>(&self, name: impl AsRef<str>) -> Result<TypedProxy<A>, ProxyError> {
        Ok(self.proxy(name).await?.typed())
    }

    /// As [`proxy`](Self::proxy), of an agent that need not be there yet: waits until it is registered and has
    /// started.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name, or has not started, within `patience`.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for(
        &self,
        name: impl AsRef<str>,
        patience: Duration,
    ) -> Result<Proxy, ProxyError> {
        wait_for(&self.client, self.network.as_ref(), name.as_ref(), patience).await
    }

    /// Where the socket of this alias of an agent is.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name, or has no such socket (and what looks alike), or no answer.
    pub async fn addr(&self, agent: impl AsRef<str>, alias: &str) -> Result<Addr, ProxyError> {
        Ok(self.proxy(agent).await?.addr(alias).await?)
    }

    /// The names of all agents.
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn agents(&self) -> Result<Vec<Name>, NamingError> {
        names(&self.client).await
    }

    /// The nodes of all agents, to read what they keep. Each has a connection of its own.
    ///
    /// # Errors
    /// [`ProxyError`]: no answer, or a node has an address that cannot be connected to.
    pub async fn nodes(&self) -> Result<Vec<NodeProxy>, ProxyError> {
        nodes(&self.client, self.network.as_ref()).await
    }

    /// Where all agents are called. Nobody is connected to.
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn places(&self) -> Result<Vec<ProxyPlace>, NamingError> {
        places(&self.client).await
    }

    /// All agents: see [`NameServerHandle::topology`].
    ///
    /// # Errors
    /// See [`NamingError`].
    pub async fn topology(&self, within: Duration) -> Result<Topology, NamingError> {
        look(&self.client, self.network.as_ref(), within).await
    }

    /// Shuts down all agents that are registered now, and not the name server. Those that do not come to an end
    /// in half of `timeout` are ended by force, if their process still answers. Always ends.
    ///
    /// # Errors
    /// [`ShutdownError::Stayed`] names those that are registered still when time is over.
    ///
    /// # Cancel safety
    /// Agents that have been told shut down all the same.
    pub async fn shutdown_agents(&self, timeout: Duration) -> Result<(), ShutdownError> {
        shutdown_agents(&self.client, self.network.as_ref(), timeout).await
    }

    /// Shuts down all registered agents and the name server: see [`NameServerHandle::shutdown`].
    ///
    /// # Errors
    /// [`ShutdownError`]: agents stayed, or the name server did not answer.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownError> {
        complete(self.shutdown_report(timeout).await?)
    }

    /// As [`shutdown`](Self::shutdown), and tells which agents had to be ended by force, and which stayed
    /// nevertheless.
    ///
    /// # Errors
    /// [`NamingError`]: the name server did not answer.
    pub async fn shutdown_report(&self, timeout: Duration) -> Result<ShutdownReport, NamingError> {
        self.client.shutdown_server(timeout).await
    }
}

impl fmt::Debug for NameServerProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameServerProxy").field("endpoint", self.endpoint()).finish()
    }
}

/// A connection to a name server that is about to be made: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it connects when it is awaited"]
pub struct ConnectNameServerProxy {
    connect: Result<ConnectNameClient, EndpointError>,
    network: Option<Arc<dyn Network>>,
}

impl ConnectNameServerProxy {
    /// What tcp and ipc go through, for this connection and the proxies that come of it; the operating system by
    /// default.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.connect = self.connect.map(|it| it.network(network.clone()));
        self.network = Some(network);
        self
    }

    /// How long to try to reach the name server; 3 seconds by default. It need not be there yet.
    pub fn within(mut self, patience: Duration) -> Self {
        self.connect = self.connect.map(|it| it.within(patience));
        self
    }
}

impl IntoFuture for ConnectNameServerProxy {
    type Output = Result<NameServerProxy, gleis_naming::ConnectError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Connects.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let connect = self.connect.map_err(gleis_naming::ConnectError::Endpoint)?;
            Ok(NameServerProxy { client: connect.await?, network: self.network })
        })
    }
}

fn complete(report: ShutdownReport) -> Result<(), ShutdownError> {
    match report.stayed.is_empty() {
        true => Ok(()),
        false => Err(ShutdownError::Stayed { agents: report.stayed }),
    }
}
