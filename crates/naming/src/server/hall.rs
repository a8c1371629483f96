//! Where connections come in.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Deadline, Name};
use gleis_transport::{Connection, Event, Host, Origin, Peer};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ShutdownReport;
use crate::server::clients::Clients;
use crate::server::session;
use crate::table::Table;

/// What all sessions of a server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clients: Clients,
    /// Until when the names may leave, once somebody asked to close.
    pub(super) closing: watch::Sender<Option<Deadline>>,
    /// Who was ended by force since somebody asked to close.
    pub(super) forced: Mutex<Vec<Name>>,
    pub(super) grace: Duration,
    /// How long the last words to clients may take.
    pub(super) linger: Duration,
    /// What the closing came to; sessions end when they know.
    pub(super) outcome: watch::Sender<Option<ShutdownReport>>,
    pub(super) max_clients: usize,
    pub(super) table: Arc<Table>,
}

impl Shared {
    /// Remembers who was ended by force, if the server closes: no more than there were names.
    pub(super) fn note_forced(&self, name: Name) {
        if self.closing.borrow().is_some() {
            self.forced.lock().push(name);
        }
    }

    /// Remembers whose program was lost, if the server closes: nobody says so any more.
    pub(super) fn note_lost(&self, names: Vec<Name>) {
        if self.closing.borrow().is_some() {
            self.forced.lock().extend(names);
        }
    }

    /// Asks the keeper to close; patience only ever shrinks.
    pub(super) fn ask_to_close(&self, deadline: Deadline) {
        self.closing.send_if_modified(|asked| {
            let earliest = asked.map_or(deadline, |it| it.earliest(deadline));
            asked.replace(earliest) != Some(earliest)
        });
    }
}

/// The owner of all sessions.
#[derive(Debug)]
pub(super) struct Hall {
    sessions: Mutex<JoinSet<()>>,
    shared: Arc<Shared>,
}

impl Hall {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { sessions: Mutex::default(), shared }
    }

    /// Waits for the sessions to end by themselves, and ends those that do not in time.
    pub(super) async fn end(&self) {
        let mut sessions = std::mem::take(&mut *self.sessions.lock());
        let all = async { while sessions.join_next().await.is_some() {} };
        if tokio::time::timeout(self.shared.linger, all).await.is_err() {
            sessions.shutdown().await;
        }
    }
}

impl Host for Hall {
    fn admit(&self, peer: &Peer, _: Origin) -> Result<(), String> {
        let clients = &self.shared.clients;
        if self.shared.max_clients <= clients.len() && !clients.knows(&peer.identity) {
            return Err(format!("no room for more than {} clients", self.shared.max_clients));
        }
        Ok(())
    }

    fn attach(&self, connection: Connection, _: Origin) {
        let mut sessions = self.sessions.lock();
        while sessions.try_join_next().is_some() {}
        let seat = self.shared.clients.arrive(&connection.peer().identity);
        sessions.spawn(session::run(self.shared.clone(), connection, seat));
    }

    fn note(&self, event: Event) {
        tracing::debug!(target: "gleis::naming", ?event, "name server");
    }
}
