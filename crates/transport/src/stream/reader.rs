//! The receiving half: reads, decodes, answers PINGs, notices silence.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use gleis_zmtp::{Event, Session};
use tokio::time::Sleep;

use crate::clock::now;
use crate::error::CloseReason;
use crate::message::{Body, Control, Inbound, Message};
use crate::stream::link::Link;

/// Room for one read: more when one fills it, less when little comes.
const ROOMS: [usize; 4] = [512, 4 << 10, 64 << 10, 256 << 10];
/// What part of a read's room may be left before a new buffer is taken.
const LOW: usize = 8;
/// A read that fills no more than this part of its room is little.
const LITTLE: usize = 64;
/// The bytes that a message is guessed to have on the wire.
const GUESS: usize = 64;
/// A waiting reader without a deadline looks again after this time.
const IDLE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct StreamReader {
    buffer: BytesMut,
    /// The inbox has no room: nothing is read.
    is_paused: bool,
    /// No message has come for a while.
    is_resting: bool,
    link: Arc<Link>,
    /// Which of the rooms the next read gets.
    room: usize,
    session: Session,
    timer: Pin<Box<Sleep>>,
    /// There may be a whole frame in the buffer.
    undecoded: bool,
}

impl StreamReader {
    /// A reader that goes on where the handshake ended; `buffer` is what it had read too much.
    pub(crate) fn new(link: Arc<Link>, session: Session, buffer: BytesMut) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self {
            buffer,
            is_paused: false,
            is_resting: false,
            link,
            room: 0,
            session,
            timer,
            undecoded: true,
        }
    }

    pub(crate) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Inbound>,
        most: usize,
    ) -> Poll<Result<usize, CloseReason>> {
        if self.is_paused {
            self.is_paused = false;
            self.session.hold_silence(false);
        }
        match self.poll_batch(cx, batch, most) {
            Poll::Ready(Err(reason)) => {
                self.link.end(reason.clone());
                Poll::Ready(Err(self.link.fate.reason().unwrap_or(reason)))
            }
            other => other,
        }
    }

    fn poll_batch(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<Inbound>,
        most: usize,
    ) -> Poll<Result<usize, CloseReason>> {
        loop {
            if self.undecoded {
                let n_items = self.decode(batch, most)?;
                if 0 < n_items {
                    return Poll::Ready(Ok(n_items));
                }
            }
            std::task::ready!(self.poll_read(cx))?;
            self.undecoded = true;
        }
    }

    /// Decodes what is there; whole frames only.
    fn decode(&mut self, batch: &mut Vec<Inbound>, most: usize) -> Result<usize, CloseReason> {
        let start = batch.len();
        let now = now();
        // A guess, so that a long batch does not grow step by step.
        batch.reserve((self.buffer.len() / GUESS).min(most));
        let ended = loop {
            if most <= batch.len() - start {
                break Ok(());
            }
            let left = most - (batch.len() - start);
            let take = |message: gleis_zmtp::Message| {
                let (head, body) = (message.head, Body::Bytes(message.body));
                batch.push(Inbound::Message(Message { head, body }));
            };
            if 0 < self.session.poll_messages(now, &mut self.buffer, left, take) {
                continue;
            }
            match self.session.poll_event(now, &mut self.buffer) {
                Ok(Some(event)) => batch.extend(inbound(event)),
                Ok(None) => {
                    self.undecoded = false;
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        self.transmit();
        let n_items = batch.len() - start;
        if 0 < n_items {
            self.is_resting = false;
            self.link.hear(n_items, now);
            // What came before the fault is still delivered; the fault is met again.
            return Ok(n_items);
        }
        ended.map(|()| 0).map_err(|it| CloseReason::Protocol(Arc::new(it)))
    }

    fn transmit(&mut self) {
        let mut bytes = BytesMut::new();
        if self.session.poll_transmit(&mut bytes) {
            self.link.transmit(&bytes);
        }
    }

    /// Ready when something was read.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        loop {
            self.reserve();
            let room = self.buffer.capacity() - self.buffer.len();
            match self.link.socket.try_read(&mut self.buffer) {
                Ok(0) => return Poll::Ready(Err(self.eof())),
                Ok(n_bytes) => {
                    self.follow(n_bytes, room);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.is_resting {
                        self.rest();
                    }
                    self.poll_timer(cx)?;
                    std::task::ready!(self.link.socket.poll_read_ready(cx))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// An end between messages is a goodbye, any other a broken link.
    fn eof(&self) -> CloseReason {
        match self.buffer.is_empty() {
            true => CloseReason::ByPeer,
            false => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
        }
    }

    /// Makes room for the next read. A large frame gets more as it arrives, never at its word.
    fn reserve(&mut self) {
        let (buffered, least) = (self.buffer.len(), ROOMS[self.room]);
        let wanted = self.session.wanted(buffered);
        let room = self.buffer.capacity() - buffered;
        if room < least / LOW || room < wanted.min(least) {
            self.buffer.reserve(wanted.min(buffered * 4).max(least));
        }
    }

    /// Fits the room for the next read to what came.
    fn follow(&mut self, n_bytes: usize, room: usize) {
        let last = ROOMS.len() - 1;
        if n_bytes == room {
            self.room = (self.room + 1).min(last);
        } else if n_bytes < ROOMS[self.room] / LITTLE {
            self.room = self.room.saturating_sub(1);
        }
    }

    /// Lets go of the buffer: an idle link keeps none, heartbeats or not.
    fn rest(&mut self) {
        self.is_resting = true;
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.room = 0;
        }
    }

    /// Runs the session's deadlines; arms the timer for the next one.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        // What was read may have brought the deadline nearer: a PING that promises the next one.
        if let Some(next) = self.session.poll_timeout().map(Into::into)
            && next < self.timer.deadline()
        {
            self.timer.as_mut().reset(next);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = now();
            // A peer that does not read cannot answer a PING either: backpressure is no silence.
            // If its machine is gone, the system gives up on what it does not acknowledge.
            let is_held = self.is_paused || self.link.out.lock().is_blocked();
            self.session.hold_silence(is_held);
            self.session.handle_timeout(now).map_err(|it| CloseReason::Protocol(Arc::new(it)))?;
            self.link.out.lock().rest();
            self.rest();
            self.transmit();
            let next = self.session.poll_timeout().unwrap_or(now + IDLE);
            self.timer.as_mut().reset(next.max(now + Duration::from_millis(1)).into());
        }
        Ok(())
    }

    /// Polls the deadlines while nothing is read for want of room: PINGs go on, so that the peer
    /// knows we live; its own silence is not judged.
    pub(crate) fn poll_paused(&mut self, cx: &mut Context<'_>) -> Result<(), CloseReason> {
        self.is_paused = true;
        let polled = self.poll_timer(cx);
        if let Err(reason) = &polled {
            self.link.end(reason.clone());
        }
        polled
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        // Without its reader a link would not notice its peer's end.
        self.link.end(CloseReason::Here);
    }
}

fn inbound(event: Event) -> Option<Inbound> {
    match event {
        Event::Message(message) => {
            Some(Inbound::Message(Message { head: message.head, body: Body::Bytes(message.body) }))
        }
        Event::Subscribe(prefix) => Some(Inbound::Control(Control::Subscribe(prefix))),
        Event::Cancel(prefix) => Some(Inbound::Control(Control::Cancel(prefix))),
        Event::Command(it) => Some(Inbound::Control(Control::Command(it))),
        // Told once, in the handshake.
        Event::Ready => None,
    }
}
