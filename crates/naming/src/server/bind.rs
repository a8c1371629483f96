//! How a name server is opened.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError};
use gleis_transport::{Host, Options, SocketType, TaskGuard, listen};
use tokio::sync::watch;

use crate::protocol;
use crate::server::clients::Clients;
use crate::server::hall::{Hall, Shared};
use crate::server::keeper;
use crate::table::Table;
use crate::{BindError, MemoryDirectory, NameServer};

/// What a name server allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of all names and records; 64 MiB by default.
    pub bytes: usize,
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
        Self {
            clients: 10_000,
            bytes: 64 << 20,
            names: 100_000,
            names_per_client: 10_000,
            watches: 1_024,
        }
    }
}

/// A name server that is about to open: set options, then `.await`.
#[derive(Debug)]
#[must_use = "it opens when it is awaited"]
pub struct BindNameServer {
    at: Result<Endpoint, EndpointError>,
    grace: Duration,
    limits: Limits,
    options: Options,
}

impl BindNameServer {
    pub(super) fn new(at: Result<Endpoint, EndpointError>) -> Self {
        Self {
            at,
            grace: Duration::from_secs(1),
            limits: Limits::default(),
            options: Options::default(),
        }
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

    /// The limits and times of the links; closing waits up to `linger` for clients to hear the
    /// last words. The limits of message sizes and queues are the name server's own and stay as
    /// they are.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    async fn open(self) -> Result<NameServer, BindError> {
        let at = self.at.map_err(BindError::Endpoint)?;
        let linger = self.options.linger;
        let mut config = protocol::link(SocketType::Router, self.options);
        // Those who come back are let in before those who are gone are missed.
        config.options.max_connections = self.limits.clients.saturating_mul(2);
        let listener = listen(&at, &Arc::new(config)).await.map_err(BindError::Listen)?;
        let endpoint = listener.endpoint().clone();

        let table = Arc::new(Table::new(self.limits));
        let shared = Arc::new(Shared {
            clients: Clients::default(),
            closing: watch::Sender::new(None),
            forced: parking_lot::Mutex::default(),
            grace: self.grace,
            linger,
            max_clients: self.limits.clients,
            outcome: watch::Sender::new(None),
            table: table.clone(),
        });
        let hall = Arc::new(Hall::new(shared.clone()));
        let as_host: Arc<dyn Host> = hall.clone();
        let doors = listener.serve(Arc::downgrade(&as_host));
        let (told, ended) = watch::channel(None);
        let keeper = TaskGuard::spawn(keeper::run(shared.clone(), hall, doors, told));
        let directory = Arc::new(MemoryDirectory { table });
        Ok(NameServer { directory, ended, endpoint, keeper, shared })
    }
}

impl IntoFuture for BindNameServer {
    type Output = Result<NameServer, BindError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Opens it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}
