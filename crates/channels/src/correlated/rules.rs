//! What a channel of each kind does, and how much it keeps.

use std::time::Duration;

/// What a channel is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Broadcast,
    Mailbox,
    Passthrough,
    WorkQueue,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Mailbox => "mailbox",
            Self::Passthrough => "passthrough",
            Self::WorkQueue => "work queue",
        }
    }

    /// Whether messages are claimed.
    pub(crate) fn claims(self) -> bool {
        matches!(self, Self::Passthrough | Self::WorkQueue)
    }

    /// Whether messages are read by cursors.
    pub(crate) fn reads(self) -> bool {
        self != Self::WorkQueue
    }

    /// Whether the oldest message gives way when there is no room. A job that nobody has done must not
    /// vanish: there the new one is refused.
    pub(crate) fn evicts(self) -> bool {
        self != Self::WorkQueue
    }

    /// Whether a reader sees only what is for it.
    pub(crate) fn is_personal(self) -> bool {
        self == Self::Mailbox
    }
}

/// How much a channel keeps, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) claim_timeout: Duration,
    pub(crate) kind: Kind,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_bytes: usize,
    pub(crate) max_count: usize,
    pub(crate) max_readers: usize,
}

impl Rules {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            claim_timeout: Duration::from_secs(300),
            kind,
            max_age: None,
            max_bytes: 64 << 20,
            max_count: 100_000,
            max_readers: 10_000,
        }
    }
}
