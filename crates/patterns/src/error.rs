//! What can go wrong, one enum per family of operations.

use std::time::Duration;

use gleis_codec::{DecodeError, EncodeError};
use gleis_core::{Endpoint, EndpointError};
use gleis_transport::{BoxError, ConnectError, ListenError};

/// Why a socket was not opened, bound or connected.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket is closed.
    #[error("socket closed")]
    Closed,
    /// No connection can be made there, now or later.
    #[error("cannot connect")]
    Connect(#[source] ConnectError),
    /// The text is no endpoint.
    #[error("no such endpoint")]
    Endpoint(#[source] EndpointError),
    /// Nobody can listen there, most often because somebody else does.
    #[error("cannot bind")]
    Listen(#[source] ListenError),
    /// Not everything was up in time. The socket goes on connecting.
    #[error("not ready after {after:?}")]
    NotReady {
        /// How long was waited.
        after: Duration,
    },
    /// Peer and socket do not fit, for instance because they name different codecs.
    #[error("cannot talk to {endpoint}: {reason}")]
    Refused {
        /// Where the peer is.
        endpoint: Endpoint,
        /// Why.
        reason: String,
    },
}

/// Why a message was not sent. It is on its way to nobody, except that `Full` and `TimedOut` of a socket
/// that sends to all its peers concern those without room: the others have it.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The socket is closed.
    #[error("socket closed")]
    Closed,
    /// The message cannot be encoded. Trying again fails again.
    #[error("cannot send")]
    Encode(#[source] BoxError),
    /// No peer has room and the socket was told to [fail](crate::Overflow::Fail), or only tried. Retrying
    /// later is safe. Of a socket that sends to all its peers and was told to fail: some have no room;
    /// after a retry the others have it twice.
    #[error("queue full")]
    Full,
    /// There is no peer and the socket was told to [fail](crate::Overflow::Fail), or the peer that a
    /// [`Router`](crate::Router) is to send to is not here. Retrying later is safe.
    #[error("no peer")]
    NoPeer,
    /// No peer had room in the time that the socket was given. Retrying is safe. Of a socket that sends to
    /// all its peers: some had no room; after a retry the others have it twice.
    #[error("timed out")]
    TimedOut,
}

/// Why there is no message. Except after `Closed` the next call goes on with the next message.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RecvError {
    /// The socket is closed.
    #[error("socket closed")]
    Closed,
    /// A message of `peer` is not what was expected; it is dropped.
    #[error("bad message from {peer}")]
    Decode {
        /// Who sent it.
        peer: String,
        /// What is wrong with it: names codec, type and length.
        source: DecodeError,
    },
    /// Nothing has arrived; only `try_recv` says so.
    #[error("nothing has arrived")]
    Empty,
    /// A message of `peer` has more or fewer frames than this socket understands; it is dropped.
    #[error("message of {frames} frames from {peer}")]
    Frames {
        /// Who sent it.
        peer: String,
        /// How many frames it has.
        frames: usize,
    },
    /// The publisher dropped messages of a subscriber that had no room, before the message that comes
    /// next. Behind a [forwarder](crate::Proxy::forwarder) also those count that the forwarder missed,
    /// wanted here or not.
    #[error("{missed} messages of {peer} were missed")]
    Gap {
        /// How many.
        missed: u64,
        /// Who dropped them.
        peer: String,
    },
    /// A message of `peer` that was handed over in this process cannot be turned into bytes for the
    /// type expected here; it is dropped.
    #[error("bad message from {peer}")]
    Local {
        /// Who sent it.
        peer: String,
        /// What the sender's codec says.
        source: BoxError,
    },
    /// Nothing arrived in the time that the socket was given.
    #[error("timed out")]
    TimedOut,
}

/// Why a request has no answer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The socket was closed; the request may have arrived.
    #[error("socket closed")]
    Closed,
    /// The answer is not what was expected.
    #[error("bad answer")]
    Decode(#[source] RecvError),
    /// No answer in time. Retrying is safe unless the request was `sent`: then the peer may still
    /// be working.
    #[error("deadline exceeded")]
    DeadlineExceeded {
        /// Whether the request was handed to a peer.
        sent: bool,
    },
    /// The request cannot be encoded. Trying again fails again.
    #[error("cannot send")]
    Encode(#[source] BoxError),
    /// Too many requests are in flight, or a [`Pair`](crate::Pair) has no room, and the socket was told
    /// to [fail](crate::Overflow::Fail). Retrying later is safe.
    #[error("too many requests in flight")]
    Full,
    /// There was no peer, until the deadline unless the socket was told to
    /// [fail](crate::Overflow::Fail). Retrying is safe.
    #[error("no peer")]
    NoPeer,
    /// The replier took the request and gave no answer.
    #[error("no reply")]
    NoReply,
    /// The connection broke. Retrying is safe unless the request was `sent`.
    #[error("peer lost")]
    PeerLost {
        /// Whether the request may have arrived.
        sent: bool,
    },
    /// The replier answered with an error.
    #[error("{text}")]
    Remote {
        /// What it said.
        text: String,
    },
}

/// Why an answer was not sent.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The requester is gone; nobody waits for the answer.
    #[error("requester gone")]
    Closed,
    /// The answer cannot be encoded. The requester was told "no reply".
    #[error("cannot send")]
    Encode(#[source] BoxError),
    /// The requester does not take its answers; it was disconnected.
    #[error("requester does not take its answers")]
    Full,
}

impl From<EncodeError> for SendError {
    fn from(source: EncodeError) -> Self {
        Self::Encode(Box::new(source))
    }
}

impl RequestError {
    /// For a question that is a message of its own.
    pub(crate) fn not_sent(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::Closed,
            SendError::Encode(source) => Self::Encode(source),
            SendError::Full => Self::Full,
            SendError::NoPeer => Self::NoPeer,
            SendError::TimedOut => Self::DeadlineExceeded { sent: false },
        }
    }

    /// For an answer that is a message of its own.
    pub(crate) fn not_answered(error: RecvError) -> Self {
        match error {
            RecvError::Closed => Self::Closed,
            RecvError::TimedOut => Self::DeadlineExceeded { sent: true },
            error => Self::Decode(error),
        }
    }
}
