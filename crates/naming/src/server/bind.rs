//! How a name server is opened.

use std::future::IntoFuture;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError};

use crate::{BindError, NameServer};

/// What a name server allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Clients at a time; 10,000 by default. More are refused.
    pub clients: usize,
    /// Names in all; 100,000 by default.
    pub names: usize,
    /// Names of one client; 10,000 by default.
    pub names_per_client: usize,
    /// Watches at a time; 1,024 by default.
    pub watches: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { clients: 10_000, names: 100_000, names_per_client: 10_000, watches: 1_024 }
    }
}

/// A name server that is about to open: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it opens when it is awaited"]
pub struct BindNameServer {
    at: Result<Endpoint, EndpointError>,
    grace: Duration,
    limits: Limits,
}

impl BindNameServer {
    pub(super) fn new(at: Result<Endpoint, EndpointError>) -> Self {
        Self { at, grace: Duration::from_secs(1), limits: Limits::default() }
    }

    /// How long the names of a client whose connection was lost stay reserved for its return; one
    /// second by default. The price is that the names of the dead are taken that much longer.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// What the server allows.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl IntoFuture for BindNameServer {
    type Output = Result<NameServer, BindError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Opens it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { todo!() })
    }
}
