//! Requests of one link: those that wait to be sent and those that wait for their answers.
//!
//! The desk has no clock and no link: it is told what time it is, and gives what to send.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_core::{CorrelationId, Correlator, Deadline};
use gleis_patterns::Framed;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::error::RequestError;
use crate::stats::RequestStats;
use crate::wire;

/// What became of a request: the answer as it came, or why there is none.
pub(crate) type Answered = Result<Bytes, RequestError>;

/// What a handler will do, its panics and errors being caught.
pub(crate) type Work = BoxFuture<'static, ()>;

/// Work that waits, and how many bytes it keeps. Those of an answer are bounded by the places among
/// the requests in flight.
pub(crate) struct Job {
    pub(crate) bytes: usize,
    pub(crate) work: Work,
}

/// Where the answer goes.
pub(crate) enum Teller {
    /// To whoever receives publications, in order with them.
    Feed,
    Future(oneshot::Sender<Answered>),
    Handler(Box<dyn FnOnce(CorrelationId, Answered) -> Work + Send>),
}

/// What is over, to be told.
pub(crate) struct Over {
    pub(crate) answered: Answered,
    pub(crate) id: CorrelationId,
    /// Of those that are told in a queue: until they are, they count as in flight.
    pub(crate) place: Place,
    pub(crate) teller: Teller,
}

/// A place among the requests in flight that is kept until the answer was taken.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    fn new(taken: &Arc<AtomicUsize>) -> Self {
        taken.fetch_add(1, Ordering::Relaxed);
        Self(taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever took the answer makes room for the next request.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How much may be in flight and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) bytes: usize,
    pub(crate) requests: usize,
}

pub(crate) struct Desk {
    /// Told when the earliest deadline is earlier than the one that is waited for.
    rearm: Notify,
    room: Room,
    state: Mutex<State>,
    /// Answers that were not taken yet.
    untaken: Arc<AtomicUsize>,
    /// Told when something waits to be sent.
    work: Notify,
}

struct State {
    /// When the deadlines are looked at next.
    armed: Option<Instant>,
    /// What is in the outbox weighs so much.
    bytes: usize,
    closed: bool,
    /// The first of the outbox is being sent: nobody may overtake it.
    is_sending: bool,
    outbox: VecDeque<Item>,
    requests: Correlator<Waiting>,
    /// Who has each slot, or had it last, by the index within the id.
    slots: Vec<CorrelationId>,
    stats: RequestStats,
}

enum Item {
    Request(CorrelationId),
    Say(Framed),
    /// That the wishes have changed; there is one of it at most.
    Wishes,
}

struct Waiting {
    deadline: Deadline,
    teller: Teller,
    /// The body, as long as it was not sent. Behind the lock of the state.
    unsent: Cell<Option<Bytes>>,
}

impl Waiting {
    fn is_sent(&self) -> bool {
        let unsent = self.unsent.take();
        let is_sent = unsent.is_none();
        self.unsent.set(unsent);
        is_sent
    }
}

impl State {
    fn note(&mut self, id: CorrelationId) {
        // The lower half counts the slots, so that it is small.
        let at = number(id) as u32 as usize;
        while self.slots.len() <= at {
            self.slots.push(id);
        }
        self.slots[at] = id;
    }
}

/// What is to be sent next.
pub(crate) enum Next {
    Request(CorrelationId, Bytes, Deadline),
    Say(Framed),
    Wishes,
}

/// A request on the wire.
pub(crate) fn frames(
    id: CorrelationId,
    body: Bytes,
    deadline: Deadline,
    now: Instant,
    codec: &str,
) -> Framed {
    let left = deadline.remaining(now).unwrap_or(Duration::ZERO);
    wire::ask(number(id), left, codec, body)
}

pub(crate) fn number(id: CorrelationId) -> u64 {
    u64::from_be_bytes(id.to_bytes())
}

/// Any number is an id; whether something is pending under it is another question.
fn id(number: u64) -> Option<CorrelationId> {
    CorrelationId::from_bytes(&number.to_be_bytes())
}

impl Desk {
    pub(crate) fn new(room: Room) -> Self {
        let state = State {
            armed: None,
            bytes: 0,
            closed: false,
            is_sending: false,
            outbox: VecDeque::new(),
            requests: Correlator::new(room.requests),
            slots: Vec::new(),
            stats: RequestStats::default(),
        };
        Self {
            rearm: Notify::new(),
            room,
            state: Mutex::new(state),
            untaken: Arc::default(),
            work: Notify::new(),
        }
    }

    pub(crate) fn stats(&self) -> RequestStats {
        let state = self.state.lock();
        RequestStats { in_flight: state.requests.len() as u64, ..state.stats.clone() }
    }

    /// Counts a message that is nothing that a replier says.
    pub(crate) fn unreadable(&self) {
        self.state.lock().stats.unreadable += 1;
    }

    /// Notes a request. True if it is to be sent at once, which counts as done; else it was put
    /// behind those that wait.
    ///
    /// # Errors
    /// [`RequestError::Closed`] and [`RequestError::Full`].
    pub(crate) fn enter(
        &self,
        deadline: Deadline,
        teller: Teller,
        body: &Bytes,
    ) -> Result<(CorrelationId, bool), RequestError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(RequestError::Closed);
        }
        let now = state.outbox.is_empty() && !state.is_sending;
        let n_taken = state.requests.len() + self.untaken.load(Ordering::Relaxed);
        if self.room.requests <= n_taken || (!now && self.room.bytes <= state.bytes) {
            return Err(RequestError::Full);
        }
        let unsent = Cell::new((!now).then(|| body.clone()));
        let waiting = Waiting { deadline, teller, unsent };
        let id = state.requests.insert(deadline, waiting).map_err(|_| RequestError::Full)?;
        state.note(id);
        state.stats.asked += 1;
        if !now {
            state.outbox.push_back(Item::Request(id));
            state.bytes += body.len();
        }
        let rearm = state.armed.is_none_or(|armed| deadline.instant() < armed);
        if rearm {
            state.armed = Some(deadline.instant());
        }
        drop(state);
        if rearm {
            self.rearm.notify_one();
        }
        if !now {
            self.work.notify_one();
        }
        Ok((id, now))
    }

    /// A request that was to be sent at once found no way: it waits.
    pub(crate) fn put_back(&self, id: CorrelationId, body: Bytes) {
        let mut state = self.state.lock();
        let Some(waiting) = state.requests.get(id) else {
            return;
        };
        let weight = body.len();
        waiting.unsent.set(Some(body));
        state.bytes += weight;
        state.outbox.push_back(Item::Request(id));
        drop(state);
        self.work.notify_one();
    }

    /// Has something said, in order with what waits. What asks for nothing is dropped when too much
    /// waits already.
    pub(crate) fn say(&self, message: Framed) {
        let mut state = self.state.lock();
        if state.closed || 2 * self.room.requests <= state.outbox.len() {
            return;
        }
        state.outbox.push_back(Item::Say(message));
        drop(state);
        self.work.notify_one();
    }

    /// Has the peer told what is wanted, before all else that waits.
    pub(crate) fn wish(&self) {
        let mut state = self.state.lock();
        if state.closed || matches!(state.outbox.front(), Some(Item::Wishes)) {
            return;
        }
        state.outbox.retain(|it| !matches!(it, Item::Wishes));
        state.outbox.push_front(Item::Wishes);
        drop(state);
        self.work.notify_one();
    }

    /// Waits until something waits to be sent.
    pub(crate) async fn work(&self) {
        while self.state.lock().outbox.is_empty() {
            self.work.notified().await;
        }
    }

    /// What is to be sent next; it counts as sent until it is [put off](Self::put_off).
    pub(crate) fn next(&self) -> Option<Next> {
        let mut state = self.state.lock();
        loop {
            let next = match state.outbox.pop_front()? {
                Item::Say(message) => Next::Say(message),
                Item::Wishes => Next::Wishes,
                Item::Request(id) => {
                    let waiting = state.requests.get(id);
                    let unsent = waiting.and_then(|it| it.unsent.take().zip(Some(it.deadline)));
                    let Some((body, deadline)) = unsent else {
                        // It is over already.
                        continue;
                    };
                    state.bytes = state.bytes.saturating_sub(body.len());
                    Next::Request(id, body, deadline)
                }
            };
            state.is_sending = true;
            return Some(next);
        }
    }

    /// What was next is sent.
    pub(crate) fn sent(&self) {
        self.state.lock().is_sending = false;
    }

    /// What was next has to wait.
    pub(crate) fn put_off(&self, next: Next) {
        let mut state = self.state.lock();
        state.is_sending = false;
        let item = match next {
            Next::Request(id, body, _) => {
                let weight = body.len();
                let Some(waiting) = state.requests.get(id) else {
                    return;
                };
                waiting.unsent.set(Some(body));
                state.bytes += weight;
                Item::Request(id)
            }
            Next::Say(message) => Item::Say(message),
            Next::Wishes => Item::Wishes,
        };
        state.outbox.push_front(item);
    }

    /// Ends the request that the peer answers; `None` if nobody waits for it, which is counted.
    pub(crate) fn answered(&self, number: u64, answered: Answered) -> Option<Over> {
        let mut state = self.state.lock();
        let taken = id(number).and_then(|it| Some((it, state.requests.get(it)?)));
        // A peer cannot answer what it was not asked yet.
        let is_sent = taken.is_some_and(|(_, waiting)| waiting.is_sent());
        let waiting = id(number).filter(|_| is_sent).and_then(|it| state.requests.take(it));
        let Some((waiting, id)) = waiting.zip(id(number)) else {
            state.stats.late += 1;
            return None;
        };
        match &answered {
            Ok(_) => state.stats.answered += 1,
            Err(_) => state.stats.failed += 1,
        }
        drop(state);
        Some(self.over(id, waiting, answered))
    }

    /// Gives a request up. True if the peer has it and should be told.
    pub(crate) fn cancel(&self, id: CorrelationId) -> Option<bool> {
        let mut state = self.state.lock();
        let waiting = state.requests.take(id)?;
        state.stats.cancelled += 1;
        let unsent = waiting.unsent.take();
        state.bytes = state.bytes.saturating_sub(unsent.as_ref().map_or(0, Bytes::len));
        drop(state);
        Some(unsent.is_none())
    }

    /// What expired by `now`, and when to look again.
    pub(crate) fn expire(&self, now: Instant) -> (Vec<Over>, Option<Instant>) {
        let mut state = self.state.lock();
        let expired = state.requests.expire(now);
        state.stats.expired += expired.len() as u64;
        state.armed = state.requests.next_deadline().map(Deadline::instant);
        let next = state.armed;
        let over = self.end(state, expired, |sent| RequestError::DeadlineExceeded { sent });
        (over, next)
    }

    /// Waits until the deadlines have to be looked at earlier.
    pub(crate) async fn rearmed(&self) {
        self.rearm.notified().await;
    }

    /// The link is lost: what was sent has no answer any more. What was not waits for the next link,
    /// except what was said in this one.
    pub(crate) fn lose(&self) -> Vec<Over> {
        let mut state = self.state.lock();
        state.outbox.retain(|it| !matches!(it, Item::Say(_)));
        let State { requests, slots, .. } = &mut *state;
        let is_sent = |it: &&CorrelationId| requests.get(**it).is_some_and(Waiting::is_sent);
        let sent: Vec<_> = slots.iter().filter(is_sent).copied().collect();
        let take = |id| Some((id, requests.take(id)?));
        let lost: Vec<_> = sent.into_iter().filter_map(take).collect();
        state.stats.lost += lost.len() as u64;
        self.end(state, lost, |sent| RequestError::PeerLost { sent })
    }

    /// Takes nothing more; what is in flight is over.
    pub(crate) fn close(&self) -> Vec<Over> {
        let mut state = self.state.lock();
        state.closed = true;
        state.outbox.clear();
        let ended = state.requests.drain();
        state.stats.closed += ended.len() as u64;
        self.end(state, ended, |_| RequestError::Closed)
    }

    fn end(
        &self,
        mut state: parking_lot::MutexGuard<'_, State>,
        ended: Vec<(CorrelationId, Waiting)>,
        error: impl Fn(bool) -> RequestError,
    ) -> Vec<Over> {
        let mut over = Vec::with_capacity(ended.len());
        for (id, waiting) in ended {
            let unsent = waiting.unsent.take();
            state.bytes = state.bytes.saturating_sub(unsent.as_ref().map_or(0, Bytes::len));
            over.push(self.over(id, waiting, Err(error(unsent.is_none()))));
        }
        over
    }

    fn over(&self, id: CorrelationId, waiting: Waiting, answered: Answered) -> Over {
        Over { answered, id, place: Place::new(&self.untaken), teller: waiting.teller }
    }
}
