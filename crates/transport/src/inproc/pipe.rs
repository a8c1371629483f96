//! The two directions of an inproc link.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::connection::{Connection, Receiver, ReceiverKind, Sender, SenderKind};
use crate::error::{CloseReason, TrySendError};
use crate::fate::{Closed, Fate};
use crate::inbox::Inbox;
use crate::message::{CONTROLS, Control, Inbound, Message};
use crate::options::{HighWater, LinkConfig};
use crate::peer::Peer;
use crate::tally::Tally;
use crate::wakers::Wakers;

/// Two connected ends; each side is who it is and how it wants its link.
pub(crate) fn pair(
    (near, near_config): (Peer, &LinkConfig),
    (far, far_config): (Peer, &LinkConfig),
) -> (Connection, Connection) {
    let a = Arc::new(Side::new(near_config.options.recv_high_water));
    let b = Arc::new(Side::new(far_config.options.recv_high_water));
    (connection(&a, &b, far), connection(&b, &a, near))
}

fn connection(me: &Arc<Side>, other: &Arc<Side>, peer: Peer) -> Connection {
    let peer = Arc::new(peer);
    let writer = PipeWriter {
        accepted: AtomicU64::new(0),
        given_up: AtomicU64::new(0),
        me: me.clone(),
        other: other.clone(),
    };
    let reader = PipeReader { me: me.clone(), other: other.clone() };
    Connection {
        peer: peer.clone(),
        sender: Sender { peer, kind: SenderKind::Inproc(Arc::new(writer)) },
        receiver: Receiver { kind: ReceiverKind::Inproc(reader) },
    }
}

/// One end: its fate, and what comes in to it.
struct Side {
    fate: Arc<Fate>,
    high_water: HighWater,
    /// Set once; from then on senders deliver into it and the queue stays empty.
    inbox: OnceLock<Arc<dyn Inbox>>,
    inbox_told: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    bytes: usize,
    items: VecDeque<Inbound>,
    reader: Option<Waker>,
    writers: Wakers,
}

impl Side {
    fn new(high_water: HighWater) -> Self {
        Self {
            fate: Arc::default(),
            high_water,
            inbox: OnceLock::new(),
            inbox_told: AtomicBool::new(false),
            queue: Mutex::default(),
        }
    }

    fn end(&self, reason: CloseReason) {
        if self.fate.end(reason) {
            let (reader, writers) = {
                let mut queue = self.queue.lock();
                (queue.reader.take(), queue.writers.take())
            };
            if let Some(reader) = reader {
                reader.wake();
            }
            writers.wake();
        }
        self.tell_inbox();
    }

    /// Tells the inbox once that the link is over, whoever comes last: the end or the inbox.
    fn tell_inbox(&self) {
        let (Some(inbox), Some(reason)) = (self.inbox.get(), self.fate.reason()) else {
            return;
        };
        if !self.inbox_told.swap(true, Ordering::AcqRel) {
            inbox.closed(reason);
        }
    }

    fn is_full(&self, queue: &Queue) -> bool {
        self.high_water.messages <= queue.items.len() || self.high_water.bytes <= queue.bytes
    }

    /// Whether far too many controls wait, which are taken without room.
    fn is_crowded(&self) -> bool {
        let most = self.high_water.messages.saturating_add(CONTROLS);
        self.inbox.get().is_none() && most <= self.queue.lock().items.len()
    }

    fn has_room(&self) -> bool {
        match self.inbox.get() {
            Some(inbox) => inbox.has_room(),
            None => !self.is_full(&self.queue.lock()),
        }
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(inbox) = self.inbox.get() {
            return inbox.poll_room(cx);
        }
        let mut queue = self.queue.lock();
        if !self.is_full(&queue) {
            return Poll::Ready(());
        }
        queue.writers.register(cx);
        Poll::Pending
    }

    fn push(&self, item: Inbound) {
        self.fate.hear();
        if let Some(inbox) = self.inbox.get() {
            return inbox.deliver(item);
        }
        let reader = {
            let mut queue = self.queue.lock();
            // The inbox may have come while we waited for the lock; the queue is drained then.
            if let Some(inbox) = self.inbox.get() {
                drop(queue);
                return inbox.deliver(item);
            }
            queue.bytes += item.weight();
            queue.items.push_back(item);
            queue.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Takes a message, giving up the oldest until there is room.
    fn displace(&self, message: Message) -> Vec<Message> {
        if let Some(inbox) = self.inbox.get() {
            self.fate.hear();
            return inbox.displace(message);
        }
        let mut given_up = Vec::new();
        {
            let mut queue = self.queue.lock();
            while self.is_full(&queue)
                && let Some(oldest) = queue.take_oldest()
            {
                given_up.push(oldest);
            }
        }
        self.push(Inbound::Message(message));
        given_up
    }

    fn attach(&self, inbox: Arc<dyn Inbox>) {
        let writers = loop {
            let mut queue = self.queue.lock();
            if queue.items.is_empty() {
                // Only now may senders go past the queue: order is kept.
                let _ = self.inbox.set(inbox);
                break queue.writers.take();
            }
            let mut waiting: Vec<Inbound> = queue.items.drain(..).collect();
            queue.bytes = 0;
            // The inbox may end the link, which takes this lock.
            drop(queue);
            inbox.deliver_all(&mut waiting);
        };
        writers.wake();
        self.tell_inbox();
    }
}

impl Queue {
    fn take_oldest(&mut self) -> Option<Message> {
        let at = self.items.iter().position(|it| matches!(it, Inbound::Message(_)))?;
        let Some(Inbound::Message(oldest)) = self.items.remove(at) else {
            return None;
        };
        self.bytes -= oldest.weight();
        Some(oldest)
    }
}

/// Ends both sides of a link: ours for `reason`, theirs because we did.
fn end_both(me: &Side, other: &Side, reason: CloseReason) {
    me.end(reason);
    other.end(CloseReason::ByPeer);
}

/// The sending half. Dropping it ends the link.
pub(crate) struct PipeWriter {
    accepted: AtomicU64,
    given_up: AtomicU64,
    me: Arc<Side>,
    other: Arc<Side>,
}

impl PipeWriter {
    pub(crate) fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        if self.me.fate.has_ended() {
            return Err(TrySendError::Closed(message));
        }
        if !self.other.has_room() {
            return Err(TrySendError::Full(message));
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.other.push(Inbound::Message(message));
        Ok(())
    }

    pub(crate) fn displace(&self, message: Message) -> Result<Vec<Message>, TrySendError> {
        if self.me.fate.has_ended() {
            return Err(TrySendError::Closed(message));
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let given_up = self.other.displace(message);
        self.given_up.fetch_add(given_up.len() as u64, Ordering::Release);
        Ok(given_up)
    }

    pub(crate) fn has_room(&self) -> bool {
        !self.me.fate.has_ended() && self.other.has_room()
    }

    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        if let Some(reason) = self.me.fate.reason() {
            return Poll::Ready(Err(reason));
        }
        if self.other.poll_room(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // The end may have come before our waker was registered; later it wakes all of them.
        match self.me.fate.reason() {
            Some(reason) => Poll::Ready(Err(reason)),
            None => Poll::Pending,
        }
    }

    pub(crate) fn control(&self, control: Control) -> Result<(), CloseReason> {
        if let Some(reason) = self.me.fate.reason() {
            return Err(reason);
        }
        if self.other.is_crowded() {
            self.abort(CloseReason::too_many_controls());
            return Err(self.close_reason().unwrap_or(CloseReason::Here));
        }
        self.other.push(Inbound::Control(control));
        Ok(())
    }

    /// What waits in the link itself; what an inbox holds has arrived.
    pub(crate) fn queued(&self) -> usize {
        let queue = self.other.queue.lock();
        queue.items.iter().filter(|it| matches!(it, Inbound::Message(_))).count()
    }

    pub(crate) fn tally(&self) -> Tally {
        let queued = self.queued() as u64;
        // First what is the smaller number: both grow while we look.
        let given_up = self.given_up.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Relaxed);
        let kept = accepted - given_up;
        Tally { accepted, delivered: kept.saturating_sub(queued), in_flight: 0, queued }
    }

    pub(crate) fn close(&self) -> usize {
        self.abort(CloseReason::Here);
        // Whatever waits can still be read on the other side.
        0
    }

    pub(crate) fn abort(&self, reason: CloseReason) {
        end_both(&self.me, &self.other, reason);
    }

    /// Ends it; the other side learns why.
    pub(crate) fn refuse(&self, reason: &str) {
        self.me.end(CloseReason::Here);
        let refused = gleis_zmtp::Error::Refused { reason: reason.to_owned() };
        self.other.end(CloseReason::Protocol(Arc::new(refused)));
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.me.fate.reason()
    }

    pub(crate) fn closed(&self) -> Closed {
        Closed(self.me.fate.clone())
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.abort(CloseReason::Here);
    }
}

/// The receiving half. Dropping it ends the link.
pub(crate) struct PipeReader {
    me: Arc<Side>,
    other: Arc<Side>,
}

impl PipeReader {
    pub(crate) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Inbound>,
        most: usize,
    ) -> Poll<Result<usize, CloseReason>> {
        let mut queue = self.me.queue.lock();
        let n_items = queue.items.len().min(most);
        if n_items == 0 {
            if let Some(reason) = self.me.fate.reason() {
                return Poll::Ready(Err(reason));
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let start = batch.len();
        batch.extend(queue.items.drain(..n_items));
        queue.bytes -= batch[start..].iter().map(Inbound::weight).sum::<usize>();
        let writers = queue.writers.take();
        drop(queue);
        writers.wake();
        Poll::Ready(Ok(n_items))
    }

    pub(crate) fn deliver_to(&mut self, inbox: Arc<dyn Inbox>) {
        self.me.attach(inbox);
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        end_both(&self.me, &self.other, CloseReason::Here);
    }
}
