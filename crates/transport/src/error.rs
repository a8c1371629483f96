//! What can go wrong on links, one enum per family of operations.

use std::io;
use std::sync::Arc;

use gleis_core::Endpoint;
use gleis_zmtp::SocketType;

use crate::message::{CONTROLS, Message};

/// Any error of a value's own encoder.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another socket listens there.
    #[error("{endpoint} is in use")]
    AddressInUse {
        /// Where.
        endpoint: Endpoint,
    },
    /// The operating system refused.
    #[error("cannot listen on {endpoint}")]
    Io {
        /// Where.
        endpoint: Endpoint,
        /// What it said.
        source: io::Error,
    },
    /// The `zeromq` engine was asked to face a network that was not called trusted: see
    /// [`Options::trusted_network`](crate::Options::trusted_network).
    #[error(
        "{endpoint} would let others abort this process: bind to loopback or ipc, use tcp://, or set `trusted_network`"
    )]
    Untrusted {
        /// Where.
        endpoint: Endpoint,
    },
    /// No listener for this kind of endpoint is built in.
    #[error("no transport for {endpoint}")]
    Unsupported {
        /// Where.
        endpoint: Endpoint,
    },
}

/// Why a handshake did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A newer connection took the place: too many handshakes were in progress.
    #[error("displaced by newer handshakes")]
    Displaced,
    /// The two kinds of socket do not talk to each other.
    #[error("a {ours} socket cannot talk to a {theirs} socket")]
    Incompatible {
        /// Our kind.
        ours: SocketType,
        /// The peer's kind.
        theirs: SocketType,
    },
    /// The link broke.
    #[error("link lost")]
    Io(#[from] io::Error),
    /// The peer closed the link before it was greeted.
    #[error("peer closed the link during the handshake")]
    PeerClosed,
    /// The peer broke the protocol, refused us, or was silent.
    #[error("handshake failed")]
    Protocol(#[source] gleis_zmtp::Error),
    /// Our side refused the peer.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

impl HandshakeError {
    /// True if another attempt would meet the same answer.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Incompatible { .. } | Self::Refused { .. } => true,
            Self::Protocol(error) => error.is_permanent(),
            Self::Displaced | Self::Io(_) | Self::PeerClosed => false,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Somebody answered but the handshake failed.
    #[error("cannot talk to {endpoint}")]
    Handshake {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: HandshakeError,
    },
    /// The operating system refused.
    #[error("cannot connect to {endpoint}")]
    Io {
        /// Where.
        endpoint: Endpoint,
        /// What it said.
        source: io::Error,
    },
    /// Nobody answered in time.
    #[error("nobody answers at {endpoint}")]
    TimedOut {
        /// Where.
        endpoint: Endpoint,
    },
    /// No transport for this kind of endpoint is built in.
    #[error("no transport for {endpoint}")]
    Unsupported {
        /// Where.
        endpoint: Endpoint,
    },
}

impl ConnectError {
    /// True if another attempt would meet the same answer.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Handshake { source, .. } => source.is_final(),
            Self::Unsupported { .. } => true,
            Self::Io { .. } | Self::TimedOut { .. } => false,
        }
    }
}

/// Why the next connection could not be accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// A peer came but the handshake failed; the listener goes on.
    #[error("handshake with {address} failed")]
    Handshake {
        /// Who came.
        address: String,
        /// Why.
        source: HandshakeError,
    },
    /// The operating system refused, most often for want of file descriptors; wait before the next call.
    #[error("cannot accept")]
    Io(#[source] io::Error),
}

/// Why a connection is over.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed it.
    #[error("closed by the peer")]
    ByPeer,
    /// We closed it.
    #[error("closed here")]
    Here,
    /// The link broke.
    #[error("link lost")]
    Lost(#[source] Arc<io::Error>),
    /// The peer broke the protocol or a limit, or was silent for too long.
    #[error("{0}")]
    Protocol(Arc<gleis_zmtp::Error>),
    /// The socket above refused what the peer did.
    #[error("{0}")]
    Refused(Arc<str>),
}

impl CloseReason {
    /// The peer takes nothing, and too much waits for it that cannot be given up.
    pub(crate) fn too_many_controls() -> Self {
        Self::Refused(format!("more than {CONTROLS} subscriptions wait for the peer").into())
    }
}

impl From<io::Error> for CloseReason {
    fn from(source: io::Error) -> Self {
        Self::Lost(Arc::new(source))
    }
}

/// Why a message was not taken; it comes back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError {
    /// The connection is over.
    #[error("connection closed")]
    Closed(Message),
    /// The queue is at its high-water mark. Retrying later is safe.
    #[error("queue full")]
    Full(Message),
    /// The value inside could not be encoded for this transport.
    #[error("cannot encode the message")]
    Encode(#[source] BoxError),
}
