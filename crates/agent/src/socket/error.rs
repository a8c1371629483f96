//! What can go wrong with the sockets of an agent.

use gleis_codec::{AnyCodec, DecodeError, EncodeError};

use super::{Addr, Kind};
use crate::text::Instead;

/// Why an agent has not bound or connected.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another socket of the agent has this alias.
    #[error("there is a socket `{alias}` already")]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// A script is none, or the agent takes none.
    #[error("cannot handle messages with a script")]
    Script(#[from] crate::MethodError),
    /// The socket was not bound.
    #[error("cannot bind `{alias}`")]
    Bind {
        /// The alias.
        alias: String,
        /// Why.
        source: gleis_patterns::OpenError,
    },
    /// No built-in codec has the name in the address; name yours with `codec`.
    #[error("no built-in codec is called `{codec}`; there is {}", built_in())]
    Codec {
        /// The name.
        codec: String,
    },
    /// The socket was not connected.
    #[error("cannot connect to {to}")]
    Connect {
        /// What was to be reached.
        to: Box<Addr>,
        /// Why.
        source: gleis_patterns::OpenError,
    },
    /// The asking side of a channel was to be bound, or the answering side to be connected.
    #[error("{kind} is {}", if matches!(kind, Kind::AsyncReq | Kind::SyncSub) {
        "connected, not bound"
    } else {
        "bound, not connected"
    })]
    WrongSide {
        /// The kind.
        kind: Kind,
    },
    /// A socket of this kind never receives, so a handler would never run.
    #[error("{kind} receives nothing, so it takes no handler")]
    HandlerUnused {
        /// The kind.
        kind: Kind,
    },
    /// A socket of this kind answers what it receives, so it needs a handler.
    #[error("{kind} needs a handler")]
    HandlerRequired {
        /// The kind.
        kind: Kind,
    },
    /// Each request has one answer, so there is one handler.
    #[error("{kind} takes one handler")]
    OneHandler {
        /// The kind.
        kind: Kind,
    },
    /// The agent is no more, or has stopped.
    #[error("the agent has stopped")]
    Stopped,
    /// The agent has no method of that name.
    #[error("there is no method `{method}`")]
    UnknownMethod {
        /// The name.
        method: String,
    },
}

fn built_in() -> String {
    let names: Vec<_> = AnyCodec::BUILT_IN.iter().map(AnyCodec::name).collect();
    crate::text::list(&names)
}

/// Why there is no such socket.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AliasError {
    /// A handler receives from this socket already.
    #[error("`{alias}` has a handler, which receives everything")]
    Handled {
        /// The alias.
        alias: String,
    },
    /// The agent has no socket of that alias.
    #[error("no socket `{alias}`{}", Instead { near, known, none: "there is none yet" })]
    Unknown {
        /// The alias.
        alias: String,
        /// Aliases that look alike.
        near: Vec<String>,
        /// Some of the aliases that there are, if none looks alike.
        known: Vec<String>,
    },
    /// The socket cannot do this.
    #[error("`{alias}` is {kind}, which cannot {what}")]
    WrongKind {
        /// The alias.
        alias: String,
        /// Of which kind it is.
        kind: Kind,
        /// What it should have done.
        what: &'static str,
    },
}

/// Why a message was not sent. Nothing of it is on its way.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no such socket.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The message cannot be encoded. Trying again fails again.
    #[error("cannot send to `{alias}`")]
    Encode {
        /// The alias.
        alias: String,
        /// What the codec says.
        source: EncodeError,
    },
    /// The socket did not take it.
    #[error("cannot send to `{alias}`")]
    Socket {
        /// The alias.
        alias: String,
        /// Why.
        source: gleis_patterns::SendError,
    },
}

/// Why there is no message.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RecvError {
    /// There is no such socket.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The message is not what was expected; it is dropped.
    #[error("bad message from `{alias}`")]
    Decode {
        /// The alias.
        alias: String,
        /// What is wrong: names codec, type and length.
        source: DecodeError,
    },
    /// The socket gave none.
    #[error("nothing from `{alias}`")]
    Socket {
        /// The alias.
        alias: String,
        /// Why.
        source: gleis_patterns::RecvError,
    },
    /// Topic and message are not together as osBrain has them; it is dropped.
    #[error("bad publication from `{alias}`: {reason}")]
    Topic {
        /// The alias.
        alias: String,
        /// What is wrong.
        reason: String,
    },
}

/// Why a request has no answer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no such socket.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// The answer is not what was expected.
    #[error("bad answer from `{alias}`")]
    Decode {
        /// The alias.
        alias: String,
        /// What is wrong: names codec, type and length.
        source: DecodeError,
    },
    /// The request cannot be encoded. Trying again fails again.
    #[error("cannot ask `{alias}`")]
    Encode {
        /// The alias.
        alias: String,
        /// What the codec says.
        source: EncodeError,
    },
    /// The channel gave none; its error tells whether the request was sent.
    #[error("no answer from `{alias}`")]
    Channel {
        /// The alias.
        alias: String,
        /// Why.
        source: gleis_channels::RequestError,
    },
    /// The socket gave none; its error tells whether the request was sent.
    #[error("no answer from `{alias}`")]
    Socket {
        /// The alias.
        alias: String,
        /// Why.
        source: gleis_patterns::RequestError,
    },
}

/// Why a subscription was not changed.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SubscribeError {
    /// There is no such socket.
    #[error(transparent)]
    Alias(#[from] AliasError),
    /// Nothing was subscribed to under this topic.
    #[error("`{alias}` has not subscribed to `{}`", topic.escape_ascii())]
    NotSubscribed {
        /// The alias.
        alias: String,
        /// The topic.
        topic: Vec<u8>,
    },
}

/// Why an early reply was not given.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum EarlyReplyError {
    /// The request was answered before: each has one answer.
    #[error("the request was answered already: a handler replies once")]
    Answered,
    /// The answer cannot be encoded. The requester is told.
    #[error("cannot answer")]
    Encode(#[source] EncodeError),
    /// What is handled is no request.
    #[error("nobody waits for an answer: this is no request")]
    NoRequest,
    /// It did not leave.
    #[error("the answer did not leave: {0}")]
    Socket(String),
}
