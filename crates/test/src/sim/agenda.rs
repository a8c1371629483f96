//! What is to happen, and when.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::time::Instant;

/// One of the two ends of a connection: 0 dialled, 1 was accepted.
pub(super) type Side = usize;

/// Something on its way to an end of a connection.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Bytes(Bytes),
    Fin,
    Reset,
}

#[derive(Debug)]
pub(super) enum Event {
    /// An item reaches its end.
    Arrive { link: u64, to: Side, item: Item },
    /// A connection breaks.
    Break { link: u64, silent: bool },
    /// One side has waited too long for a sign that its bytes arrived.
    GiveUp { link: u64, side: Side },
}

/// Events in the order of their times; those of one time in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(Instant, u64), Event>,
    serial: u64,
}

impl Agenda {
    /// Adds an event; true if it is the first now.
    pub(super) fn add(&mut self, at: Instant, event: Event) -> bool {
        let first = self.next().is_none_or(|next| at < next);
        self.serial += 1;
        self.events.insert((at, self.serial), event);
        first
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Event> {
        if now < self.next()? {
            return None;
        }
        self.events.pop_first().map(|(_, event)| event)
    }
}
