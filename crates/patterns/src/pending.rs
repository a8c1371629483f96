//! Requests that wait for their answers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use gleis_core::{CorrelationId, Correlator, Deadline};
use gleis_transport::{CloseReason, Inbound, Inbox, Message as Frames};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::core::Role;
use crate::envelope::{Answer, split_answer};
use crate::peer::{Exit, Link};
use crate::ring::Ring;
use crate::stats::DropReason;

/// What became of a request.
pub(crate) enum Outcome {
    Answered(Answer),
    Closed,
    Expired,
    Lost,
}

/// Where the outcome of one request is told.
pub(crate) type Teller = oneshot::Sender<Outcome>;

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
    closed: bool,
    limit: usize,
    /// Whom each pending request was sent to, by the index within its id.
    owners: Vec<Owner>,
    requests: Correlator<Teller>,
    waiting: usize,
}

#[derive(Clone, Copy)]
struct Owner {
    id: CorrelationId,
    link: u64,
}

impl Pending {
    /// No requests, and room for `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        let state = State {
            armed: None,
            closed: false,
            limit,
            owners: Vec::new(),
            requests: Correlator::new(limit),
            waiting: 0,
        };
        Self {
            rearm: Notify::new(),
            ring: Ring::default(),
            room: Notify::new(),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().requests.len()
    }

    /// Notes a request that is about to be sent to `link`; `None` if too many are pending.
    pub(crate) fn insert(
        &self,
        deadline: Deadline,
        link: &Link,
        teller: Teller,
    ) -> Option<CorrelationId> {
        let mut state = self.state.lock();
        let id = state.requests.insert(deadline, teller).ok()?;
        state.set_owner(Owner { id, link: link.id });
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

    /// Forgets a request: its answer, should it come, is late.
    pub(crate) fn forget(&self, id: CorrelationId) {
        let mut state = self.state.lock();
        let teller = state.requests.take(id);
        let wake = teller.is_some() && 0 < state.waiting;
        drop(state);
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
        !state.closed && state.limit <= state.requests.len()
    }

    /// Ends requests whose deadlines pass, for as long as it is polled.
    pub(crate) async fn expire(self: Arc<Self>) {
        loop {
            let (expired, next) = {
                let mut state = self.state.lock();
                let expired = state.requests.expire(tokio::time::Instant::now().into_std());
                state.armed = state.requests.next_deadline().map(Deadline::instant);
                (expired, state.armed)
            };
            self.end_all(expired, || Outcome::Expired);
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

    fn end_all(&self, ended: Vec<(CorrelationId, Teller)>, outcome: impl Fn() -> Outcome) {
        for (_, teller) in ended {
            // Whoever asked may have gone in between.
            let _ = teller.send(outcome());
            self.room.notify_one();
        }
    }

    /// Ends the request that `message` answers.
    fn answered(&self, exit: &Exit, message: Frames) {
        let (account, link) = (&exit.account, exit.link);
        account.offer_received(1);
        let Some((id, answer)) = split_answer(message, exit.gleis) else {
            return account.lose_received(DropReason::Undecodable, 1);
        };
        let (teller, wake) = {
            let mut state = self.state.lock();
            // Nobody answers for another peer.
            let teller =
                if state.is_owner(Owner { id, link }) { state.requests.take(id) } else { None };
            (teller, 0 < state.waiting)
        };
        if wake {
            self.room.notify_one();
        }
        let told = teller.map(|it| it.send(Outcome::Answered(answer)));
        match told {
            Some(Ok(())) => account.deliver_received(),
            _ => account.lose_received(DropReason::Unwanted, 1),
        }
    }
}

impl State {
    fn set_owner(&mut self, owner: Owner) {
        let at = index(owner.id);
        while self.owners.len() <= at {
            self.owners.push(owner);
        }
        self.owners[at] = owner;
    }

    fn is_owner(&self, owner: Owner) -> bool {
        self.owners
            .get(index(owner.id))
            .is_some_and(|it| it.id == owner.id && it.link == owner.link)
    }
}

/// The lower half of an id counts the slots, so that it is small.
fn index(id: CorrelationId) -> usize {
    let [.., a, b, c, d] = id.to_bytes();
    u32::from_be_bytes([a, b, c, d]) as usize
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
        self.ring.add(link.clone());
        Arc::new(Letterbox { exit, pending: self })
    }

    fn detach(&self, link: &Arc<Link>) {
        self.ring.remove(link.id);
        let lost = {
            let mut state = self.state.lock();
            let ids: Vec<_> =
                state.owners.iter().filter(|it| it.link == link.id).map(|it| it.id).collect();
            let take = |id| Some((id, state.requests.take(id)?));
            ids.into_iter().filter_map(take).collect()
        };
        self.end_all(lost, || Outcome::Lost);
    }

    fn close(&self) {
        self.ring.close();
        let pending = {
            let mut state = self.state.lock();
            state.closed = true;
            state.requests.drain()
        };
        self.end_all(pending, || Outcome::Closed);
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
            Inbound::Message(message) => self.pending.answered(&self.exit, message),
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
