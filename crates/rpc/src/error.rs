//! What goes wrong.

use std::time::Duration;

use thiserror::Error;

use crate::message::MessageError;
use crate::url::Role;

/// What is no URL of a link.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum UrlError {
    /// The address within it is none.
    #[error("no address in {url:?}: {reason}")]
    Address {
        /// The URL.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It has another form.
    #[error("{url:?} is not zmq://HOST:PORT/TYPE[/TOPIC][?transport=..]")]
    Form {
        /// The URL.
        url: String,
    },
    /// Another scheme.
    #[error("{scheme:?} is not a known scheme: zmq is")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// No such transport.
    #[error("{transport:?} is no transport: tcp, ipc and inproc are")]
    Transport {
        /// Its name.
        transport: String,
    },
    /// No such type of socket.
    #[error("{kind:?} is no type of socket: rep, req, pub, sub, push and pull are")]
    Type {
        /// Its name.
        kind: String,
    },
}

/// Why there is no link.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Calls are answered by a `rep`.
    #[error("a {role} does not answer calls: listen at a rep")]
    Responder {
        /// What was to answer.
        role: Role,
    },
    /// The socket cannot be opened.
    #[error("cannot open {url}")]
    Socket {
        /// Where.
        url: String,
        /// Why.
        source: gleis_patterns::OpenError,
    },
    /// It is no URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A wire of this name is there already, or it is no name.
    #[error("the wire {name:?} is there already")]
    Wire {
        /// Its name.
        name: String,
    },
}

/// Why a message was not sent, or a call has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The result is of another type.
    #[error("the result of {method} is of another type: {reason}")]
    Answer {
        /// Which method.
        method: String,
        /// What is wrong.
        reason: String,
    },
    /// The link is closed, or has no such wire.
    #[error("the link is closed")]
    Closed,
    /// The message cannot be written or read.
    #[error("invalid message")]
    Message(#[from] MessageError),
    /// The client cannot be called, since it said no way how.
    #[error("the other side cannot be called back")]
    NoWayBack,
    /// The wire cannot send.
    #[error("a {role} does not send")]
    NoSender {
        /// What it is.
        role: Role,
    },
    /// The other side says so.
    #[error("{text}")]
    Remote {
        /// Its words.
        text: String,
    },
    /// It was answered before, or asked for no answer.
    #[error("there is nobody to answer, or no more")]
    Responded,
    /// No answer, or no room, in time.
    #[error("timeout of {within:?} exceeded for {what}")]
    TimedOut {
        /// What was asked.
        what: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// The other side is older than what is asked of it, or it is a program of xbahn.
    #[error("the other side knows no {what}")]
    Unable {
        /// What that is.
        what: &'static str,
    },
    /// The other side is gone.
    #[error("the other side is gone: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// So that a URL is given where text may be.
impl From<std::convert::Infallible> for UrlError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
