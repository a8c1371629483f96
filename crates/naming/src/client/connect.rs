//! How a client reaches its server.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError, Name};
use gleis_transport::{Connector, Host, Network, Options, SocketType};

use crate::client::link::Link;
use crate::client::porch::Porch;
use crate::{ConnectError, NameClient, protocol};

/// The longest wait between attempts: a name server that is back should not be waited for.
const BACKOFF: Duration = Duration::from_millis(500);

/// A client that is about to connect: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it connects when it is awaited"]
pub struct ConnectNameClient {
    at: Result<Endpoint, EndpointError>,
    network: Option<Arc<dyn Network>>,
    request_timeout: Duration,
    within: Duration,
}

impl ConnectNameClient {
    pub(super) fn new(at: Result<Endpoint, EndpointError>) -> Self {
        let (request_timeout, within) = (Duration::from_secs(5), Duration::from_secs(3));
        Self { at, network: None, request_timeout, within }
    }

    /// How long to try to reach the server; 3 seconds by default. It need not be there yet.
    pub fn within(mut self, patience: Duration) -> Self {
        self.within = patience;
        self
    }

    /// What tcp and ipc go through; the operating system by default.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = Some(network);
        self
    }

    /// How long each request may take, reconnecting included; 5 seconds by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    async fn open(self) -> Result<NameClient, ConnectError> {
        let at = self.at.map_err(ConnectError::Endpoint)?;
        let link = Arc::new(Link::new(at.clone(), self.request_timeout));
        let porch = Arc::new(Porch::new(link.clone()));
        let as_host: Arc<dyn Host> = porch.clone();
        let config = protocol::link(SocketType::Dealer, options(self.network));
        let mut connector = Connector::start(at, Arc::new(config), Arc::downgrade(&as_host));

        let first = async {
            connector.first_attempt(self.within).await?;
            link.wait_ready().await;
            Ok(())
        };
        match tokio::time::timeout(self.within, first).await {
            Ok(Ok(())) => Ok(NameClient { _connector: connector, link, _porch: porch }),
            Ok(Err(source)) => {
                Err(ConnectError::Refused { endpoint: link.endpoint.clone(), source })
            }
            Err(_) => Err(ConnectError::NotLocated {
                endpoint: link.endpoint.clone(),
                source: porch.last_error(),
                within: self.within,
            }),
        }
    }
}

impl IntoFuture for ConnectNameClient {
    type Output = Result<NameClient, ConnectError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Connects.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

fn options(network: Option<Arc<dyn Network>>) -> Options {
    let mut options = Options::default();
    options.network = network;
    options.backoff.most = BACKOFF;
    // By this the server knows a client that comes back; nobody else can guess it.
    options.identity = Bytes::from(String::from(Name::random()));
    options
}
