//! How much a bridge takes on.

use std::time::Duration;

/// What a bridge allows, in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BridgeLimits {
    /// Bytes of a body, and of a message by WebSocket. 1 MiB if not said.
    pub body: usize,
    /// How long a body may take to come. 10 s if not said.
    pub body_time: Duration,
    /// Connections at once; more wait. 10,000 if not said.
    pub connections: usize,
    /// How long the head of a request may take to come, and a connection may stay open between two. 30 s if
    /// not said.
    pub head_time: Duration,
    /// Bytes of messages that the log keeps. 16 MiB if not said. One that was read as an event is kept a
    /// second time, as that.
    pub log_bytes: usize,
    /// Messages that the log keeps. 10,000 if not said.
    pub log_messages: usize,
    /// How long a long poll waits at most. 60 s if not said.
    pub poll: Duration,
    /// Messages and calls that are taken in a second, with as many at once. 1,000 if not said.
    pub rate: u32,
    /// How long the hub may take to take a message. 2 s if not said.
    pub send: Duration,
    /// Who waits for messages at once. 10,000 if not said.
    pub waiters: usize,
}

impl Default for BridgeLimits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            body_time: Duration::from_secs(10),
            connections: 10_000,
            head_time: Duration::from_secs(30),
            log_bytes: 16 << 20,
            log_messages: 10_000,
            poll: Duration::from_secs(60),
            rate: 1_000,
            send: Duration::from_secs(2),
            waiters: 10_000,
        }
    }
}
