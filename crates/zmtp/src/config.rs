//! What the owner of a session decides: socket type, limits, patience.

use std::time::Duration;

use bytes::Bytes;

use crate::{Metadata, SocketType};

/// Everything a [`Session`](crate::Session) needs to know about its own side.
#[derive(Clone, Debug)]
pub struct Config {
    /// The type of the own socket.
    pub socket_type: SocketType,
    /// The identity announced to the peer: at most 255 bytes, the first not zero.
    /// Default: empty, which announces none.
    pub identity: Bytes,
    /// Further properties of the own `READY`; their names start with `X-`. Default: none.
    pub metadata: Metadata,
    /// What the peer may make us hold.
    pub limits: Limits,
    /// How long greeting and `READY` of the peer may take. Default: 10 s.
    pub handshake_timeout: Duration,
    /// How often to ask whether the peer lives. Default: see [`Heartbeat::default`].
    /// `None` asks nothing and judges no silence, but still answers and honours the peer's `PING`.
    pub heartbeat: Option<Heartbeat>,
}

impl Config {
    /// The defaults for a socket of this type.
    pub fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            identity: Bytes::new(),
            metadata: Metadata::new(),
            limits: Limits::default(),
            handshake_timeout: Duration::from_secs(10),
            heartbeat: Some(Heartbeat::default()),
        }
    }
}

/// What one peer may make us hold, in bytes unless said otherwise.
///
/// A length is compared with its limit before a byte is reserved for it; a peer that goes
/// beyond gets [`Error::LimitExceeded`](crate::Error::LimitExceeded).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The body of one message frame. Default: 64 MiB.
    pub frame: usize,
    /// All bodies of one message. Default: 128 MiB.
    pub message: usize,
    /// The number of frames of one message. Default: 1,024.
    pub parts: usize,
    /// The body of one command, `READY` included. Default: 8 KiB.
    pub command: usize,
    /// The prefix of one subscription. Default: 1 KiB.
    pub subscription: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 64 << 20,
            message: 128 << 20,
            parts: 1024,
            command: 8 << 10,
            subscription: 1 << 10,
        }
    }
}

/// How a session finds out that its peer is gone.
///
/// Only peers that speak 3.1 are asked: 3.0 knows no `PING`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Heartbeat {
    /// The time from one `PING` to the next. Zero sends none. Default: 5 s.
    pub interval: Duration,
    /// How long the peer may say nothing after a `PING`. Default: 15 s.
    pub timeout: Duration,
    /// How long the peer should wait for us after our `PING`; zero says nothing about it.
    /// Sent in tenths of a second, 6553.5 s at most. Default: 30 s.
    pub ttl: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            ttl: Duration::from_secs(30),
        }
    }
}
