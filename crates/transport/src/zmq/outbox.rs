//! What a link has to send, until the driver takes it.

use std::collections::VecDeque;

use crate::error::TrySendError;
use crate::message::{CONTROLS, Control, Inbound, Message};
use crate::options::HighWater;
use crate::tally::Tally;
use crate::wakers::Wakers;

/// The queue of one link. Messages are bounded; controls are taken whatever it holds.
#[derive(Debug)]
pub(super) struct Outbox {
    accepted: u64,
    bytes: usize,
    closing: bool,
    delivered: u64,
    pub(super) flush_waiters: Wakers,
    high_water: HighWater,
    /// Messages in the frame that the driver hands over.
    in_flight: u64,
    /// An item was taken that the driver has not handed over yet.
    is_handing_over: bool,
    items: VecDeque<Inbound>,
    /// The sender was dropped: what can leave at once still does.
    pub(super) last_words: bool,
    n_messages: usize,
    /// The peer is not wanted, for this reason: said instead of what waits.
    pub(super) refusal: Option<String>,
    pub(super) room_waiters: Wakers,
    /// Say goodbye behind the last item.
    pub(super) wants_bye: bool,
}

impl Outbox {
    pub(super) fn new(high_water: HighWater) -> Self {
        Self {
            accepted: 0,
            bytes: 0,
            closing: false,
            delivered: 0,
            flush_waiters: Wakers::default(),
            high_water,
            in_flight: 0,
            is_handing_over: false,
            items: VecDeque::new(),
            last_words: false,
            n_messages: 0,
            refusal: None,
            room_waiters: Wakers::default(),
            wants_bye: false,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn has_room(&self) -> bool {
        self.n_messages < self.high_water.messages && self.bytes < self.high_water.bytes
    }

    /// Whether waiting senders should be woken: at half the mark, not at every message.
    fn has_much_room(&self) -> bool {
        self.n_messages * 2 <= self.high_water.messages && self.bytes * 2 <= self.high_water.bytes
    }

    /// Nothing waits and nothing is being handed over.
    pub(super) fn is_idle(&self) -> bool {
        self.items.is_empty() && !self.is_handing_over
    }

    /// Messages that were taken and have not been handed over.
    pub(super) fn n_messages(&self) -> usize {
        self.n_messages + usize::try_from(self.in_flight).unwrap_or(usize::MAX)
    }

    /// What became of all messages that were taken.
    pub(super) fn tally(&self) -> Tally {
        Tally {
            accepted: self.accepted,
            delivered: self.delivered,
            in_flight: self.in_flight,
            queued: self.n_messages as u64,
        }
    }

    pub(super) fn try_push(&mut self, message: Message) -> Result<(), TrySendError> {
        if self.closing {
            return Err(TrySendError::Closed(message));
        }
        if !self.has_room() {
            return Err(TrySendError::Full(message));
        }
        self.push(message);
        Ok(())
    }

    fn push(&mut self, message: Message) {
        self.accepted += 1;
        self.n_messages += 1;
        self.bytes += message.weight();
        self.items.push_back(Inbound::Message(message));
    }

    /// False if far too many wait.
    pub(super) fn push_control(&mut self, control: Control) -> bool {
        let is_taken = self.items.len() - self.n_messages < CONTROLS;
        if is_taken {
            self.items.push_back(Inbound::Control(control));
        }
        is_taken
    }

    /// Takes a message, giving up the oldest until there is room.
    pub(super) fn displace(&mut self, message: Message) -> Result<Vec<Message>, TrySendError> {
        if self.closing {
            return Err(TrySendError::Closed(message));
        }
        let mut given_up = Vec::new();
        while !self.has_room()
            && let Some(oldest) = self.take_oldest()
        {
            given_up.push(oldest);
        }
        self.push(message);
        Ok(given_up)
    }

    fn take_oldest(&mut self) -> Option<Message> {
        let at = self.items.iter().position(|it| matches!(it, Inbound::Message(_)))?;
        let Some(Inbound::Message(oldest)) = self.items.remove(at) else {
            return None;
        };
        self.n_messages -= 1;
        self.bytes -= oldest.weight();
        Some(oldest)
    }

    /// The next item for the driver.
    pub(super) fn pop(&mut self) -> Option<Inbound> {
        let item = self.items.pop_front()?;
        self.is_handing_over = true;
        if let Inbound::Message(message) = &item {
            self.n_messages -= 1;
            self.bytes -= message.weight();
            self.in_flight += 1;
        }
        Some(item)
    }

    /// What was popped has been handed over; who waits for that, or for room, is to be woken.
    pub(super) fn handed_over(&mut self) -> Wakers {
        self.delivered += self.in_flight;
        self.in_flight = 0;
        self.is_handing_over = false;
        let mut woken =
            if self.has_much_room() { self.room_waiters.take() } else { Wakers::default() };
        if self.is_idle() {
            woken.append(self.flush_waiters.take());
        }
        woken
    }

    /// Takes nothing more; all waiters are to be woken.
    pub(super) fn close(&mut self) -> Wakers {
        self.closing = true;
        let mut woken = self.room_waiters.take();
        woken.append(self.flush_waiters.take());
        woken
    }
}
