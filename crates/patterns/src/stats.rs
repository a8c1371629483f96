//! What became of every message: `offered = delivered + dropped + queued + in flight`.

use std::fmt;

use bytes::Bytes;

/// The ledger of a socket.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// The share of each peer that is connected now.
    pub peers: Vec<PeerStats>,
    /// What arrived, on its way to whoever calls `recv`; of all peers there ever were.
    pub received: Flow,
    /// What was sent, to all peers there ever were; a message published to three subscribers counts
    /// three times, and one that no peer was to get counts once.
    pub sent: Flow,
}

/// The ledger of one peer.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerStats {
    /// Where it is.
    pub address: String,
    /// What it announced as its identity.
    pub identity: Bytes,
    /// What came from it.
    pub received: Flow,
    /// What was for it.
    pub sent: Flow,
}

/// One direction; `offered = delivered + dropped + queued + in_flight` at every moment nothing moves.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flow {
    /// What went on: sent messages were handed to the system, received ones to the user.
    pub delivered: u64,
    /// What was given up, by reason.
    pub dropped: Dropped,
    /// What the system is taking at this moment.
    pub in_flight: u64,
    /// What came in: sent by the user, or received from peers.
    pub offered: u64,
    /// What waits.
    pub queued: u64,
}

impl Flow {
    /// True if every message is accounted for: always so while nothing moves.
    pub fn is_balanced(&self) -> bool {
        self.offered == self.delivered + self.dropped.total() + self.queued + self.in_flight
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.dropped.add(&other.dropped);
        self.in_flight += other.in_flight;
        self.offered += other.offered;
        self.queued += other.queued;
    }
}

/// Why a message was given up.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DropReason {
    /// The connection, or the socket, was closed before it left.
    Closed,
    /// Its deadline passed before it left.
    Expired,
    /// There was no room.
    Full,
    /// There was no peer.
    NoPeer,
    /// Nobody had subscribed to it.
    NoSubscriber,
    /// It was larger than allowed.
    Oversize,
    /// It could not be encoded or decoded.
    Undecodable,
    /// Nobody waited for it any more: late answers, late publications, and messages to sockets that
    /// do not receive.
    Unwanted,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Closed,
        Self::Expired,
        Self::Full,
        Self::NoPeer,
        Self::NoSubscriber,
        Self::Oversize,
        Self::Undecodable,
        Self::Unwanted,
    ];
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Full => "no room",
            Self::NoPeer => "no peer",
            Self::NoSubscriber => "no subscriber",
            Self::Oversize => "too large",
            Self::Undecodable => "not readable",
            Self::Unwanted => "nobody waits for it",
        })
    }
}

/// Messages given up, by reason: see [`DropReason`].
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// The connection, or the socket, was closed before they left.
    pub closed: u64,
    /// Their deadlines passed before they left.
    pub expired: u64,
    /// There was no room.
    pub full: u64,
    /// There was no peer.
    pub no_peer: u64,
    /// Nobody had subscribed to them.
    pub no_subscriber: u64,
    /// They were larger than allowed.
    pub oversize: u64,
    /// They could not be encoded or decoded.
    pub undecodable: u64,
    /// Nobody waited for them any more.
    pub unwanted: u64,
}

impl Dropped {
    /// How many were given up for `reason`.
    pub fn of(&self, reason: DropReason) -> u64 {
        match reason {
            DropReason::Closed => self.closed,
            DropReason::Expired => self.expired,
            DropReason::Full => self.full,
            DropReason::NoPeer => self.no_peer,
            DropReason::NoSubscriber => self.no_subscriber,
            DropReason::Oversize => self.oversize,
            DropReason::Undecodable => self.undecodable,
            DropReason::Unwanted => self.unwanted,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        DropReason::ALL.iter().map(|it| self.of(*it)).sum()
    }

    pub(crate) fn count(&mut self, reason: DropReason, n: u64) {
        let place = match reason {
            DropReason::Closed => &mut self.closed,
            DropReason::Expired => &mut self.expired,
            DropReason::Full => &mut self.full,
            DropReason::NoPeer => &mut self.no_peer,
            DropReason::NoSubscriber => &mut self.no_subscriber,
            DropReason::Oversize => &mut self.oversize,
            DropReason::Undecodable => &mut self.undecodable,
            DropReason::Unwanted => &mut self.unwanted,
        };
        *place += n;
    }

    fn add(&mut self, other: &Self) {
        for reason in DropReason::ALL {
            self.count(reason, other.of(reason));
        }
    }
}
