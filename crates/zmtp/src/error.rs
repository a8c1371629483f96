//! Why a session ended; the variant tells who is to blame.

use std::{fmt, time::Duration};

use crate::SocketType;

/// Why a session ended. Every error is final: close the connection.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// We were configured with an identity that ZMTP does not allow.
    #[error("own identity of {len} bytes is not 1 to 255 bytes starting with a non-zero one")]
    OwnIdentity {
        /// The length of the identity.
        len: usize,
    },
    /// Whatever answers there speaks something else, HTTP for example.
    #[error("peer does not speak ZMTP: byte {at} of its greeting is {}", Byte(*.byte))]
    NotZmtp {
        /// The position of the first wrong byte.
        at: usize,
        /// The wrong byte.
        byte: u8,
    },
    /// The peer speaks a ZMTP older than 3.0.
    #[error("peer speaks a ZMTP older than 3.0 (revision {revision})")]
    TooOld {
        /// The peer's revision byte: 0 is ZMTP 1.0, 1 is ZMTP 2.0.
        revision: u8,
    },
    /// The peer wants a security mechanism other than `NULL`.
    #[error("peer wants the security mechanism {theirs:?}, this side speaks NULL")]
    Mechanism {
        /// The mechanism the peer announced, other than printable bytes escaped.
        theirs: String,
    },
    /// A socket of our type cannot talk to a socket of the peer's type.
    #[error("a {ours} socket cannot talk to a {theirs} socket")]
    IncompatibleSocketTypes {
        /// The own type.
        ours: SocketType,
        /// The type the peer announced, other than printable bytes escaped.
        theirs: String,
    },
    /// The peer refused us with an `ERROR` command.
    #[error("peer refused the connection: {reason:?}")]
    Refused {
        /// What the peer said, other than printable bytes escaped.
        reason: String,
    },
    /// The peer broke the protocol.
    #[error("peer broke the protocol: {0}")]
    Protocol(Violation),
    /// The peer announced more than we are willing to hold.
    #[error("{limit} limit exceeded: {announced} announced, {allowed} allowed")]
    LimitExceeded {
        /// Which limit.
        limit: Limit,
        /// What the peer announced.
        announced: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// The peer did not finish greeting and `READY` in time.
    #[error("handshake not finished after {after:?}")]
    HandshakeTimeout {
        /// The configured patience.
        after: Duration,
    },
    /// The peer was silent for longer than the heartbeat, or its own promise, allows.
    #[error("peer silent for {silent_for:?}")]
    PeerSilent {
        /// The time since the last byte of the peer.
        silent_for: Duration,
    },
}

impl Error {
    /// Whether the same two sockets will fail in the same way after a reconnect.
    ///
    /// False for everything that a fresh connection may cure: timeouts, silence, garbled bytes.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::OwnIdentity { .. }
                | Self::NotZmtp { .. }
                | Self::TooOld { .. }
                | Self::Mechanism { .. }
                | Self::IncompatibleSocketTypes { .. }
                | Self::Refused { .. }
        )
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Protocol(violation)
    }
}

/// Which rule of ZMTP the peer broke.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Violation {
    /// The as-server byte of the greeting is neither 0 nor 1.
    #[error("as-server byte {byte:#04x} in the greeting")]
    AsServer {
        /// The byte seen.
        byte: u8,
    },
    /// A command claims that more frames follow.
    #[error("command frame with the more bit")]
    CommandWithMore,
    /// A command is not well formed.
    #[error("malformed {command} command: {fault}")]
    MalformedCommand {
        /// The name of the command, or `"unnamed"`.
        command: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A message came before the handshake was over.
    #[error("message before READY")]
    MessageBeforeReady,
    /// Bits are set that ZMTP reserves.
    #[error("reserved bits in frame flags {flags:#04x}")]
    ReservedFlags {
        /// The flags byte seen.
        flags: u8,
    },
    /// A command came at a time that has no place for it.
    #[error("unexpected command {name:?}")]
    UnexpectedCommand {
        /// The name of the command, other than printable bytes escaped.
        name: String,
    },
}

/// What is limited; see [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// The body of one command.
    Command,
    /// The body of one message frame.
    Frame,
    /// All bodies of one message.
    Message,
    /// The number of frames of one message.
    Parts,
    /// The number of properties in a `READY`: 64, not configurable.
    Properties,
    /// The prefix of one subscription.
    Subscription,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "command",
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Parts => "parts",
            Self::Properties => "properties",
            Self::Subscription => "subscription",
        })
    }
}

/// Shows a byte in hexadecimal and, if it is printable, as a character too.
struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(byte) = *self;
        write!(f, "{byte:#04x}")?;
        match byte.is_ascii_graphic() {
            true => write!(f, " ({:?})", char::from(byte)),
            false => Ok(()),
        }
    }
}

/// Foreign bytes as text that is safe to log: escaped, and cut after 255 bytes.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(255)].escape_ascii().to_string()
}

/// Compares `announced` with `allowed` before anything is reserved.
#[inline]
pub(crate) fn check(limit: Limit, announced: u64, allowed: usize) -> Result<(), Error> {
    let allowed = allowed as u64;
    if announced <= allowed {
        return Ok(());
    }
    Err(Error::LimitExceeded { limit, announced, allowed })
}
