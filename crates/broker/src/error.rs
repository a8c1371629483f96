//! What goes wrong at a hub.

use std::time::Duration;

use gleis_patterns::{OpenError, SendError};
use thiserror::Error;

/// What is no message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// A message has a `type`.
    #[error("a message needs a \"type\", which is a string")]
    NoType,
    /// Only an object is a message.
    #[error("a message is a JSON object, not {found}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// It is not JSON, or is nested too deep, or a field is missing or of another type.
    #[error("invalid JSON")]
    NotJson(#[from] serde_json::Error),
    /// It came in several frames.
    #[error("a message is one frame; this one has {frames}")]
    NotOneFrame {
        /// As many as it has.
        frames: usize,
    },
    /// It is longer than a message may be.
    #[error("a message of {bytes} bytes, where {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
}

/// Why a client cannot be made, send, or receive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A blocking client waits within an async runtime, which would block its tasks as well.
    #[error("a blocking client cannot wait inside an async runtime; use a MessageClient there")]
    Async,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// So many messages were lost here, since they were not received in time. The next one is the next
    /// that is here.
    #[error("missed {missed} messages")]
    Gap {
        /// How many.
        missed: u64,
    },
    /// It is no message; nothing was sent.
    #[error("invalid message")]
    Invalid(#[from] InvalidMessage),
    /// The client has no address to listen at.
    #[error("the client has no broadcast address: it cannot receive")]
    NoBroadcastAddress,
    /// The client has no address to send to.
    #[error("the client has no receive address: it cannot send")]
    NoReceiveAddress,
    /// There is no server, or it is no hub.
    #[error("cannot connect to the hub")]
    Open(#[from] OpenError),
    /// The runtime of a blocking client cannot be made.
    #[error("cannot make a runtime")]
    Runtime(#[source] std::io::Error),
    /// Nothing was sent.
    #[error("cannot send")]
    Send(#[from] SendError),
    /// Nothing came in this time.
    #[error("no message within {0:?}")]
    TimedOut(Duration),
}
