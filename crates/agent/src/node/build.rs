//! How a node is made.

use std::future::IntoFuture;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError};
use gleis_naming::{Directory, NameClient};
use gleis_patterns::Replier;

use super::{Host, Lease, Node, codec, service};
use crate::NodeError;

/// A node that is about to connect: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it connects when it is awaited"]
pub struct ConnectNode {
    name_server: Result<Endpoint, EndpointError>,
    listen: Result<Endpoint, EndpointError>,
    within: Duration,
}

impl ConnectNode {
    pub(super) fn new(name_server: Result<Endpoint, EndpointError>) -> Self {
        let within = Duration::from_secs(3);
        Self { name_server, listen: "tcp://127.0.0.1:0".parse(), within }
    }

    /// Where other processes call the agents; `tcp://127.0.0.1:0` by default: this machine, any
    /// free port.
    pub fn listen(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.listen = at.try_into().map_err(Into::into);
        self
    }

    /// How long to try to reach the name server; 3 seconds by default.
    pub fn within(mut self, patience: Duration) -> Self {
        self.within = patience;
        self
    }

    /// Makes the node; unless it is `lasting` it ends with its last agent.
    pub(super) async fn open(self, lasting: bool) -> Result<Lease, NodeError> {
        let at = self.name_server.map_err(NodeError::Address)?;
        let client = NameClient::connect(at).within(self.within).await;
        let client = client.map_err(|it| NodeError::NameServer(Box::new(it)))?;
        let watch = client.watch().await.map_err(NodeError::Watch)?;
        let listen = self.listen.map_err(gleis_patterns::OpenError::Endpoint);
        let listen = listen.map_err(NodeError::Listen)?;
        let replier = Replier::bind(listen).codec(codec()).await.map_err(NodeError::Listen)?;
        let control = replier.endpoint().clone();
        let host = Host::new(client, control, lasting);
        // Taken before it is served: without agents it would end at once.
        let lease = host.lease().ok_or(NodeError::Closed)?;
        service::start(&host, replier, watch);
        Ok(lease)
    }
}

impl IntoFuture for ConnectNode {
    type Output = Result<Node, NodeError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Connects it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(Node { host: self.open(true).await?.host().clone() }) })
    }
}
