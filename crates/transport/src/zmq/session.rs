//! One link as a state machine: credit, confirmation, signs of life. It has neither socket nor task.
//!
//! *Credit* protects the receiver: a side sends no more than the other one granted, and who sends
//! more is dropped. *Confirmation* protects the sender, who cannot look into the queues of the
//! `zeromq` crate: until the peer has echoed the number of a PING, which it can only know by having
//! read everything before it, no more than a bounded amount is handed over.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;
use gleis_zmtp::{Error, Heartbeat, Limits};
use tokio::time::Instant;

use crate::message::Inbound;
use crate::options::LinkConfig;
use crate::zmq::amount::Amount;
use crate::zmq::frame::{Frame, Parts, malformed, read_batch};

/// The largest window in messages: far below the 100,000 at which the crate's own queue is full.
const MAX_WINDOW: usize = 10_000;
/// Frames that may be handed over before the peer has confirmed any.
const MAX_UNCONFIRMED: u64 = 8_192;
/// PONGs that may be handed over beyond that, so that two full sides still confirm each other.
const PONG_RESERVE: u64 = 64;
/// Bytes that may be handed over unconfirmed, however small the queue of the link is.
const MIN_UNCONFIRMED: usize = 1 << 20;

/// What a frame of the peer brought.
#[derive(Debug)]
pub(super) enum Received {
    Bye,
    ByeAck,
    Items(Vec<Inbound>),
    Nothing,
}

#[derive(Debug)]
struct Ping {
    at: Instant,
    /// What was handed over, unconfirmed, when it left.
    covers: Amount,
    nonce: u64,
}

/// The rules of one link, after its handshake.
#[derive(Debug)]
pub(super) struct Session {
    /// What the peer lets us send, since the beginning.
    allowed: Amount,
    /// Taken from the link by its reader, since the beginning.
    consumed: Amount,
    /// What we let the peer send, since the beginning.
    granted: Amount,
    /// Frames and bytes given to the `zeromq` crate that the peer has not confirmed.
    handed: Amount,
    heartbeat: Option<Heartbeat>,
    last_heard: Instant,
    limits: Limits,
    next_ping: Option<Instant>,
    nonces: Nonces,
    // Invariant: one at a time is in the air.
    ping: Option<Ping>,
    /// To be answered; a newer one takes its place.
    pong: Option<u64>,
    received: Amount,
    sent: Amount,
    unconfirmed: Amount,
    window: Amount,
}

/// What a side with this configuration grants at first, and afterwards beyond what was consumed.
pub(super) fn window(config: &LinkConfig) -> Amount {
    let high_water = config.options.recv_high_water;
    Amount {
        bytes: high_water.bytes.max(1) as u64,
        messages: high_water.messages.clamp(1, MAX_WINDOW) as u64,
    }
}

impl Session {
    /// A link whose peer granted `allowed` in its handshake.
    pub(super) fn new(config: &LinkConfig, allowed: Amount, now: Instant) -> Self {
        let heartbeat = config.options.heartbeat;
        let interval = heartbeat.map(|it| it.interval).filter(|it| !it.is_zero());
        let window = window(config);
        let bytes = config.options.send_high_water.bytes.max(MIN_UNCONFIRMED) as u64;
        Self {
            allowed,
            consumed: Amount::default(),
            granted: window,
            handed: Amount::default(),
            heartbeat,
            last_heard: now,
            limits: config.options.limits,
            next_ping: interval.map(|it| now + it),
            nonces: Nonces::default(),
            ping: None,
            pong: None,
            received: Amount::default(),
            sent: Amount::default(),
            unconfirmed: Amount { bytes, messages: MAX_UNCONFIRMED },
            window,
        }
    }

    /// Takes a frame of the peer.
    pub(super) fn receive(&mut self, now: Instant, parts: Parts) -> Result<Received, Error> {
        self.last_heard = now;
        match Frame::parse(parts, &self.limits)? {
            Frame::Accept(_) => Err(malformed("ACCEPT", "after the handshake")),
            Frame::Bye => Ok(Received::Bye),
            Frame::ByeAck => Ok(Received::ByeAck),
            Frame::Credit(amount) => self.credit(amount),
            Frame::Data(parts) => self.items(parts),
            Frame::Hello(_) => Err(malformed("HELLO", "after the handshake")),
            Frame::Ping(nonce) => {
                self.pong = Some(nonce);
                Ok(Received::Nothing)
            }
            Frame::Pong(nonce) => self.confirmed(nonce),
            Frame::Refuse(it) => Err(Error::Refused { reason: it.reason }),
        }
    }

    fn credit(&mut self, amount: Amount) -> Result<Received, Error> {
        if !amount.covers(self.allowed) {
            return Err(malformed("CREDIT", "less than before"));
        }
        self.allowed = amount;
        Ok(Received::Nothing)
    }

    fn items(&mut self, parts: Parts) -> Result<Received, Error> {
        let (received, granted) = (&mut self.received, self.granted);
        let items = read_batch(parts, &self.limits, |item| {
            if !received.is_below(granted) {
                return Err(malformed("DATA", "more than the credit allows"));
            }
            *received = received.plus(Amount::one(item.weight()));
            Ok(())
        })?;
        Ok(Received::Items(items))
    }

    fn confirmed(&mut self, nonce: u64) -> Result<Received, Error> {
        let Some(ping) = self.ping.take_if(|it| it.nonce == nonce) else {
            return Err(malformed("PONG", "without a PING"));
        };
        self.handed = self.handed.minus(ping.covers);
        Ok(Received::Nothing)
    }

    /// The reader of the link has taken this much since the beginning.
    pub(super) fn consumed(&mut self, amount: Amount) {
        self.consumed = amount;
    }

    /// Whether one more item may be handed over.
    pub(super) fn may_send(&self) -> bool {
        self.sent.is_below(self.allowed) && self.handed.is_below(self.unconfirmed)
    }

    /// An item of this weight goes into the batch that leaves next.
    pub(super) fn spend(&mut self, weight: usize) {
        self.sent = self.sent.plus(Amount::one(weight));
    }

    /// These parts leave as one frame.
    pub(super) fn hand_over(&mut self, parts: &[Bytes]) {
        let n_bytes = parts.iter().map(Bytes::len).sum();
        self.handed = self.handed.plus(Amount::one(n_bytes));
    }

    /// What the link itself has to say next.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<Frame> {
        if self.handed.messages < MAX_UNCONFIRMED + PONG_RESERVE
            && let Some(nonce) = self.pong.take()
        {
            return Some(Frame::Pong(nonce));
        }
        let grant = self.consumed.plus(self.window);
        let more = grant.minus(self.granted);
        let half = self.window.half();
        if (half.messages <= more.messages || half.bytes <= more.bytes)
            && self.handed.messages < MAX_UNCONFIRMED
        {
            self.granted = grant;
            return Some(Frame::Credit(grant));
        }
        if self.ping.is_none() && self.wants_ping(now) {
            return Some(self.start_ping(now));
        }
        None
    }

    /// Asks the peer for a sign of life now, not when it is due.
    pub(super) fn ask(&mut self, now: Instant) {
        self.next_ping = Some(now);
    }

    fn wants_ping(&self, now: Instant) -> bool {
        let is_due = self.next_ping.is_some_and(|it| it <= now);
        is_due || !self.handed.is_below(self.unconfirmed.half())
    }

    fn start_ping(&mut self, now: Instant) -> Frame {
        let nonce = self.nonces.next();
        self.ping = Some(Ping { at: now, covers: self.handed, nonce });
        let interval = self.heartbeat.map(|it| it.interval).filter(|it| !it.is_zero());
        self.next_ping = interval.map(|it| now + it);
        Frame::Ping(nonce)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match (self.silence_ends(), self.next_ping) {
            (Some((at, _)), _) => Some(at),
            (None, at) => at.filter(|_| self.ping.is_none()),
        }
    }

    /// Until when the peer must have said something, and for how long it then was silent.
    fn silence_ends(&self) -> Option<(Instant, Duration)> {
        let patience = self.heartbeat?.timeout;
        let since = self.ping.as_ref()?.at.max(self.last_heard);
        Some((since + patience, patience))
    }

    /// Judges the silence of the peer.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self.silence_ends() {
            Some((at, silent_for)) if at <= now => Err(Error::PeerSilent { silent_for }),
            _ => Ok(()),
        }
    }
}

/// Numbers that nobody outside can guess: a keyed hash of a counter.
#[derive(Debug, Default)]
struct Nonces {
    counter: u64,
    keys: RandomState,
}

impl Nonces {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.keys.hash_one(self.counter)
    }
}

/// A number for a handshake.
pub(super) fn nonce() -> u64 {
    Nonces::default().next()
}

#[cfg(test)]
mod tests;
