//! A connection over the `zeromq` crate, seen from its two halves.
//!
//! Both halves only fill and empty bounded queues; the driver of the socket moves what they hold.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use crate::connection::{Connection, Receiver, ReceiverKind, Sender, SenderKind};
use crate::error::{CloseReason, TrySendError};
use crate::fate::{Closed, Fate};
use crate::inbox::Inbox;
use crate::message::{Control, Inbound, Message};
use crate::options::LinkConfig;
use crate::peer::Peer;
use crate::tally::Tally;
use crate::zmq::amount::Amount;
use crate::zmq::bell::Bell;
use crate::zmq::outbox::Outbox;
use crate::zmq::session::window;

/// How many items are delivered to an inbox at a time.
const BATCH: usize = 256;

/// What the halves of one connection and the driver share.
#[derive(Debug)]
pub(super) struct Link {
    bell: Arc<Bell>,
    pub(super) fate: Arc<Fate>,
    /// What the socket calls the peer; empty on a DEALER, which has only one.
    pub(super) id: Bytes,
    intake: Mutex<Intake>,
    /// The driver was told to look.
    pub(super) is_listed: AtomicBool,
    pub(super) out: Mutex<Outbox>,
    /// A place among the listener's connections, given back at the end.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

/// What was received and not yet taken. The peer's credit bounds it.
#[derive(Debug)]
struct Intake {
    /// Taken by the reader since the beginning.
    consumed: Amount,
    items: VecDeque<Inbound>,
    reader: Option<Waker>,
    /// Taken since the driver was told.
    untold: Amount,
    /// The driver is told when this much was taken.
    worth_telling: Amount,
}

impl Link {
    pub(super) fn new(
        id: Bytes,
        config: &LinkConfig,
        bell: Arc<Bell>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Arc<Self> {
        let intake = Intake {
            consumed: Amount::default(),
            items: VecDeque::new(),
            reader: None,
            untold: Amount::default(),
            worth_telling: window(config).half(),
        };
        Arc::new(Self {
            bell,
            fate: Arc::default(),
            id,
            intake: Mutex::new(intake),
            is_listed: AtomicBool::new(false),
            out: Mutex::new(Outbox::new(config.options.send_high_water)),
            place: Mutex::new(place),
        })
    }

    /// The connection of this link; once.
    pub(super) fn connection(self: Arc<Self>, peer: Peer) -> Connection {
        let peer = Arc::new(peer);
        let writer = Arc::new(ZmqWriter { link: self.clone() });
        let reader = ZmqReader { link: self };
        Connection {
            peer: peer.clone(),
            sender: Sender { peer, kind: SenderKind::Zmq(writer) },
            receiver: Receiver { kind: ReceiverKind::Zmq(reader) },
        }
    }

    fn ring(self: &Arc<Self>) {
        if !self.is_listed.swap(true, Ordering::AcqRel) {
            self.bell.ring(Arc::downgrade(self));
        }
    }

    /// Ends the link: nothing is taken any more; what was received may still be read.
    pub(super) fn end(self: &Arc<Self>, reason: CloseReason) {
        if !self.fate.end(reason) {
            return;
        }
        let woken = self.out.lock().close();
        woken.wake();
        let reader = self.intake.lock().reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
        // The next peer may come, though the driver has yet to hear of the end.
        self.place.lock().take();
        self.ring();
    }

    /// Hands what was received to the reader.
    pub(super) fn deliver(&self, items: Vec<Inbound>) {
        self.fate.hear();
        let reader = {
            let mut intake = self.intake.lock();
            intake.items.extend(items);
            intake.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// What the reader has taken since the beginning.
    pub(super) fn consumed(&self) -> Amount {
        let mut intake = self.intake.lock();
        intake.untold = Amount::default();
        intake.consumed
    }
}

impl Intake {
    /// Moves up to `most` items to `batch`; true if the driver is to be told.
    fn take(&mut self, batch: &mut Vec<Inbound>, most: usize) -> bool {
        let start = batch.len();
        let n_items = self.items.len().min(most);
        batch.extend(self.items.drain(..n_items));
        for item in &batch[start..] {
            let one = Amount::one(item.weight());
            self.consumed = self.consumed.plus(one);
            self.untold = self.untold.plus(one);
        }
        !self.untold.is_below(self.worth_telling)
    }
}

/// The handle of all senders of one connection. Dropping it ends the connection.
pub(crate) struct ZmqWriter {
    link: Arc<Link>,
}

impl ZmqWriter {
    pub(crate) fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        self.link.out.lock().try_push(message)?;
        self.link.ring();
        Ok(())
    }

    pub(crate) fn displace(&self, message: Message) -> Result<Vec<Message>, TrySendError> {
        let given_up = self.link.out.lock().displace(message)?;
        self.link.ring();
        Ok(given_up)
    }

    pub(crate) fn has_room(&self) -> bool {
        let out = self.link.out.lock();
        !out.is_closing() && out.has_room()
    }

    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut out = self.link.out.lock();
        if out.is_closing() {
            return Poll::Ready(Err(self.close_reason().unwrap_or(CloseReason::Here)));
        }
        if out.has_room() {
            return Poll::Ready(Ok(()));
        }
        out.room_waiters.register(cx);
        Poll::Pending
    }

    pub(crate) fn control(&self, control: Control) -> Result<(), CloseReason> {
        let is_taken = {
            let mut out = self.link.out.lock();
            if out.is_closing() {
                return Err(self.close_reason().unwrap_or(CloseReason::Here));
            }
            out.push_control(control)
        };
        if !is_taken {
            self.link.end(CloseReason::too_many_controls());
            return Err(self.close_reason().unwrap_or(CloseReason::Here));
        }
        self.link.ring();
        Ok(())
    }

    pub(crate) fn queued(&self) -> usize {
        self.link.out.lock().n_messages()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.link.out.lock().tally()
    }

    pub(crate) async fn flush(&self) -> Result<(), CloseReason> {
        std::future::poll_fn(|cx| self.poll_flushed(cx)).await
    }

    fn poll_flushed(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut out = self.link.out.lock();
        if out.is_idle() {
            return Poll::Ready(Ok(()));
        }
        if let Some(reason) = self.link.fate.reason() {
            return Poll::Ready(Err(reason));
        }
        out.flush_waiters.register(cx);
        Poll::Pending
    }

    /// Says goodbye behind everything that is queued, and waits until the peer has it all.
    pub(crate) async fn close(&self, linger: Duration) -> usize {
        let woken = {
            let mut out = self.link.out.lock();
            out.wants_bye = true;
            out.close()
        };
        woken.wake();
        self.link.ring();
        // Whether in time or not, this is the end.
        let _ = tokio::time::timeout(linger, self.link.fate.wait()).await;
        self.link.end(CloseReason::Here);
        self.queued()
    }

    /// Ends it; the peer learns why.
    pub(crate) fn refuse(&self, reason: &str) {
        self.link.out.lock().refusal = Some(reason.to_owned());
        self.link.end(CloseReason::Here);
    }

    pub(crate) fn abort(&self, reason: CloseReason) {
        self.link.end(reason);
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.link.fate.reason()
    }

    pub(crate) fn closed(&self) -> Closed {
        Closed(self.link.fate.clone())
    }
}

impl Drop for ZmqWriter {
    fn drop(&mut self) {
        // Nobody can wait here, but what the peer's credit allows at once need not be lost.
        if !self.link.fate.has_ended() {
            self.link.out.lock().last_words = true;
        }
        self.link.end(CloseReason::Here);
    }
}

/// The receiving half. Dropping it ends the connection.
pub(crate) struct ZmqReader {
    link: Arc<Link>,
}

impl ZmqReader {
    pub(crate) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Inbound>,
        most: usize,
    ) -> Poll<Result<usize, CloseReason>> {
        let mut intake = self.link.intake.lock();
        if intake.items.is_empty() {
            if let Some(reason) = self.link.fate.reason() {
                return Poll::Ready(Err(reason));
            }
            intake.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = batch.len();
        let is_worth_telling = intake.take(batch, most);
        drop(intake);
        if is_worth_telling {
            self.link.ring();
        }
        Poll::Ready(Ok(batch.len() - before))
    }

    /// Delivers to `inbox` until the end.
    pub(crate) async fn deliver_to(mut self, inbox: Arc<dyn Inbox>) {
        let mut batch = Vec::new();
        let reason = loop {
            if let Some(reason) = self.ended_while_full(&*inbox).await {
                break reason;
            }
            let received =
                std::future::poll_fn(|cx| self.poll_recv_many(cx, &mut batch, BATCH)).await;
            if let Err(reason) = received {
                break reason;
            }
            inbox.deliver_all(&mut batch);
        };
        inbox.closed(reason);
    }

    /// Waits for room. `Some` if the owner ended the link before there was any; if the peer ended
    /// it, what it sent before is still delivered.
    async fn ended_while_full(&self, inbox: &dyn Inbox) -> Option<CloseReason> {
        if inbox.has_room() {
            return None;
        }
        let room = std::future::poll_fn(|cx| inbox.poll_room(cx));
        tokio::pin!(room);
        tokio::select! {
            () = self.link.fate.wait() => match self.link.fate.reason() {
                Some(CloseReason::ByPeer | CloseReason::Lost(_)) => {
                    room.await;
                    None
                }
                reason => reason,
            },
            () = &mut room => None,
        }
    }
}

impl Drop for ZmqReader {
    fn drop(&mut self) {
        self.link.end(CloseReason::Here);
    }
}

#[cfg(test)]
mod tests {
    use gleis_zmtp::SocketType;

    use super::*;

    #[test]
    fn a_link_that_called_when_its_driver_was_gone_leaves_nothing_behind() {
        let config = LinkConfig::new(SocketType::Pair);
        let link = Link::new(Bytes::new(), &config, Arc::default(), None);
        link.end(CloseReason::ByPeer);
        let left = Arc::downgrade(&link);
        drop(link);
        assert_eq!(left.strong_count(), 0);
    }
}
