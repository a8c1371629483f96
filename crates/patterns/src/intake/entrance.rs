//! Where the messages of one link come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use gleis_transport::{CloseReason, Inbound, Inbox, Message};

use crate::intake::Intake;
use crate::lane::Lane;
use crate::peer::Exit;

/// The inbox of one link.
pub(super) struct Entrance {
    pub(super) at: usize,
    pub(super) exit: Exit,
    /// A copy of what the lane knows, for a look without the lock.
    pub(super) full: Arc<AtomicBool>,
    pub(super) intake: Arc<Intake>,
}

impl Entrance {
    /// Calls `act` with the lane; wakes the taker if it made something wait where nothing did.
    fn with_lane<R>(&self, act: impl FnOnce(&mut Lane) -> (usize, R)) -> Option<R> {
        let mut guard = self.intake.state.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(self.at)?.as_mut()?;
        if lane.link.id != self.exit.link {
            return None;
        }
        let (added, res) = act(lane);
        state.waiting += added;
        let waker = if lane.list() {
            state.ready.push_back(self.at);
            state.waker.take()
        } else {
            None
        };
        drop(guard);
        waker.into_iter().for_each(Waker::wake);
        Some(res)
    }

    /// Queues messages; what else arrives means nothing to a receiving socket.
    fn take_in(&self, items: impl Iterator<Item = Inbound>) {
        let mut n_items = 0;
        let taken = self.with_lane(|lane| {
            for item in items {
                let Inbound::Message(message) = item else {
                    continue;
                };
                lane.push(message);
                n_items += 1;
            }
            (n_items, ())
        });
        if taken.is_some() {
            self.intake.received.offer(n_items as u64);
        }
    }
}

impl Inbox for Entrance {
    fn has_room(&self) -> bool {
        !self.full.load(Ordering::Acquire)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Without a lane the link is over, and nobody need wait.
        let poll = self.with_lane(|lane| (0, lane.poll_room(cx)));
        poll.unwrap_or(Poll::Ready(()))
    }

    fn deliver(&self, item: Inbound) {
        self.take_in(std::iter::once(item));
    }

    fn deliver_all(&self, batch: &mut Vec<Inbound>) {
        self.take_in(batch.drain(..));
    }

    fn displace(&self, message: Message) -> Option<Message> {
        let given_up = self.with_lane(|lane| {
            let oldest = lane.give_up();
            lane.push(message);
            (usize::from(oldest.is_none()), oldest)
        });
        let given_up = given_up.flatten();
        if given_up.is_none() {
            self.intake.received.offer(1);
        }
        given_up
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
