//! How a node is made.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError};
use gleis_naming::{Directory, NameClient};
use gleis_patterns::Replier;
use gleis_transport::Network;

use super::{Host, Lease, Node, codec, service};
use crate::NodeError;

/// A node that is about to connect: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it connects when it is awaited"]
pub struct ConnectNode {
    name_server: Result<Endpoint, EndpointError>,
    listen: Result<Endpoint, EndpointError>,
    network: Option<Arc<dyn Network>>,
    within: Duration,
}

impl ConnectNode {
    pub(super) fn new(name_server: Result<Endpoint, EndpointError>) -> Self {
        let within = Duration::from_secs(3);
        Self { name_server, listen: "tcp://127.0.0.1:0".parse(), network: None, within }
    }

    /// Where other processes call the agents; `tcp://127.0.0.1:0` by default: this machine, any
    /// free port.
    pub fn listen(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.listen = at.try_into().map_err(Into::into);
        self
    }

    /// What tcp and ipc go through, for the node and the sockets of its agents; the operating system by default.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = Some(network);
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
        let mut client = NameClient::connect(at).within(self.within);
        if let Some(network) = &self.network {
            client = client.network(network.clone());
        }
        let client = client.await;
        let client = client.map_err(|it| NodeError::NameServer(Box::new(it)))?;
        let watch = client.watch().await.map_err(NodeError::Watch)?;
        let listen = self.listen.map_err(gleis_patterns::OpenError::Endpoint);
        let listen = listen.map_err(NodeError::Listen)?;
        let mut replier = Replier::bind(listen).codec(codec());
        if let Some(network) = &self.network {
            replier = replier.network(network.clone());
        }
        let replier = replier.await.map_err(NodeError::Listen)?;
        let control = replier.endpoint().clone();
        let host = Host::new(client, control, self.network, lasting);
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
