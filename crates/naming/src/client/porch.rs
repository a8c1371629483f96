//! Where a client's connections come in, one after the other.

use std::sync::Arc;

use gleis_transport::{ConnectError, Connection, Event, Host, Origin, Peer, TaskGuard};
use parking_lot::Mutex;

use crate::client::link::Link;
use crate::protocol::PROTOCOL;

/// The owner of the task that serves the present connection.
#[derive(Debug)]
pub(super) struct Porch {
    last_error: Mutex<Option<ConnectError>>,
    link: Arc<Link>,
    task: Mutex<Option<TaskGuard>>,
}

impl Porch {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { last_error: Mutex::default(), link, task: Mutex::default() }
    }

    /// Why the last attempt to connect failed, if one did; told once.
    pub(super) fn last_error(&self) -> Option<ConnectError> {
        self.last_error.lock().take()
    }
}

impl Host for Porch {
    fn admit(&self, peer: &Peer, _: Origin) -> Result<(), String> {
        match peer.metadata.get(PROTOCOL.0) {
            Some(version) if **version == *PROTOCOL.1.as_bytes() => Ok(()),
            Some(_) => Err(format!("the peer speaks another version than {}", PROTOCOL.1)),
            None => Err("the peer is no name server".to_owned()),
        }
    }

    fn attach(&self, connection: Connection, _: Origin) {
        let mut task = self.task.lock();
        // The new one begins when the old one has ended: there is one connection at a time.
        *task = Some(TaskGuard::spawn(self.link.clone().run(connection)));
    }

    fn note(&self, event: Event) {
        tracing::debug!(target: "gleis::naming", ?event, "name client");
        if let Event::Retrying { error, .. } = event {
            *self.last_error.lock() = Some(error);
        }
    }
}
