//! Where the messages of one link come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use gleis_transport::{CloseReason, Inbound, Inbox, Message};

use crate::intake::Intake;
use crate::lane::Lane;
use crate::peer::Exit;
use crate::stats::DropReason;

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
    fn with_lane<R>(&self, act: impl FnOnce(&mut Lane) -> R) -> Option<R> {
        let mut guard = self.intake.state.lock();
        let state = &mut *guard;
        let lane = state.lanes.get_mut(self.at)?.as_mut()?;
        if lane.link.id != self.exit.link {
            return None;
        }
        let res = act(lane);
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

    /// Queues what the socket's owner is to see, and leaves `items` empty.
    fn take_in(&self, items: &mut Vec<Inbound>) {
        let given_up = self.with_lane(|lane| {
            self.exit.account.offer_received(n_messages(items));
            lane.push_all(items)
        });
        // Without a lane the link is over.
        items.clear();
        self.lose(&given_up.unwrap_or_default());
    }

    /// Counts what gave way to newer messages.
    fn lose(&self, given_up: &[Inbound]) {
        self.exit.account.lose_received(DropReason::Full, n_messages(given_up));
    }

    /// What of a batch is for the owner; commands between sockets have their effect on the way.
    fn sift(&self, batch: &mut Vec<Inbound>) {
        if batch.iter().all(|it| matches!(it, Inbound::Message(_))) {
            return;
        }
        let items = std::mem::take(batch).into_iter();
        // In order: what a barrier promises to stand before it must be in the lane first.
        for item in items {
            match item {
                Inbound::Message(_) => batch.push(item),
                Inbound::Control(control) => {
                    self.take_in(batch);
                    batch.extend(self.exit.hear(control).map(Inbound::Control));
                }
            }
        }
    }
}

fn n_messages(items: &[Inbound]) -> u64 {
    items.iter().filter(|it| matches!(it, Inbound::Message(_))).count() as u64
}

impl Inbox for Entrance {
    fn has_room(&self) -> bool {
        !self.full.load(Ordering::Acquire)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Without a lane the link is over, and nobody need wait.
        self.with_lane(|lane| lane.poll_room(cx)).unwrap_or(Poll::Ready(()))
    }

    fn deliver(&self, item: Inbound) {
        match item {
            Inbound::Message(_) => {
                let given_up = self.with_lane(|lane| {
                    self.exit.account.offer_received(1);
                    lane.push(item)
                });
                self.lose(given_up.flatten().as_slice());
            }
            Inbound::Control(_) => self.deliver_all(&mut vec![item]),
        }
    }

    fn deliver_all(&self, batch: &mut Vec<Inbound>) {
        self.sift(batch);
        self.take_in(batch);
    }

    fn displace(&self, message: Message) -> Vec<Message> {
        let given_up = self.with_lane(|lane| {
            let given_up = lane.give_up();
            let old = lane.push(Inbound::Message(message));
            // The sender counts what it gave up: here it is as if that had never come.
            self.exit.account.exchange_received(1, given_up.len() as u64);
            (given_up, old)
        });
        let (given_up, old) = given_up.unwrap_or_default();
        self.lose(old.as_slice());
        given_up
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
