//! One link as its driver sees it: what comes in goes to the reader, what is queued goes out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gleis_zmtp::Error;
use tokio::time::Instant;

use crate::error::CloseReason;
use crate::zmq::frame::{Batch, Frame, Parts, Refusal, malformed};
use crate::zmq::link::Link;
use crate::zmq::session::{Received, Session};

/// How long a link that was ended here waits for the answer to its goodbye. The `zeromq` crate drops
/// what it has not yet read of a peer to which a write fails, so a peer is not left before it has
/// read to the end.
const GOODBYE: Duration = Duration::from_secs(1);

/// A link, its rules, and where its goodbye stands.
#[derive(Debug)]
pub(super) struct Talk {
    /// The peer has everything up to our BYE.
    acked: bool,
    /// Gone without a goodbye.
    broken: bool,
    bye_sent: bool,
    leaves_until: Option<Instant>,
    pub(super) link: Arc<Link>,
    owes_ack: bool,
    session: Session,
    /// The peer has said BYE: it takes nothing more.
    they_left: bool,
}

impl Talk {
    pub(super) fn new(link: Arc<Link>, session: Session) -> Self {
        Self {
            acked: false,
            broken: false,
            bye_sent: false,
            leaves_until: None,
            link,
            owes_ack: false,
            session,
            they_left: false,
        }
    }

    /// Takes a frame of the peer.
    pub(super) fn receive(&mut self, now: Instant, parts: Parts) {
        match self.session.receive(now, parts) {
            Ok(Received::Bye) => {
                self.they_left = true;
                self.owes_ack = true;
                self.link.end(CloseReason::ByPeer);
            }
            Ok(Received::ByeAck) if self.bye_sent => {
                self.acked = true;
                self.link.end(CloseReason::Here);
            }
            Ok(Received::ByeAck) => self.fail(protocol(malformed("BYE-ACK", "without a BYE"))),
            Ok(Received::Items(items)) if !self.link.fate.has_ended() => self.link.deliver(items),
            Ok(Received::Items(_) | Received::Nothing) => (),
            Err(error) => self.fail(protocol(error)),
        }
    }

    /// The link is over, and nothing can be said any more.
    pub(super) fn fail(&mut self, reason: CloseReason) {
        self.broken = true;
        self.link.end(reason);
    }

    /// The socket has lost the peer, which did not say goodbye.
    pub(super) fn lost(&mut self) {
        self.fail(CloseReason::from(io::Error::from(io::ErrorKind::UnexpectedEof)));
    }

    /// Sends a PING soon: whether the socket takes it tells whether the peer is there.
    pub(super) fn ask(&mut self, now: Instant) {
        self.session.ask(now);
    }

    /// The next frame to hand over. After it has been, [`sent`](Self::sent) is called.
    pub(super) fn next(&mut self, now: Instant) -> Option<Parts> {
        if self.broken {
            return None;
        }
        let parts = self.next_frame(now)?;
        self.session.hand_over(&parts);
        Some(parts)
    }

    fn next_frame(&mut self, now: Instant) -> Option<Parts> {
        if std::mem::take(&mut self.owes_ack) {
            return Some(Frame::ByeAck.encode());
        }
        if self.they_left {
            return None;
        }
        let has_ended = self.link.fate.has_ended();
        if !has_ended {
            self.session.consumed(self.link.consumed());
            if let Some(frame) = self.session.poll_transmit(now) {
                return Some(frame.encode());
            }
        } else if self.leaves_until.is_none() {
            self.leaves_until = Some(now + GOODBYE);
        }
        if has_ended && let Some(reason) = self.link.out.lock().refusal.take() {
            let refusal = Refusal { is_final: true, nonce: 0, reason };
            return Some(Frame::Refuse(refusal).encode());
        }
        self.batch(has_ended).or_else(|| self.bye(has_ended))
    }

    fn batch(&mut self, has_ended: bool) -> Option<Parts> {
        let mut out = self.link.out.lock();
        if self.bye_sent || (has_ended && !out.last_words) {
            return None;
        }
        let mut batch = Batch::new();
        while !batch.is_full() && self.session.may_send() {
            let Some(item) = out.pop() else { break };
            self.session.spend(item.weight());
            batch.push(&item);
        }
        (!batch.is_empty()).then(|| batch.into_parts())
    }

    /// The goodbye: behind everything if the link is being closed, at once if it was ended.
    fn bye(&mut self, has_ended: bool) -> Option<Parts> {
        let is_time = has_ended || {
            let out = self.link.out.lock();
            out.wants_bye && out.is_idle()
        };
        if self.bye_sent || !is_time {
            return None;
        }
        self.bye_sent = true;
        Some(Frame::Bye.encode())
    }

    /// The last frame was handed over.
    pub(super) fn sent(&mut self) {
        let woken = self.link.out.lock().handed_over();
        woken.wake();
    }

    /// Whether the driver can forget the link.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        if !self.link.fate.has_ended() {
            return false;
        }
        let is_late = self.leaves_until.is_some_and(|it| it <= now);
        self.broken || self.acked || is_late || (self.they_left && !self.owes_ack)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.leaves_until.or_else(|| self.session.poll_timeout())
    }

    /// Judges the silence of the peer.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.link.fate.has_ended() {
            return;
        }
        if let Err(error) = self.session.handle_timeout(now) {
            self.fail(protocol(error));
        }
    }
}

fn protocol(error: Error) -> CloseReason {
    CloseReason::Protocol(Arc::new(error))
}
