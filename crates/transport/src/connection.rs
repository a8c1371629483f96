//! One link to one peer, and its two halves.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gleis_zmtp::Command;

use crate::broadcast::{Broadcast, NotTaken};
use crate::error::{CloseReason, TrySendError};
use crate::fate::Closed;
use crate::inbox::{Delivery, Direct, Hold, Inbox};
use crate::inproc::{PipeReader, PipeWriter};
use crate::message::{Body, Control, Inbound, Message};
use crate::peer::Peer;
use crate::stream::{Pump, StreamReader, StreamWriter};
use crate::tally::Tally;
use crate::task::TaskGuard;
#[cfg(feature = "zeromq")]
use crate::zmq::{ZmqReader, ZmqWriter};

/// How many items one call hands out at most.
const BATCH: usize = 512;

/// One ordered, bidirectional, message-preserving link to one peer.
///
/// It lives as long as both its halves: dropping either one closes it.
#[derive(Debug)]
pub struct Connection {
    pub(crate) peer: Arc<Peer>,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
}

impl Connection {
    /// Who is on the other side.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A way to wait for the end of the connection that does not keep it open.
    pub fn closed(&self) -> Closed {
        self.sender.closed()
    }

    /// Ends a connection that is not wanted, and tells the peer why as far as it can be told.
    pub(crate) fn refuse(self, reason: &str) {
        match &self.sender.kind {
            SenderKind::Inproc(pipe) => pipe.refuse(reason),
            SenderKind::Stream(link) => {
                // It leaves with the drop, if the socket takes it.
                let _ = link.control(refusal(reason));
            }
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.refuse(reason),
        }
    }

    /// The two halves, to be used from different tasks.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

/// The sending half: may be cloned and used from many tasks at once; the link closes with the last clone.
#[derive(Clone)]
pub struct Sender {
    pub(crate) peer: Arc<Peer>,
    pub(crate) kind: SenderKind,
}

#[derive(Clone)]
pub(crate) enum SenderKind {
    Inproc(Arc<PipeWriter>),
    Stream(Arc<StreamWriter>),
    #[cfg(feature = "zeromq")]
    Zmq(Arc<ZmqWriter>),
}

impl Sender {
    /// Who is on the other side.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// True if values are handed over without being encoded.
    pub fn is_local(&self) -> bool {
        matches!(self.kind, SenderKind::Inproc(_))
    }

    /// Queues a message if there is room.
    ///
    /// # Errors
    /// [`TrySendError::Full`] at the high-water mark and [`TrySendError::Closed`] after the end; both
    /// give the message back. [`TrySendError::Encode`] if a local value cannot be encoded.
    pub fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.try_send(message),
            SenderKind::Stream(link) if message.body.is_bytes() => link.try_send(message),
            SenderKind::Stream(link) => link.try_send(encoded(message)?),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.try_send(encoded(message)?),
        }
    }

    /// As [`Sender::try_send`], for a message that goes to others as well: over a stream it is encoded
    /// once for all.
    ///
    /// # Errors
    /// As [`Sender::try_send`].
    #[inline]
    pub fn try_send_copy(&self, message: &Broadcast) -> Result<(), NotTaken> {
        match &self.kind {
            SenderKind::Stream(link) if message.message().body.is_bytes() => {
                link.try_send_copy(message)
            }
            _ => Ok(self.try_send(message.message().clone())?),
        }
    }

    /// Queues a message; without room the oldest waiting ones are given up and returned. What is
    /// encoded already cannot be given up: if nothing else waits, one message goes over the mark.
    ///
    /// # Errors
    /// As [`Sender::try_send`], never `Full`.
    pub fn displace(&self, message: Message) -> Result<Vec<Message>, TrySendError> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.displace(message),
            SenderKind::Stream(link) => link.displace(encoded(message)?),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.displace(encoded(message)?),
        }
    }

    /// Whether a message would be taken now.
    pub fn has_room(&self) -> bool {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.has_room(),
            SenderKind::Stream(link) => link.has_room(),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.has_room(),
        }
    }

    /// Ready when there is room for a message, or with the reason why there never will be.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.poll_ready(cx),
            SenderKind::Stream(link) => link.poll_ready(cx),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.poll_ready(cx),
        }
    }

    /// Queues a message, waiting for room.
    ///
    /// # Errors
    /// As [`Sender::try_send`], never `Full`.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send(&self, message: Message) -> Result<(), TrySendError> {
        let mut message = message;
        loop {
            match self.try_send(message) {
                Err(TrySendError::Full(back)) => message = back,
                done => return done,
            }
            // A closed link is told by the next try_send, which gives the message back.
            let _ = std::future::poll_fn(|cx| self.poll_ready(cx)).await;
        }
    }

    /// Queues a subscription, its end, or a command, in order with the messages; it is taken
    /// without room as well.
    ///
    /// # Errors
    /// The reason why the connection is over: also that tens of thousands of them wait for a peer
    /// that takes nothing.
    pub fn control(&self, control: Control) -> Result<(), CloseReason> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.control(control),
            SenderKind::Stream(link) => link.control(control),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.control(control),
        }
    }

    /// Messages that were taken and have not left yet.
    pub fn queued(&self) -> usize {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.queued(),
            SenderKind::Stream(link) => link.queued(),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.queued(),
        }
    }

    /// What became of the messages that were taken.
    pub fn tally(&self) -> Tally {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.tally(),
            SenderKind::Stream(link) => link.tally(),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.tally(),
        }
    }

    /// Waits until everything that was taken has left.
    ///
    /// # Errors
    /// The reason why the connection is over.
    ///
    /// # Cancel safety
    /// Safe; nothing is undone.
    pub async fn flush(&self) -> Result<(), CloseReason> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.close_reason().map_or(Ok(()), Err),
            SenderKind::Stream(link) => link.flush().await,
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.flush().await,
        }
    }

    /// Closes the connection: takes nothing more, waits up to `linger` for what is queued, says
    /// goodbye. Returns how many messages did not leave.
    ///
    /// Within `linger` it also waits until the peer has read to the end. Without that time, what has
    /// left may still be lost: the system drops what it holds if the peer goes on sending, were it a
    /// PING.
    ///
    /// # Cancel safety
    /// A dropped future leaves the connection closed to new messages; drop the sender to end it.
    pub async fn close(&self, linger: Duration) -> usize {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.close(),
            SenderKind::Stream(link) => link.close(linger).await,
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.close(linger).await,
        }
    }

    /// Ends the connection at once, for a reason the owner's events will tell.
    pub fn abort(&self, reason: CloseReason) {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.abort(reason),
            SenderKind::Stream(link) => link.abort(reason),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.abort(reason),
        }
    }

    /// A way to wait for the end of the connection that does not keep it open.
    pub fn closed(&self) -> Closed {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.closed(),
            SenderKind::Stream(link) => link.closed(),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.closed(),
        }
    }

    /// Why the connection is over, if it is.
    pub fn close_reason(&self) -> Option<CloseReason> {
        match &self.kind {
            SenderKind::Inproc(pipe) => pipe.close_reason(),
            SenderKind::Stream(link) => link.close_reason(),
            #[cfg(feature = "zeromq")]
            SenderKind::Zmq(link) => link.close_reason(),
        }
    }
}

/// What says that the peer is not wanted: see `docs/wire.md`, section Commands.
fn refusal(reason: &str) -> Control {
    let reason = &reason.as_bytes()[..reason.len().min(255)];
    let mut body = Vec::with_capacity(1 + reason.len());
    body.push(reason.len() as u8);
    body.extend_from_slice(reason);
    Control::Command(Box::new(Command { name: Bytes::from_static(b"ERROR"), body: body.into() }))
}

fn encoded(message: Message) -> Result<Message, TrySendError> {
    match message.body {
        Body::Bytes(_) => Ok(message),
        Body::Local(value) => {
            let bytes = value.to_bytes().map_err(TrySendError::Encode)?;
            Ok(Message { head: message.head, body: Body::Bytes(bytes) })
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("peer", &self.peer.address).finish_non_exhaustive()
    }
}

/// The receiving half.
pub struct Receiver {
    pub(crate) kind: ReceiverKind,
}

pub(crate) enum ReceiverKind {
    Inproc(PipeReader),
    Stream(Box<StreamReader>),
    #[cfg(feature = "zeromq")]
    Zmq(ZmqReader),
}

impl Receiver {
    /// Ready with how many items were appended to `batch` (at least one), or with the end.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Inbound>,
    ) -> Poll<Result<usize, CloseReason>> {
        match &mut self.kind {
            ReceiverKind::Inproc(pipe) => pipe.poll_recv_many(cx, batch, BATCH),
            ReceiverKind::Stream(link) => link.poll_recv_many(cx, batch, BATCH),
            #[cfg(feature = "zeromq")]
            ReceiverKind::Zmq(link) => link.poll_recv_many(cx, batch, BATCH),
        }
    }

    /// Waits for items and appends them to `batch`; returns how many.
    ///
    /// # Errors
    /// Why nothing comes any more.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was taken off the link stands in `batch`.
    pub async fn recv_many(&mut self, batch: &mut Vec<Inbound>) -> Result<usize, CloseReason> {
        std::future::poll_fn(|cx| self.poll_recv_many(cx, batch)).await
    }

    /// Delivers everything that arrives to `inbox`, from now on until the end.
    pub fn deliver_to(self, inbox: Arc<dyn Inbox>) -> Delivery {
        match self.kind {
            ReceiverKind::Inproc(mut pipe) => {
                pipe.deliver_to(inbox);
                Delivery { direct: Direct::default(), _hold: Hold::Inproc(pipe) }
            }
            ReceiverKind::Stream(reader) => {
                let pump = Pump::new(reader, inbox);
                let direct = Direct(Arc::downgrade(&pump));
                let task = TaskGuard::spawn(pump.clone().run());
                Delivery { direct, _hold: Hold::Task(task, pump) }
            }
            #[cfg(feature = "zeromq")]
            ReceiverKind::Zmq(reader) => {
                let task = TaskGuard::spawn(reader.deliver_to(inbox));
                Delivery { direct: Direct::default(), _hold: Hold::Zmq(task) }
            }
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
