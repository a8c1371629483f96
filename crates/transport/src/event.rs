//! What happens to links, for whoever owns them.

use std::time::Duration;

use gleis_core::Endpoint;

use crate::connection::Connection;
use crate::error::{AcceptError, CloseReason, ConnectError};
use crate::peer::Peer;

/// Where a connection came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A listener of ours accepted it.
    Accepted,
    /// A connector of ours made it.
    Connected,
}

/// Something that happened to a link.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A listener took in a peer.
    Accepted {
        /// Who.
        peer: Peer,
    },
    /// A listener could not take in a peer: a failed handshake, or no file descriptors.
    AcceptFailed {
        /// Why.
        error: AcceptError,
    },
    /// A connector reached its peer.
    Connected {
        /// Who.
        peer: Peer,
    },
    /// A connection is over.
    Disconnected {
        /// Who.
        peer: Peer,
        /// Why.
        reason: CloseReason,
        /// Messages that were taken for sending and may not have arrived.
        unsent: usize,
    },
    /// A listener is up.
    Listening {
        /// Where it can be reached.
        endpoint: Endpoint,
    },
    /// A connector failed and will try again.
    Retrying {
        /// Where.
        endpoint: Endpoint,
        /// Which attempt comes next.
        attempt: u32,
        /// After how long.
        delay: Duration,
        /// Why the last one failed.
        error: ConnectError,
    },
}

/// The owner of links: what a socket is for its listeners and connectors.
///
/// All methods are called from the tasks of the links and must return soon.
pub trait Host: Send + Sync + 'static {
    /// Whether this peer may be a peer. `Err` says why not, to the log and to a connecting caller.
    ///
    /// # Errors
    /// The reason.
    fn admit(&self, peer: &Peer, origin: Origin) -> Result<(), String> {
        let _ = (peer, origin);
        Ok(())
    }

    /// Takes a connection that is up. Dropping it closes it.
    fn attach(&self, connection: Connection, origin: Origin);

    /// Takes note of something.
    fn note(&self, event: Event) {
        let _ = event;
    }
}
