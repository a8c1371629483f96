//! How a client reaches its server.

use std::future::IntoFuture;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError};

use crate::{ConnectError, NameClient};

/// A client that is about to connect: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it connects when it is awaited"]
pub struct ConnectNameClient {
    at: Result<Endpoint, EndpointError>,
    request_timeout: Duration,
    within: Duration,
}

impl ConnectNameClient {
    pub(super) fn new(at: Result<Endpoint, EndpointError>) -> Self {
        Self { at, request_timeout: Duration::from_secs(5), within: Duration::from_secs(3) }
    }

    /// How long to try to reach the server; 3 seconds by default. It need not be there yet.
    pub fn within(mut self, patience: Duration) -> Self {
        self.within = patience;
        self
    }

    /// How long each request may take, reconnecting included; 5 seconds by default.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }
}

impl IntoFuture for ConnectNameClient {
    type Output = Result<NameClient, ConnectError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Connects.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { todo!() })
    }
}
