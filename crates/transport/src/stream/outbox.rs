//! What a link has to send: the queue, and who writes it when. No IO happens here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use gleis_zmtp::Encoder;

use crate::broadcast::Broadcast;
use crate::clock::now;
use crate::message::{CONTROLS, Control, Message};
use crate::options::HighWater;
use crate::stream::batch::Batch;
use crate::tally::Tally;
use crate::wakers::Wakers;

/// A batch of this many bytes is written at once; later messages wait unencoded.
const FULL_BATCH: usize = 256 << 10;
/// What a write costs, about.
const WRITE: Duration = Duration::from_micros(5);
/// How many links of a socket may write in turn within the patience of one.
const LINKS: std::ops::RangeInclusive<usize> = 10..=1_000;

/// How long a message is held back at most while its caller computes; a link that wrote nothing for as
/// long counts as idle.
///
/// Whoever sends to many links in turn needs a write's time for each: with less patience than that all
/// of them would count as idle each time, and each message would be a write of its own.
#[inline]
pub(crate) fn patience(n_links: usize) -> Duration {
    WRITE * (n_links.clamp(*LINKS.start(), *LINKS.end()) as u32)
}

/// What waits to be encoded.
#[derive(Debug)]
enum Waiting {
    Control(Control),
    Message(Message),
}

/// What the caller has to do after it appended something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Nothing: somebody is at it.
    Nothing,
    /// Wake the flusher task.
    Wake,
    /// Write from where it is.
    Write,
}

/// What the receiving side knows about the traffic.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    /// When several messages were received at once: for a moment more answers will follow.
    pub(crate) burst: Option<Instant>,
    pub(crate) patience: Duration,
    /// Something was received since the last direct write: the peer waits for an answer.
    pub(crate) was_asked: bool,
}

fn since(moment: Instant) -> Duration {
    now().saturating_duration_since(moment)
}

#[derive(Debug)]
pub(crate) struct Outbox {
    accepted: u64,
    /// What is beyond a full batch, and everything while the socket takes nothing.
    backlog: VecDeque<Waiting>,
    backlog_messages: usize,
    /// The weight of its messages.
    backlog_weight: usize,
    /// Encoded, not yet handed to a writer.
    batch: Batch,
    /// The socket took no more; the flusher waits for it.
    blocked: bool,
    pub(crate) closing: bool,
    delivered: u64,
    encoder: Encoder,
    /// A write has failed: nothing is written any more.
    is_broken: bool,
    /// Messages in the batch that is being written or waits half-written.
    in_flight: usize,
    last_write: Instant,
    n_appended: u32,
    oldest: Instant,
    /// Half-written, for the flusher to go on with.
    partial: Option<Batch>,
    pub(crate) flush_waiters: Wakers,
    pub(crate) room_waiters: Wakers,
    /// The flusher was told to come.
    scheduled: bool,
    /// Empty, with the buffers of the last one.
    spare: Batch,
    high_water: HighWater,
    // Invariant: true exactly while one task holds a taken batch.
    writing: bool,
}

impl Outbox {
    pub(crate) fn new(encoder: Encoder, high_water: HighWater, now: Instant) -> Self {
        Self {
            accepted: 0,
            backlog: VecDeque::new(),
            backlog_messages: 0,
            backlog_weight: 0,
            batch: Batch::default(),
            blocked: false,
            closing: false,
            delivered: 0,
            encoder,
            in_flight: 0,
            is_broken: false,
            last_write: now,
            n_appended: 0,
            oldest: now,
            partial: None,
            flush_waiters: Wakers::default(),
            room_waiters: Wakers::default(),
            scheduled: false,
            spare: Batch::default(),
            high_water,
            writing: false,
        }
    }

    /// Whether one more message may be queued. What a writer holds does not count: it is bounded
    /// by one batch.
    pub(crate) fn has_room(&self) -> bool {
        self.batch.n_messages + self.backlog_messages < self.high_water.messages
            && self.batch.weight + self.backlog_weight < self.high_water.bytes
    }

    /// Whether waiting senders should be woken: at half the mark, not at every message.
    fn has_much_room(&self) -> bool {
        (self.batch.n_messages + self.backlog_messages) * 2 <= self.high_water.messages
            && (self.batch.weight + self.backlog_weight) * 2 <= self.high_water.bytes
    }

    /// Messages that were taken and have not left.
    pub(crate) fn queued(&self) -> usize {
        self.batch.n_messages + self.backlog_messages + self.in_flight
    }

    /// What became of all that was taken.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            accepted: self.accepted,
            delivered: self.delivered,
            in_flight: self.in_flight as u64,
            queued: (self.batch.n_messages + self.backlog_messages) as u64,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queued() == 0 && self.batch.is_empty() && self.backlog.is_empty() && !self.writing
    }

    /// Lets go of the buffers if there is nothing in them.
    pub(crate) fn rest(&mut self) {
        if self.is_idle() {
            (self.batch, self.spare, self.backlog) = Default::default();
        }
    }

    /// Whether the peer takes nothing more.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Queues a message and says who writes it. The clock is read as seldom as possible.
    pub(crate) fn append(&mut self, message: Message, hints: Hints) -> Next {
        let weight = message.weight();
        if self.is_behind() {
            self.hold_back(message, weight);
        } else {
            self.batch.push(&self.encoder, &message, weight);
        }
        self.accepted += 1;
        self.n_appended += 1;
        self.next(hints)
    }

    /// As [`append`](Self::append), for a message that is cloned only if it has to wait unencoded.
    pub(crate) fn append_copy(&mut self, message: &Broadcast, hints: Hints) -> Next {
        if self.is_behind() {
            return self.append(message.message().clone(), hints);
        }
        match message.wire(&self.encoder) {
            Some(wire) => self.batch.push_wire(wire, message.weight()),
            None => self.batch.push(&self.encoder, message.message(), message.weight()),
        }
        self.accepted += 1;
        self.n_appended += 1;
        self.next(hints)
    }

    fn hold_back(&mut self, message: Message, weight: usize) {
        self.backlog_messages += 1;
        self.backlog_weight += weight;
        self.backlog.push_back(Waiting::Message(message));
    }

    /// Whether what comes now has to wait unencoded.
    fn is_behind(&self) -> bool {
        self.blocked || !self.backlog.is_empty() || FULL_BATCH <= self.batch.len
    }

    /// Queues a control behind the messages before it; `None` if far too many wait.
    pub(crate) fn append_control(&mut self, control: Control) -> Option<Next> {
        if CONTROLS <= self.backlog.len() - self.backlog_messages {
            return None;
        }
        if self.is_behind() {
            self.backlog.push_back(Waiting::Control(control));
        } else {
            self.batch.push_control(&self.encoder, &control);
        }
        Some(self.schedule())
    }

    /// Queues frames of the protocol itself, unless many wait; they leave soon, past the backlog.
    pub(crate) fn append_own(&mut self, frames: &[u8]) -> Next {
        self.batch.push_own(frames);
        self.schedule()
    }

    fn next(&mut self, hints: Hints) -> Next {
        if self.writing || self.blocked {
            return Next::Nothing;
        }
        if FULL_BATCH <= self.batch.len {
            return Next::Write;
        }
        // Whoever takes longer over one of them lets its answer go alone.
        let is_one_of_many = || hints.burst.is_some_and(|it| since(it) < hints.patience);
        let may_be_alone = !self.scheduled && !is_one_of_many();
        if may_be_alone && (hints.was_asked || hints.patience < since(self.last_write)) {
            return Next::Write;
        }
        if self.is_overdue(hints.patience) {
            return Next::Write;
        }
        self.schedule()
    }

    /// Whether the oldest waiting message has waited too long. Looked at for the first few messages
    /// of a batch and then for every 16th.
    fn is_overdue(&mut self, patience: Duration) -> bool {
        if self.n_appended == 1 {
            self.oldest = now();
            return false;
        }
        let looks = self.n_appended < 8 || self.n_appended.is_multiple_of(16);
        looks && patience < since(self.oldest)
    }

    fn schedule(&mut self) -> Next {
        if self.scheduled || self.writing || self.blocked {
            return Next::Nothing;
        }
        self.scheduled = true;
        Next::Wake
    }

    /// The next batch to write, if there is one and nobody else writes.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.writing || self.is_broken {
            return None;
        }
        let batch = match self.partial.take() {
            Some(partial) => partial,
            None => {
                let fresh = self.fresh()?;
                self.in_flight = fresh.n_messages;
                fresh
            }
        };
        self.writing = true;
        Some(batch)
    }

    fn fresh(&mut self) -> Option<Batch> {
        while self.batch.len < FULL_BATCH
            && let Some(waiting) = self.backlog.pop_front()
        {
            match waiting {
                Waiting::Control(control) => self.batch.push_control(&self.encoder, &control),
                Waiting::Message(message) => {
                    let weight = message.weight();
                    self.backlog_messages -= 1;
                    self.backlog_weight -= weight;
                    self.batch.push(&self.encoder, &message, weight);
                }
            }
        }
        if self.batch.is_empty() {
            return None;
        }
        self.n_appended = 0;
        let next = std::mem::take(&mut self.spare);
        Some(std::mem::replace(&mut self.batch, next))
    }

    /// A whole batch has left. Says whether the flusher is needed, and who waits.
    pub(crate) fn written(&mut self, batch: Batch) -> (Next, Wakers) {
        self.spare = batch.recycle();
        self.delivered += self.in_flight as u64;
        self.in_flight = 0;
        self.writing = false;
        self.blocked = false;
        self.last_write = now();
        let mut woken =
            if self.has_much_room() { self.room_waiters.take() } else { Wakers::default() };
        if self.is_idle() {
            woken.append(self.flush_waiters.take());
            return (Next::Nothing, woken);
        }
        (self.schedule(), woken)
    }

    /// The socket took only a part: the flusher goes on with it.
    pub(crate) fn blocked(&mut self, mut batch: Batch) -> Next {
        self.count_passed(&mut batch);
        self.partial = Some(batch);
        self.writing = false;
        self.blocked = true;
        if self.scheduled {
            return Next::Nothing;
        }
        self.scheduled = true;
        Next::Wake
    }

    /// The flusher itself waits for the socket: what comes now stays unencoded and may be given up.
    pub(crate) fn wait_for_socket(&mut self, batch: &mut Batch) {
        self.count_passed(batch);
        self.blocked = true;
    }

    /// What has left of a batch before the rest has, so that it is known should the link end.
    fn count_passed(&mut self, batch: &mut Batch) {
        let n_passed = batch.take_passed();
        self.delivered += n_passed as u64;
        self.in_flight -= n_passed;
    }

    /// The writer failed; what had not left of its batch stays counted.
    pub(crate) fn failed(&mut self, mut batch: Batch) -> Wakers {
        self.count_passed(&mut batch);
        self.writing = false;
        self.is_broken = true;
        self.close()
    }

    /// Takes nothing more; all waiters are to be woken.
    pub(crate) fn close(&mut self) -> Wakers {
        self.closing = true;
        let mut woken = self.room_waiters.take();
        woken.append(self.flush_waiters.take());
        woken
    }

    /// The flusher found nothing to do and goes to sleep.
    pub(crate) fn unschedule(&mut self) {
        self.scheduled = false;
    }

    /// Messages appended since the last batch was taken.
    pub(crate) fn n_appended(&self) -> u32 {
        self.n_appended
    }

    /// Queues a message, giving up the oldest that are not encoded yet until there is room. If all
    /// are, it waits behind them, one over the mark, and is the one that gives way next.
    pub(crate) fn displace(&mut self, message: Message, hints: Hints) -> (Vec<Message>, Next) {
        let mut given_up = Vec::new();
        while !self.has_room()
            && let Some(oldest) = self.take_oldest()
        {
            given_up.push(oldest);
        }
        if self.has_room() {
            return (given_up, self.append(message, hints));
        }
        let weight = message.weight();
        self.hold_back(message, weight);
        self.accepted += 1;
        self.n_appended += 1;
        (given_up, self.next(hints))
    }

    fn take_oldest(&mut self) -> Option<Message> {
        let at = self.backlog.iter().position(|it| matches!(it, Waiting::Message(_)))?;
        let Some(Waiting::Message(oldest)) = self.backlog.remove(at) else {
            return None;
        };
        self.backlog_messages -= 1;
        self.backlog_weight -= oldest.weight();
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use gleis_zmtp::{Config, Session, SocketType};

    use super::*;

    #[test]
    fn an_idle_link_keeps_no_buffer_and_a_busy_one_what_waits() {
        let encoder = Session::new(Config::new(SocketType::Push), now()).encoder();
        let mut out = Outbox::new(encoder, HighWater::default(), now());
        let message = Message::single(vec![7; 100]);
        out.append_copy(&Broadcast::new(message.clone()), Hints::default());
        out.rest();
        let batch = out.take().expect("what was appended is still there");
        out.append(message, Hints::default());
        out.rest();
        assert_eq!((batch.n_messages, out.queued()), (1, 2));
        out.written(batch);
        let batch = out.take().expect("the second one");
        out.written(batch);
        assert!(0 < out.spare.capacity());
        out.rest();
        assert_eq!((out.spare.capacity(), out.batch.capacity()), (0, 0));
    }
}
