//! A directory for other processes.

mod bind;

use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Endpoint, EndpointError, Name};

use crate::MemoryDirectory;

pub use self::bind::{BindNameServer, Limits};

/// A directory for other processes. Dropping it ends it at once: its clients see it gone.
#[derive(Debug)]
pub struct NameServer {
    directory: Arc<MemoryDirectory>,
    endpoint: Endpoint,
}

impl NameServer {
    /// Starts a name server at `at`; `.await` opens it.
    pub fn bind(at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> BindNameServer {
        BindNameServer::new(at.try_into().map_err(Into::into))
    }

    /// Where clients can reach it: the real port, and never a wildcard host.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The directory behind it, for use within this process. Names registered here belong to no
    /// client and stay until they are unregistered.
    pub fn directory(&self) -> Arc<MemoryDirectory> {
        self.directory.clone()
    }

    /// Announces [`Change::Closing`](crate::Change::Closing) to all watchers and clients, waits until
    /// all names are unregistered or `timeout` passes, and closes. Always ends.
    ///
    /// # Cancel safety
    /// The server goes on closing when the future is dropped, until it is dropped itself.
    pub async fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let _ = timeout;
        todo!()
    }

    /// Waits until the server has closed, whoever asked it to.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn closed(&self) -> ShutdownReport {
        todo!()
    }
}

/// How a shutdown ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ShutdownReport {
    /// The names that were still registered when the time was over.
    pub stayed: Vec<Name>,
}
