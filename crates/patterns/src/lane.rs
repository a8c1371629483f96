//! What waits of one peer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use gleis_transport::{HighWater, Inbound, Message};

use crate::batch::Batch;
use crate::peer::Link;
use crate::stats::DropReason;

/// The queue of one peer. What the taker holds counts until it is done with it.
pub(crate) struct Lane {
    /// True from the high-water mark until half of it is left.
    full: Arc<AtomicBool>,
    pub(crate) gone: bool,
    lent: Load,
    pub(crate) link: Arc<Link>,
    listed: bool,
    mark: HighWater,
    room: Wakers,
    waiting: VecDeque<(usize, Inbound)>,
    weight: Load,
}

/// Items and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    bytes: usize,
    messages: usize,
}

impl Lane {
    pub(crate) fn new(link: Arc<Link>, full: Arc<AtomicBool>, mark: HighWater) -> Self {
        Self {
            full,
            gone: false,
            lent: Load::default(),
            link,
            listed: false,
            mark,
            room: Wakers::default(),
            waiting: VecDeque::new(),
            weight: Load::default(),
        }
    }

    pub(crate) fn push(&mut self, item: Inbound) {
        let bytes = item.weight();
        self.waiting.push_back((bytes, item));
        self.weight.bytes += bytes;
        self.weight.messages += 1;
        if self.mark.messages <= self.weight.messages || self.mark.bytes <= self.weight.bytes {
            self.full.store(true, Ordering::Release);
        }
    }

    /// The oldest message that waits, if there is no room.
    pub(crate) fn give_up(&mut self) -> Option<Message> {
        if !self.full.load(Ordering::Acquire) {
            return None;
        }
        self.take_oldest()
    }

    fn take_oldest(&mut self) -> Option<Message> {
        let at = self.waiting.iter().position(|(_, it)| matches!(it, Inbound::Message(_)))?;
        let (bytes, Inbound::Message(message)) = self.waiting.remove(at)? else {
            return None;
        };
        self.weight.bytes -= bytes;
        self.weight.messages -= 1;
        Some(message)
    }

    pub(crate) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.full.load(Ordering::Acquire) || self.gone {
            return Poll::Ready(());
        }
        self.room.register(cx);
        Poll::Pending
    }

    /// Hands out up to `most` items.
    pub(crate) fn lend(&mut self, most: usize, batch: &mut Batch) {
        self.listed = false;
        let n_items = most.min(self.waiting.len());
        for (bytes, item) in self.waiting.drain(..n_items) {
            self.lent.bytes += bytes;
            batch.push(item);
        }
        self.lent.messages += n_items;
        batch.end_run(&self.link, n_items);
    }

    pub(crate) fn has_lent(&self) -> bool {
        0 < self.lent.messages
    }

    /// What was handed out is done with; collects whoever waits for room, if there is room now.
    pub(crate) fn settle(&mut self, woken: &mut Wakers) {
        let lent = std::mem::take(&mut self.lent);
        self.weight.bytes -= lent.bytes;
        self.weight.messages -= lent.messages;
        let half = |mark: usize| mark / 2;
        if self.weight.messages <= half(self.mark.messages)
            && self.weight.bytes <= half(self.mark.bytes)
        {
            self.full.store(false, Ordering::Release);
            woken.append(&mut self.room);
        }
    }

    /// True if the lane has to be put among those that are ready; it counts as done.
    pub(crate) fn list(&mut self) -> bool {
        let newly = !self.listed && !self.waiting.is_empty();
        self.listed |= newly;
        newly
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.weight.bytes - self.lent.bytes
    }

    /// Gives up what waits, which is counted; it is to be dropped without a lock.
    pub(crate) fn clear(&mut self) -> VecDeque<(usize, Inbound)> {
        self.listed = false;
        self.weight = self.lent;
        let items = std::mem::take(&mut self.waiting);
        let n_messages = items.iter().filter(|(_, it)| matches!(it, Inbound::Message(_))).count();
        self.link.account.lose_received(DropReason::Closed, n_messages as u64);
        items
    }

    /// Whether the peer is gone and nothing of it is left.
    pub(crate) fn is_over(&self) -> bool {
        self.gone && self.waiting.is_empty() && !self.has_lent()
    }

    /// Whoever waits for room need not wait any more.
    pub(crate) fn end(mut self) -> Wakers {
        std::mem::take(&mut self.room)
    }
}

/// The wakers of waiting tasks, each task once.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    fn register(&mut self, cx: &Context<'_>) {
        if !self.0.iter().any(|it| it.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
    }

    fn append(&mut self, others: &mut Self) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}
