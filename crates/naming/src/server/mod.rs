//! A directory for other processes.

mod bind;
mod clients;
mod hall;
mod keeper;
mod session;

use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Deadline, Endpoint, EndpointError, Name};
use gleis_transport::TaskGuard;
use tokio::sync::watch;

use self::hall::Shared;
use crate::MemoryDirectory;
use crate::clock::now;

pub use self::bind::{BindNameServer, Limits};

/// A directory for other processes. Dropping it ends it at once: its clients see it gone, and
/// watches of its [directory](NameServer::directory) end.
#[derive(Debug)]
pub struct NameServer {
    directory: Arc<MemoryDirectory>,
    ended: watch::Receiver<Option<ShutdownReport>>,
    endpoint: Endpoint,
    keeper: TaskGuard,
    shared: Arc<Shared>,
}

impl NameServer {
    /// Starts a name server at `at`; `.await` opens it.
    ///
    /// It listens there and nowhere else, and believes whoever reaches it: `tcp://127.0.0.1:0` is
    /// this machine and any free port.
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

    /// How many clients are connected, or were so a moment ago and may come back.
    pub fn n_clients(&self) -> usize {
        self.shared.clients.len()
    }

    /// Announces [`Change::Closing`](crate::Change::Closing) to all watchers and clients, waits until
    /// all names are unregistered or `timeout` passes, and closes. Always ends.
    ///
    /// No new name is taken meanwhile. Of several calls the one with the least patience counts, and is
    /// announced too.
    ///
    /// # Cancel safety
    /// The server goes on closing when the future is dropped, until it is dropped itself.
    pub async fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        self.shared.ask_to_close(Deadline::after(now(), timeout));
        self.closed().await
    }

    /// Waits until the server has closed, whoever asked it to.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn closed(&self) -> ShutdownReport {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(report) => report.clone().unwrap_or_default(),
            // The keeper is gone without a word: its runtime is shutting down.
            Err(_) => ShutdownReport { stayed: self.directory.table.names(), forced: Vec::new() },
        }
    }

    /// True once it has closed and every task of it has ended.
    pub fn is_closed(&self) -> bool {
        self.keeper.is_finished()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // Nobody could reach the directory any more, so nobody shall wait for it.
        self.directory.table.close();
    }
}

/// How a shutdown ended.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ShutdownReport {
    /// The names that were still registered when the time was over. A client is told as many as
    /// fit into one message, about a thousand.
    pub stayed: Vec<Name>,
    /// The names whose holders had to be ended by force, as far as their programs said so, or whose programs
    /// were gone without a word. A client is told as many as fit beside the others.
    pub forced: Vec<Name>,
}
