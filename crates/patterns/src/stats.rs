//! What became of every message: `offered = delivered + dropped + queued`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of a socket.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Peers connected now.
    pub peers: usize,
    /// What arrived, on its way to whoever calls `recv`.
    pub received: Flow,
    /// What was sent; a message published to three subscribers counts three times.
    pub sent: Flow,
}

/// One direction; `offered = delivered + dropped + queued` at every moment nothing moves.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flow {
    /// What went on: sent messages were handed to the system, received ones to the user.
    pub delivered: u64,
    /// What was given up, by reason.
    pub dropped: Dropped,
    /// What came in: sent by the user, or received from peers.
    pub offered: u64,
    /// What waits.
    pub queued: u64,
}

/// Messages given up, by reason.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// The connection, or the socket, was closed before they left.
    pub closed: u64,
    /// There was no room.
    pub full: u64,
    /// There was no peer.
    pub no_peer: u64,
    /// Nobody had subscribed to them.
    pub no_subscriber: u64,
    /// They could not be decoded.
    pub undecodable: u64,
    /// Nobody waited for them any more: late answers, late publications, and messages to sockets
    /// that do not receive.
    pub unwanted: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.closed
            + self.full
            + self.no_peer
            + self.no_subscriber
            + self.undecodable
            + self.unwanted
    }
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    Closed,
    Full,
    NoPeer,
    NoSubscriber,
    Undecodable,
    Unwanted,
}

/// The counters of one direction, counted from many tasks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    offered: AtomicU64,
    dropped: [AtomicU64; 6],
}

impl Counters {
    pub(crate) fn offer(&self, n: u64) {
        self.offered.fetch_add(n, Relaxed);
    }

    pub(crate) fn lose(&self, reason: Reason, n: u64) {
        if 0 < n {
            self.dropped[reason as usize].fetch_add(n, Relaxed);
        }
    }

    /// What is neither dropped nor `queued` was delivered.
    pub(crate) fn flow(&self, queued: u64) -> Flow {
        let count = |reason: Reason| self.dropped[reason as usize].load(Relaxed);
        let dropped = Dropped {
            closed: count(Reason::Closed),
            full: count(Reason::Full),
            no_peer: count(Reason::NoPeer),
            no_subscriber: count(Reason::NoSubscriber),
            undecodable: count(Reason::Undecodable),
            unwanted: count(Reason::Unwanted),
        };
        let offered = self.offered.load(Relaxed);
        let delivered = offered.saturating_sub(dropped.total()).saturating_sub(queued);
        Flow { delivered, dropped, offered, queued }
    }
}
