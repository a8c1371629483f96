//! When to ask whether the peer lives, and when to believe that it does not.

use std::time::{Duration, Instant};

use crate::{Error, Heartbeat};

/// The times of one connection after its handshake.
#[derive(Debug)]
pub(crate) struct Pulse {
    plan: Option<Heartbeat>,
    last_heard: Instant,
    next_ping: Option<Instant>,
    /// When the first `PING` since the last byte of the peer was queued.
    asked: Option<Instant>,
    /// When the peer's own promise to be heard again was made, and for how long it holds.
    promised: Option<(Instant, Duration)>,
    silence: Silence,
}

/// Whether silence means anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Silence {
    /// Nobody reads, so nothing can be heard.
    Held,
    Judged,
    /// Judged again, counting from the next time seen.
    Released,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            plan: None,
            last_heard: now,
            next_ping: None,
            asked: None,
            promised: None,
            silence: Silence::Judged,
        }
    }

    /// The handshake is over: from now on the peer is asked according to `plan`.
    pub(crate) fn start(&mut self, plan: Option<Heartbeat>, now: Instant) {
        self.plan = plan.filter(|it| !it.interval.is_zero());
        self.next_ping = self.plan.and_then(|it| now.checked_add(it.interval));
    }

    /// Bytes of the peer arrived.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
        self.asked = None;
        self.promised = None;
    }

    /// The peer promised to be heard again within `ttl`.
    pub(crate) fn promised(&mut self, now: Instant, ttl: Duration) {
        self.promised = Some((now, ttl));
    }

    pub(crate) fn hold(&mut self, held: bool) {
        self.silence = match (self.silence, held) {
            (_, true) => Silence::Held,
            (Silence::Held, false) => Silence::Released,
            (silence, false) => silence,
        };
    }

    /// When [`Pulse::handle_timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let silent = self.silent_at().filter(|_| self.silence != Silence::Held);
        [silent, self.next_ping].into_iter().flatten().min()
    }

    /// Judges the silence and says whether a `PING` is due, and with which TTL in tenths of a second.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<Option<u16>, Error> {
        if self.silence == Silence::Released {
            self.release(now);
        }
        let is_over = self.silent_at().is_some_and(|it| it <= now);
        if is_over && self.silence == Silence::Judged {
            let silent_for = now.saturating_duration_since(self.last_heard);
            return Err(Error::PeerSilent { silent_for });
        }
        Ok(self.ask(now))
    }

    fn ask(&mut self, now: Instant) -> Option<u16> {
        let plan = self.plan?;
        self.next_ping.filter(|it| *it <= now)?;
        self.next_ping = now.checked_add(plan.interval);
        self.asked.get_or_insert(now);
        Some(tenths(plan.ttl))
    }

    fn release(&mut self, now: Instant) {
        self.silence = Silence::Judged;
        let promised = self.promised.map(|(_, ttl)| (now, ttl));
        self.asked = self.asked.map(|_| now);
        self.promised = promised;
    }

    fn silent_at(&self) -> Option<Instant> {
        let timeout = self.plan.map(|it| it.timeout);
        let unanswered = self.asked.zip(timeout);
        let ends = |(from, time): (Instant, Duration)| from.checked_add(time);
        [unanswered.and_then(ends), self.promised.and_then(ends)].into_iter().flatten().min()
    }
}

fn tenths(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_millis() / 100).unwrap_or(u16::MAX)
}
