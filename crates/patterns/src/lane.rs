//! What waits of one peer.

use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use gleis_transport::{HighWater, Inbound, Message};

use crate::batch::Batch;
use crate::peer::Link;
use crate::stats::DropReason;

/// The queue of one peer. What the taker holds counts until it is done with it.
pub(crate) struct Lane {
    /// Only the newest message waits, and there is always room.
    conflates: bool,
    /// True from the high-water mark until half of it is left.
    full: Arc<AtomicBool>,
    pub(crate) gone: bool,
    lent: Load,
    pub(crate) link: Arc<Link>,
    listed: bool,
    mark: HighWater,
    room: Wakers,
    waiting: VecDeque<Inbound>,
    /// Of what waits and of what is lent.
    weight: Load,
}

/// Items and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    bytes: usize,
    controls: usize,
    messages: usize,
}

impl Load {
    fn of(item: &Inbound) -> Self {
        let controls = usize::from(matches!(item, Inbound::Control(_)));
        Self { bytes: item.weight(), controls, messages: 1 - controls }
    }

    fn sum(items: &[Inbound]) -> Self {
        let mut sum = Self::default();
        items.iter().for_each(|it| sum += Self::of(it));
        sum
    }

    /// Whether there is room for no more. A control does not take the place of the message that it
    /// comes before, but only so many controls may wait.
    fn reaches(self, mark: HighWater) -> bool {
        mark.messages <= self.messages || mark.messages < self.controls || mark.bytes <= self.bytes
    }

    fn is_below_half_of(self, mark: HighWater) -> bool {
        self.messages <= mark.messages / 2
            && self.controls <= mark.messages / 2
            && self.bytes <= mark.bytes / 2
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.controls += other.controls;
        self.messages += other.messages;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.bytes -= other.bytes;
        self.controls -= other.controls;
        self.messages -= other.messages;
    }
}

impl Lane {
    pub(crate) fn new(
        link: Arc<Link>,
        full: Arc<AtomicBool>,
        mark: HighWater,
        conflates: bool,
    ) -> Self {
        Self {
            conflates,
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

    /// Queues an item; gives back what gives way to it, to be dropped without a lock.
    pub(crate) fn push(&mut self, item: Inbound) -> Option<Inbound> {
        if self.conflates {
            return self.replace(item);
        }
        self.weight += Load::of(&item);
        self.waiting.push_back(item);
        self.note_full();
        None
    }

    /// Queues all items and leaves `items` empty; gives back what gives way to them.
    pub(crate) fn push_all(&mut self, items: &mut Vec<Inbound>) -> Vec<Inbound> {
        if self.conflates {
            return items.drain(..).filter_map(|it| self.replace(it)).collect();
        }
        self.weight += Load::sum(items);
        if self.waiting.is_empty() {
            // The buffers change places: not an item is moved.
            let buffer = std::mem::replace(&mut self.waiting, std::mem::take(items).into());
            *items = buffer.into();
        } else {
            self.waiting.extend(items.drain(..));
        }
        self.note_full();
        Vec::new()
    }

    fn note_full(&self) {
        if self.weight.reaches(self.mark) {
            self.full.store(true, Ordering::Release);
        }
    }

    /// Whoever wants the newest alone does not want to hear of gaps.
    fn replace(&mut self, item: Inbound) -> Option<Inbound> {
        if let Inbound::Control(_) = item {
            return Some(item);
        }
        let old = self.waiting.pop_front();
        self.weight += Load::of(&item);
        self.waiting.push_back(item);
        let old = old?;
        self.weight -= Load::of(&old);
        Some(old)
    }

    /// From now on this is its mark; collects whoever waits for room, if there is room now.
    pub(crate) fn remark(&mut self, mark: HighWater, woken: &mut Wakers) {
        self.mark = mark;
        let full = !self.conflates && self.weight.reaches(mark);
        self.full.store(full, Ordering::Release);
        if !full {
            woken.append(&mut self.room);
        }
    }

    /// The oldest messages that wait, as many as are in the way of one more.
    pub(crate) fn give_up(&mut self) -> Vec<Message> {
        let mut given_up = Vec::new();
        while (self.mark.messages <= self.weight.messages || self.mark.bytes <= self.weight.bytes)
            && let Some(oldest) = self.take_oldest()
        {
            given_up.push(oldest);
        }
        given_up
    }

    fn take_oldest(&mut self) -> Option<Message> {
        let at = self.waiting.iter().position(|it| matches!(it, Inbound::Message(_)))?;
        let Inbound::Message(message) = self.waiting.remove(at)? else {
            return None;
        };
        self.weight.bytes -= message.weight();
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
        if n_items == self.waiting.len() && batch.swap(&mut self.waiting) {
            self.lent = self.weight;
        } else {
            for item in self.waiting.drain(..n_items) {
                self.lent += Load::of(&item);
                batch.push(item);
            }
        }
        batch.end_run(&self.link, n_items);
    }

    pub(crate) fn has_lent(&self) -> bool {
        0 < self.lent.messages + self.lent.controls
    }

    /// What was handed out is done with; collects whoever waits for room, if there is room now.
    pub(crate) fn settle(&mut self, woken: &mut Wakers) {
        let lent = std::mem::take(&mut self.lent);
        self.weight -= lent;
        if self.weight.is_below_half_of(self.mark) {
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
    pub(crate) fn clear(&mut self) -> VecDeque<Inbound> {
        self.listed = false;
        self.weight = self.lent;
        let items = std::mem::take(&mut self.waiting);
        let n_messages = items.iter().filter(|it| matches!(it, Inbound::Message(_))).count();
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
