//! Requests of one channel: those that wait to be sent and those that wait for their answers.
//!
//! The desk has no clock and no link: it is told what time it is and whom something was sent to, and
//! gives what to send.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_core::{CorrelationId, Correlator, Deadline};
use gleis_patterns::Framed;
use parking_lot::Mutex;
use tokio::sync::Notify;

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
    /// It stays here until it is [looked](Desk::look) for.
    Future(Mail),
    Handler(Box<dyn FnOnce(CorrelationId, Answered) -> Work + Send>),
}

/// What became of a request whose answer is awaited, and who awaits it.
#[derive(Default)]
pub(crate) struct Mail {
    answered: Option<Answered>,
    waker: Option<Waker>,
}

/// What is over, to be told.
pub(crate) struct Over {
    pub(crate) answered: Answered,
    pub(crate) id: CorrelationId,
    /// Of those that are told in a queue: until they are, they count as in flight.
    pub(crate) place: Place,
    pub(crate) teller: Way,
}

/// Where an answer goes that does not stay here.
pub(crate) enum Way {
    Feed,
    Handler(Box<dyn FnOnce(CorrelationId, Answered) -> Work + Send>),
}

/// What came of something that ended requests, to be seen to without the lock.
#[derive(Default)]
pub(crate) struct Ended {
    /// Answers for which nobody waits.
    pub(crate) late: Vec<u64>,
    pub(crate) over: Vec<Over>,
    pub(crate) wakers: Vec<Waker>,
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
    /// Told when something is to be said to a peer.
    saying: Notify,
    state: Mutex<State>,
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
    /// Answers that stay here until they are looked for.
    n_settled: usize,
    outbox: VecDeque<Item>,
    /// Pending ones wait for their answers, settled ones for whoever asked.
    requests: Correlator<Waiting>,
    /// What is said to one peer each, in order.
    says: VecDeque<(u64, Framed)>,
    stats: RequestStats,
    /// Answers that were not taken yet.
    untaken: Arc<AtomicUsize>,
}

enum Item {
    Request(CorrelationId),
    /// That the wishes have changed; there is one of it at most.
    Wishes,
}

struct Waiting {
    deadline: Deadline,
    /// Whom it was sent to; nobody answers for another peer.
    peer: Option<u64>,
    teller: Teller,
    /// The body, as long as it was not sent.
    unsent: Option<Bytes>,
}

/// What is to be sent next.
pub(crate) enum Next {
    Request(CorrelationId, Bytes, Deadline),
    Wishes,
}

/// Why a request was not noted.
pub(crate) enum Refused {
    /// Others wait to be sent before it.
    Behind,
    Error(RequestError),
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

fn number(id: CorrelationId) -> u64 {
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
            n_settled: 0,
            outbox: VecDeque::new(),
            requests: Correlator::new(room.requests),
            says: VecDeque::new(),
            stats: RequestStats::default(),
            untaken: Arc::default(),
        };
        let (rearm, saying, work) = Default::default();
        Self { rearm, room, saying, state: Mutex::new(state), work }
    }

    pub(crate) fn stats(&self) -> RequestStats {
        let state = self.state.lock();
        RequestStats { in_flight: state.requests.len() as u64, ..state.stats.clone() }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.state.lock().requests.len()
    }

    /// Counts messages that are nothing that a replier says.
    pub(crate) fn unreadable(&self, messages: u64) {
        self.state.lock().stats.unreadable += messages;
    }

    /// Notes a request, which takes the teller: one that goes to `peer` at once and counts as sent, or, if
    /// there is no such peer, one behind those that wait.
    ///
    /// # Errors
    /// [`Refused`]; [`RequestError::Closed`] and [`RequestError::Full`] among the errors.
    pub(crate) fn enter(
        &self,
        deadline: Deadline,
        teller: &mut Option<Teller>,
        body: &Bytes,
        peer: Option<u64>,
    ) -> Result<CorrelationId, Refused> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Refused::Error(RequestError::Closed));
        }
        let waits = peer.is_none();
        if !waits && (state.is_sending || !state.outbox.is_empty()) {
            return Err(Refused::Behind);
        }
        let n_untaken = state.n_settled + state.untaken.load(Ordering::Relaxed);
        let is_full = self.room.requests <= state.requests.len() + n_untaken;
        if is_full || (waits && self.room.bytes <= state.bytes) {
            return Err(Refused::Error(RequestError::Full));
        }
        let Some(teller) = teller.take() else {
            return Err(Refused::Error(RequestError::NoHandler));
        };
        let unsent = waits.then(|| body.clone());
        let waiting = Waiting { deadline, peer, teller, unsent };
        let entered = state.requests.insert(deadline, waiting);
        let id = entered.map_err(|_| Refused::Error(RequestError::Full))?;
        state.stats.asked += 1;
        if waits {
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
        if waits {
            self.work.notify_one();
        }
        Ok(id)
    }

    /// A request that counts as sent goes to `peer`; false if it is over.
    pub(crate) fn address(&self, id: CorrelationId, peer: u64) -> bool {
        match self.state.lock().pending(id) {
            Some(waiting) => {
                waiting.peer = Some(peer);
                true
            }
            None => false,
        }
    }

    /// A request that was to be sent at once found no way: it waits.
    pub(crate) fn put_back(&self, id: CorrelationId, body: Bytes) {
        let mut state = self.state.lock();
        if !state.unsend(id, body) {
            return;
        }
        state.outbox.push_back(Item::Request(id));
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

    /// Waits until something waits to be sent to whichever peer.
    pub(crate) async fn work(&self) {
        while self.state.lock().outbox.is_empty() {
            self.work.notified().await;
        }
    }

    /// Waits until something is to be said to a certain peer.
    pub(crate) async fn saying(&self) {
        while self.state.lock().says.is_empty() {
            self.saying.notified().await;
        }
    }

    /// Says what is to be said, each to its peer, if `say` can; true if some of it could not be said yet.
    pub(crate) fn say(&self, mut say: impl FnMut(u64, &Framed) -> bool) -> bool {
        let mut says = std::mem::take(&mut self.state.lock().says);
        says.retain(|(peer, message)| !say(*peer, message));
        if says.is_empty() {
            return false;
        }
        let mut state = self.state.lock();
        // In order; what came meanwhile is behind it.
        says.append(&mut state.says);
        state.says = says;
        true
    }

    /// What is to be sent next; it counts as sent until it is [put off](Self::put_off).
    pub(crate) fn next(&self) -> Option<Next> {
        let mut state = self.state.lock();
        loop {
            let next = match state.outbox.pop_front()? {
                Item::Wishes => Next::Wishes,
                Item::Request(id) => {
                    let unsent = |it: &mut Waiting| Some((it.unsent.take()?, it.deadline));
                    let Some((body, deadline)) = state.pending(id).and_then(unsent) else {
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
                if !state.unsend(id, body) {
                    return;
                }
                Item::Request(id)
            }
            Next::Wishes => Item::Wishes,
        };
        state.outbox.push_front(item);
    }

    /// Ends the requests that `peer` answers; answers for which nobody waits are counted.
    pub(crate) fn answered(
        &self,
        peer: u64,
        answers: impl Iterator<Item = (u64, Answered)>,
        ended: &mut Ended,
    ) {
        let mut state = self.state.lock();
        for (number, answered) in answers {
            let waiting = id(number).and_then(|it| Some((it, state.pending(it)?)));
            // A peer cannot answer what it was not asked.
            let ours = waiting.filter(|(_, it)| it.unsent.is_none() && it.peer == Some(peer));
            let Some((id, _)) = ours else {
                state.stats.late += 1;
                ended.late.push(number);
                continue;
            };
            match &answered {
                Ok(_) => state.stats.answered += 1,
                Err(_) => state.stats.failed += 1,
            }
            state.end(id, answered, ended);
        }
    }

    /// What became of a request whose answer is awaited. Without an outcome the task of `cx` is woken
    /// by it.
    pub(crate) fn look(&self, id: CorrelationId, cx: &Context<'_>) -> Poll<Answered> {
        let mut state = self.state.lock();
        let Some(Waiting { teller: Teller::Future(mail), .. }) = state.requests.get_mut(id) else {
            return Poll::Ready(Err(RequestError::Closed));
        };
        let Some(answered) = mail.answered.take() else {
            match &mut mail.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                waker => *waker = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        let taken = state.requests.take(id);
        state.n_settled -= 1;
        drop(state);
        drop(taken);
        Poll::Ready(answered)
    }

    /// Gives a request up; whoever has it is told. False if it is over.
    pub(crate) fn cancel(&self, id: CorrelationId) -> bool {
        let mut state = self.state.lock();
        let is_pending = state.pending(id).is_some();
        let Some(waiting) = state.requests.take(id) else {
            return false;
        };
        if !is_pending {
            // An answer that nobody will look for.
            state.n_settled -= 1;
            drop(state);
            return false;
        }
        state.stats.cancelled += 1;
        state.bytes = state.bytes.saturating_sub(waiting.unsent.as_ref().map_or(0, Bytes::len));
        let asked = waiting.peer.filter(|_| waiting.unsent.is_none());
        // What asks for nothing is dropped when too much waits already.
        let may_say = !state.closed && state.says.len() < 2 * self.room.requests;
        let asked = asked.filter(|_| may_say);
        state.says.extend(asked.map(|it| (it, wire::cancel(number(id)))));
        // What its handler has is dropped without the lock.
        drop(state);
        drop(waiting);
        if asked.is_some() {
            self.saying.notify_one();
        }
        true
    }

    /// What expired by `now`, and when to look again.
    pub(crate) fn expire(&self, now: Instant) -> (Ended, Option<Instant>) {
        let mut ended = Ended::default();
        let mut state = self.state.lock();
        while let Some(id) = state.requests.next_expired(now) {
            state.stats.expired += 1;
            let sent = state.is_sent(id);
            state.end(id, Err(RequestError::DeadlineExceeded { sent }), &mut ended);
        }
        state.armed = state.requests.next_deadline().map(Deadline::instant);
        (ended, state.armed)
    }

    /// Waits until the deadlines have to be looked at earlier.
    pub(crate) async fn rearmed(&self) {
        self.rearm.notified().await;
    }

    /// A peer is lost: what was sent to it has no answer any more.
    pub(crate) fn lose(&self, peer: u64) -> Ended {
        let mut ended = Ended::default();
        let mut state = self.state.lock();
        state.says.retain(|it| it.0 != peer);
        let its =
            |(id, it): (_, &Waiting)| (it.unsent.is_none() && it.peer == Some(peer)).then_some(id);
        let lost: Vec<_> = state.requests.pending().filter_map(its).collect();
        state.stats.lost += lost.len() as u64;
        for id in lost {
            state.end(id, Err(RequestError::PeerLost { sent: true }), &mut ended);
        }
        ended
    }

    /// Takes nothing more; what is in flight is over.
    pub(crate) fn close(&self) -> Ended {
        let mut ended = Ended::default();
        let mut state = self.state.lock();
        state.closed = true;
        state.outbox.clear();
        state.says.clear();
        let all: Vec<_> = state.requests.pending().map(|it| it.0).collect();
        state.stats.closed += all.len() as u64;
        for id in all {
            state.end(id, Err(RequestError::Closed), &mut ended);
        }
        ended
    }
}

impl State {
    /// A request that has no outcome yet.
    fn pending(&mut self, id: CorrelationId) -> Option<&mut Waiting> {
        let is_over =
            |it: &Waiting| matches!(&it.teller, Teller::Future(it) if it.answered.is_some());
        self.requests.get_mut(id).filter(|it| !is_over(it))
    }

    fn is_sent(&mut self, id: CorrelationId) -> bool {
        self.pending(id).is_some_and(|it| it.unsent.is_none())
    }

    /// A request was not sent after all; false if it is over.
    fn unsend(&mut self, id: CorrelationId, body: Bytes) -> bool {
        let weight = body.len();
        let Some(waiting) = self.pending(id) else {
            return false;
        };
        (waiting.peer, waiting.unsent) = (None, Some(body));
        self.bytes += weight;
        true
    }

    /// Ends a pending request.
    fn end(&mut self, id: CorrelationId, answered: Answered, ended: &mut Ended) {
        let Some(waiting) = self.requests.get_mut(id) else {
            return;
        };
        let weight = waiting.unsent.take().map_or(0, |it| it.len());
        self.bytes = self.bytes.saturating_sub(weight);
        if let Teller::Future(mail) = &mut waiting.teller {
            mail.answered = Some(answered);
            ended.wakers.extend(mail.waker.take());
            self.requests.settle(id);
            self.n_settled += 1;
            return;
        }
        let teller = match self.requests.take(id).map(|it| it.teller) {
            Some(Teller::Feed) => Way::Feed,
            Some(Teller::Handler(handler)) => Way::Handler(handler),
            Some(Teller::Future(_)) | None => return,
        };
        ended.over.push(Over { answered, id, place: Place::new(&self.untaken), teller });
    }
}
