//! What can go wrong with correlated channels.

use gleis_patterns::OpenError;
use serde::{Deserialize, Serialize};

use crate::error::RequestError;

/// Why a channel did not do what it was asked to.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
pub enum ChannelError {
    /// The claim is over: it was acknowledged, given back, timed out, or never was. If it timed out,
    /// somebody else may have the message by now.
    #[error("the claim is over")]
    ClaimOver,
    /// The channel is closed.
    #[error("channel closed")]
    Closed,
    /// A message with this id is in the log already. Writing it twice did nothing.
    #[error("message {id} is there already")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// A work queue has no room, or the message alone is larger than the log may be. In the first case
    /// retrying later is safe.
    #[error("channel full")]
    Full,
    /// The reader was too slow: so many messages had left the log before it came to them. The next call
    /// goes on with the oldest that is there.
    #[error("{missed} messages were missed")]
    Gap {
        /// How many.
        missed: u64,
    },
    /// More readers than one channel remembers.
    #[error("more than {limit} readers")]
    TooManyReaders {
        /// How many it remembers.
        limit: usize,
    },
    /// The message to read after is not in the log, or no longer.
    #[error("no message {id}")]
    UnknownMessage {
        /// The id.
        id: String,
    },
    /// A channel of this kind does not do that.
    #[error("a {kind} channel does not {operation}")]
    WrongKind {
        /// Which kind it is.
        kind: String,
        /// What it was asked to do.
        operation: String,
    },
}

/// Why a channel of another process cannot be used.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint is none, or whoever listens there does not fit.
    #[error("cannot connect")]
    Open(#[source] OpenError),
    /// Nobody there said within 10 s which channel it is. Retrying is safe.
    #[error("cannot connect")]
    Remote(#[source] RemoteError),
}

/// Why a channel, of this process or another, did not do what it was asked to.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The channel says so.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The channel was not asked, or did not answer.
    #[error("no answer of the channel")]
    Request(#[source] RequestError),
    /// The answer belongs to another question.
    #[error("unexpected answer")]
    Unexpected,
}
