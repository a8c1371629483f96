//! Others, by name, as a node and its agents look for them.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Name, near};
use gleis_naming::NamingError;

use crate::{
    Agent, Context, Node, Proxy, ProxyError,
    lookup::{proxy, read, wait_for},
    node::Host,
};

impl<A: Agent> Context<A> {
    /// A proxy for the agent of this name, wherever it runs: whom the name server of this agent's node knows.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name (and who looks alike), no answer, or the node has no name server.
    pub async fn proxy(&self, name: impl AsRef<str>) -> Result<Proxy, ProxyError> {
        find(self.cell.host.upgrade(), name.as_ref()).await
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
        await_one(self.cell.host.upgrade(), name.as_ref(), patience).await
    }
}

impl Node {
    /// A proxy for the agent of this name, wherever it runs: whom the name server of the node knows.
    ///
    /// # Errors
    /// [`ProxyError`]: nobody has this name (and who looks alike), no answer, or the node has no name server.
    pub async fn proxy(&self, name: impl AsRef<str>) -> Result<Proxy, ProxyError> {
        find(Some(self.host.clone()), name.as_ref()).await
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
        await_one(Some(self.host.clone()), name.as_ref(), patience).await
    }

    /// Ends the agent of this name at once, as [`Proxy::kill`] does; false if there is none here. An agent that
    /// has a [supervisor](crate::Supervisor) has failed by that.
    pub async fn kill(&self, name: impl AsRef<str>) -> bool {
        let Ok(name) = Name::new(name) else { return false };
        let Some(agent) = self.host.find(&name) else { return false };
        self.host.kill(&agent).await;
        true
    }

    /// Ends everything at once, as dropping the node does: nobody is told, names stay until the name server
    /// misses them.
    pub fn abort(&self) {
        self.host.abort();
    }
}

async fn find(host: Option<Arc<Host>>, name: &str) -> Result<Proxy, ProxyError> {
    let host = here(host)?;
    match host.client() {
        Some(client) => proxy(&*client, host.network(), name).await,
        None => Err(unknown(&host, name)),
    }
}

async fn await_one(
    host: Option<Arc<Host>>,
    name: &str,
    patience: Duration,
) -> Result<Proxy, ProxyError> {
    let host = here(host)?;
    match host.client() {
        Some(client) => wait_for(&*client, host.network(), name, patience).await,
        None => Err(unknown(&host, name)),
    }
}

fn here(host: Option<Arc<Host>>) -> Result<Arc<Host>, ProxyError> {
    host.ok_or(ProxyError::Naming(NamingError::Closed))
}

/// The error of a node that has no name server to ask, or none any more.
fn unknown(host: &Host, name: &str) -> ProxyError {
    match read(name) {
        Ok(name) if host.name_server().is_none() => {
            let near = near(name.as_str(), host.names());
            NamingError::Unknown { name, near }.into()
        }
        Ok(_) => NamingError::Closed.into(),
        Err(error) => error,
    }
}
