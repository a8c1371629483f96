//! Requests that wait for their answers.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use gleis_core::{CorrelationId, Correlator, Deadline};
use gleis_transport::{CloseReason, Inbound, Inbox, Message as Frames};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::core::Role;
use crate::envelope::{Answer, split_answer};
use crate::peer::{Exit, Link};
use crate::ring::Ring;
use crate::stats::DropReason;

/// How many answers are noted under one lock.
const BATCH: usize = 32;

/// What became of a request.
pub(crate) enum Outcome {
    Answered(Answer),
    Closed,
    Expired,
    Lost,
}

/// What whoever asked finds when looking for the outcome.
pub(crate) enum Look {
    /// Nothing yet, and no other request waits.
    Alone,
    /// Nothing yet.
    Crowd,
    Over(Outcome),
}

/// The role of a requester.
pub(crate) struct Pending {
    /// Told when the earliest deadline is earlier than the one that is waited for.
    rearm: Notify,
    pub(crate) ring: Ring,
    /// Told when a request is over and somebody waits for a place.
    room: Notify,
    state: Mutex<State>,
}

struct State {
    /// When the deadlines are looked at next.
    armed: Option<Instant>,
    /// Pending ones wait for their outcome, settled ones for whoever asked.
    calls: Correlator<Call>,
    closed: bool,
    limit: usize,
    /// How many wait for room.
    waiting: usize,
}

/// One request.
struct Call {
    /// Whom it was sent to: nobody answers for another peer.
    link: u64,
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Pending {
    /// No requests, and room for `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        let calls = Correlator::new(limit);
        let state = State { armed: None, calls, closed: false, limit, waiting: 0 };
        Self {
            rearm: Notify::new(),
            ring: Ring::default(),
            room: Notify::new(),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().calls.len()
    }

    /// Notes a request that is about to be sent to `link`; `None` if too many are pending.
    pub(crate) fn insert(&self, deadline: Deadline, link: &Link) -> Option<CorrelationId> {
        let mut state = self.state.lock();
        let call = Call { link: link.id, outcome: None, waker: None };
        let id = state.calls.insert(deadline, call).ok()?;
        let rearm = state.armed.is_none_or(|armed| deadline.instant() < armed);
        if rearm {
            state.armed = Some(deadline.instant());
        }
        drop(state);
        if rearm {
            self.rearm.notify_one();
        }
        Some(id)
    }

    /// Looks what became of a request. Without an outcome the task of `cx` is woken by it, if it is
    /// `to_be_woken` or others wait too.
    pub(crate) fn look(&self, id: CorrelationId, cx: &Context<'_>, to_be_woken: bool) -> Look {
        let mut state = self.state.lock();
        let is_alone = state.calls.len() < 2;
        let Some(call) = state.calls.get_mut(id) else {
            return Look::Over(Outcome::Closed);
        };
        let Some(outcome) = call.outcome.take() else {
            if to_be_woken || !is_alone {
                match &mut call.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    waker => *waker = Some(cx.waker().clone()),
                }
            }
            return if is_alone { Look::Alone } else { Look::Crowd };
        };
        let call = state.calls.take(id);
        drop(state);
        drop(call);
        Look::Over(outcome)
    }

    /// Forgets a request: its answer, should it come, is late.
    pub(crate) fn forget(&self, id: CorrelationId) {
        let mut state = self.state.lock();
        let before = state.calls.len();
        let call = state.calls.take(id);
        let wake = state.calls.len() < before && 0 < state.waiting;
        drop(state);
        drop(call);
        if wake {
            self.room.notify_one();
        }
    }

    /// Waits until there is room for another request.
    pub(crate) async fn wait_for_room(&self) {
        let _waiting = Waiting::new(self);
        while self.is_full() {
            self.room.notified().await;
        }
    }

    fn is_full(&self) -> bool {
        let state = self.state.lock();
        !state.closed && state.limit <= state.calls.len()
    }

    /// Ends requests whose deadlines pass, for as long as it is polled.
    pub(crate) async fn expire(self: Arc<Self>) {
        loop {
            let (woken, next) = {
                let mut state = self.state.lock();
                let now = tokio::time::Instant::now().into_std();
                let mut woken = Vec::new();
                while let Some(id) = state.calls.next_expired(now) {
                    woken.push(state.settle(id, Outcome::Expired));
                }
                state.armed = state.calls.next_deadline().map(Deadline::instant);
                (woken, state.armed)
            };
            self.wake(woken);
            let rearm = self.rearm.notified();
            match next {
                None => rearm.await,
                Some(at) => {
                    // Either way the deadlines are looked at.
                    let _ = tokio::time::timeout_at(at.into(), rearm).await;
                }
            }
        }
    }

    /// Wakes those whose requests are over, and as many that wait for room.
    fn wake(&self, woken: Vec<Option<Waker>>) {
        for waker in woken {
            waker.into_iter().for_each(Waker::wake);
            self.room.notify_one();
        }
    }

    /// Ends the requests that are answered by as many of `messages` as are noted at once.
    fn answered(&self, exit: &Exit, messages: impl Iterator<Item = Frames>) {
        let mut noted = Noted::default();
        let mut state = self.state.lock();
        for message in messages.take(BATCH) {
            state.note(exit, message, &mut noted);
        }
        noted.count(exit);
        let n_waiting = state.waiting;
        drop(state);
        for _ in 0..n_waiting.min(noted.n_answered) {
            self.room.notify_one();
        }
        noted.tell(exit);
    }
}

/// What came of a batch of answers, to be seen to without the lock.
#[derive(Default)]
struct Noted {
    /// Answers that nobody waits for any more.
    late: Vec<Answer>,
    n_answered: usize,
    /// What is no answer.
    undecodable: Vec<Frames>,
    wakers: SmallVec<[Waker; BATCH]>,
}

impl Noted {
    /// Counts what came; under the lock, since many tasks may bring answers.
    fn count(&self, exit: &Exit) {
        let n_answered = self.n_answered as u64;
        let n_others = self.late.len() + self.undecodable.len();
        exit.account.offer_received(n_answered + n_others as u64);
        exit.account.deliver_received(n_answered);
    }

    /// Wakes whoever asked, and tells what was dropped.
    fn tell(self, exit: &Exit) {
        self.wakers.into_iter().for_each(Waker::wake);
        exit.account.lose_received(DropReason::Unwanted, self.late.len() as u64);
        exit.account.lose_received(DropReason::Undecodable, self.undecodable.len() as u64);
    }
}

impl State {
    /// Notes what became of a pending request; gives back whom to wake.
    fn settle(&mut self, id: CorrelationId, outcome: Outcome) -> Option<Waker> {
        let call = self.calls.settle(id)?;
        call.outcome = Some(outcome);
        call.waker.take()
    }

    fn note(&mut self, exit: &Exit, message: Frames, noted: &mut Noted) {
        let (id, answer) = match split_answer(message, exit.gleis) {
            Ok(answer) => answer,
            Err(message) => return noted.undecodable.push(message),
        };
        let call = self.calls.get(id).filter(|it| it.link == exit.link && it.outcome.is_none());
        if call.is_none() {
            return noted.late.push(answer);
        }
        noted.wakers.extend(self.settle(id, Outcome::Answered(answer)));
        noted.n_answered += 1;
    }
}

/// Counts who waits for room.
struct Waiting<'a>(&'a Pending);

impl<'a> Waiting<'a> {
    fn new(pending: &'a Pending) -> Self {
        pending.state.lock().waiting += 1;
        Self(pending)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // A place that was told to us and not used is for the next one.
        self.0.state.lock().waiting -= 1;
        self.0.room.notify_one();
    }
}

impl Role for Pending {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        self.ring.add(link);
        Arc::new(Letterbox { exit, pending: self })
    }

    fn detach(&self, link: &Arc<Link>) {
        self.ring.remove(link.id);
        let woken = {
            let mut state = self.state.lock();
            let ours = |(id, call): (_, &Call)| (call.link == link.id).then_some(id);
            let lost: Vec<_> = state.calls.pending().filter_map(ours).collect();
            lost.into_iter().map(|id| state.settle(id, Outcome::Lost)).collect()
        };
        self.wake(woken);
    }

    fn close(&self) {
        self.ring.close();
        let woken = {
            let mut state = self.state.lock();
            state.closed = true;
            let pending: Vec<_> = state.calls.pending().map(|(id, _)| id).collect();
            pending.into_iter().map(|id| state.settle(id, Outcome::Closed)).collect()
        };
        self.wake(woken);
        self.room.notify_waiters();
    }
}

/// The inbox of a requester: answers find their requests in the task that brings them.
struct Letterbox {
    exit: Exit,
    pending: Arc<Pending>,
}

impl Inbox for Letterbox {
    fn has_room(&self) -> bool {
        // An answer is taken by its request or dropped: nothing waits here.
        true
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn deliver(&self, item: Inbound) {
        match item {
            Inbound::Control(control) => drop(self.exit.hear(control)),
            Inbound::Message(message) => {
                self.pending.answered(&self.exit, std::iter::once(message));
            }
        }
    }

    fn deliver_all(&self, batch: &mut Vec<Inbound>) {
        let mut items = batch.drain(..).peekable();
        while items.peek().is_some() {
            while let Some(Inbound::Control(control)) =
                items.next_if(|it| matches!(it, Inbound::Control(_)))
            {
                drop(self.exit.hear(control));
            }
            let message = || match items.next_if(|it| matches!(it, Inbound::Message(_)))? {
                Inbound::Message(message) => Some(message),
                Inbound::Control(_) => None,
            };
            self.pending.answered(&self.exit, std::iter::from_fn(message));
        }
    }

    fn displace(&self, message: Frames) -> Vec<Frames> {
        self.deliver(Inbound::Message(message));
        Vec::new()
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
