//! What can go wrong, one enum per family of operations.

use gleis_codec::{DecodeError, EncodeError};

/// An error of a handler, as it made it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request has no answer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The channel was closed; if the request was sent, it may have arrived.
    #[error("channel closed")]
    Closed,
    /// The answer is not what was expected.
    #[error("bad answer")]
    Decode(#[source] DecodeError),
    /// No answer in time. Retrying is safe unless the request was `sent`: then the replier may still
    /// be working.
    #[error("deadline exceeded")]
    DeadlineExceeded {
        /// Whether the request was handed to the replier.
        sent: bool,
    },
    /// The request cannot be encoded. Trying again fails again.
    #[error("cannot send")]
    Encode(#[source] EncodeError),
    /// What handles the request failed: it said so, returned an error or panicked.
    #[error("{text}")]
    Failed {
        /// What it said.
        text: String,
    },
    /// Too many requests are in flight, or too much waits to be sent. Retrying later is safe.
    #[error("too many requests in flight")]
    Full,
    /// The answer would have nowhere to go: neither the request nor the channel has a handler.
    #[error("no handler for the answer")]
    NoHandler,
    /// The replier took the request and gave no answer.
    #[error("no reply")]
    NoReply,
    /// The connection broke. Retrying is safe unless the request was `sent`.
    #[error("peer lost")]
    PeerLost {
        /// Whether the request may have arrived.
        sent: bool,
    },
    /// The replier cannot read the request; it was not handled. Trying again fails again.
    #[error("refused: {text}")]
    Refused {
        /// Why.
        text: String,
    },
}

/// Why an answer was not sent. It is counted in any case.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The requester gave the request up; nobody waits for the answer.
    #[error("request cancelled")]
    Cancelled,
    /// The answer cannot be encoded. The requester was told so.
    #[error("cannot send")]
    Encode(#[source] EncodeError),
    /// The requester does not take its answers.
    #[error("requester does not take its answers")]
    Full,
    /// The requester is gone.
    #[error("requester gone")]
    Gone,
}

/// Why nothing was received. Except after `Closed` the next call goes on with what comes next.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RecvError {
    /// The channel is closed.
    #[error("channel closed")]
    Closed,
    /// A publication is not what was expected; it is dropped.
    #[error("bad publication")]
    Decode(#[source] DecodeError),
    /// The publisher dropped publications for which there was no room, before the one that comes
    /// next.
    #[error("{missed} publications were missed")]
    Gap {
        /// How many.
        missed: u64,
    },
    /// A publication is in a codec that is not known here; it is dropped.
    #[error("the publisher speaks {codec}, which is not known here")]
    UnknownCodec {
        /// Its name.
        codec: String,
    },
}

/// An error with everything behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Transparent errors say the same thing twice.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}
