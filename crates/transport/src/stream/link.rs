//! A connection over a byte stream, seen from its senders.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use gleis_zmtp::Encoder;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::broadcast::{Broadcast, NotTaken};
use crate::clock::now;
use crate::error::{CloseReason, TrySendError};
use crate::fate::{Closed, Fate};
use crate::message::{Control, Message};
use crate::options::{LinkConfig, Member};
use crate::stream::batch::Batch;
use crate::stream::flusher;
use crate::stream::outbox::{Hints, Next, Outbox, patience};
use crate::stream::socket::Socket;
use crate::tally::Tally;
use crate::task::TaskGuard;
use crate::wakers::Wakers;

/// What the senders, the reader and the flusher of one connection share.
#[derive(Debug)]
pub(crate) struct Link {
    /// The links of the same socket.
    company: Member,
    pub(crate) fate: Arc<Fate>,
    /// Wakes the flusher.
    pub(crate) flush: Notify,
    /// When several messages came at once whose answers may leave together, in nanoseconds since it was
    /// made; 0 for never.
    burst: AtomicU64,
    made: Instant,
    pub(crate) out: Mutex<Outbox>,
    /// A place among the listener's connections, given back at the end.
    place: Mutex<Option<OwnedSemaphorePermit>>,
    pub(crate) socket: Socket,
    /// Something was received since the last direct write.
    pub(crate) was_asked: AtomicBool,
}

impl Link {
    pub(crate) fn new(
        socket: Socket,
        encoder: Encoder,
        config: &LinkConfig,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            company: config.company.join(),
            fate: Arc::default(),
            flush: Notify::new(),
            burst: AtomicU64::new(0),
            made: now(),
            out: Mutex::new(Outbox::new(encoder, config.options.send_high_water, now())),
            place: Mutex::new(place),
            socket,
            was_asked: AtomicBool::new(true),
        }
    }

    /// Notes what was read just now.
    pub(crate) fn hear(&self, n_items: usize, now: Instant) {
        self.was_asked.store(true, Ordering::Relaxed);
        let since = now.saturating_duration_since(self.made).as_nanos() as u64;
        self.burst.store(if 1 < n_items { since.max(1) } else { 0 }, Ordering::Relaxed);
        self.fate.hear();
    }

    /// What was read at once has been answered.
    pub(crate) fn end_burst(&self) {
        self.burst.store(0, Ordering::Relaxed);
    }

    #[inline]
    fn burst(&self) -> Option<Instant> {
        let burst = self.burst.load(Ordering::Relaxed);
        (0 < burst).then(|| self.made + Duration::from_nanos(burst))
    }

    fn hints(&self) -> Hints {
        Hints {
            burst: self.burst(),
            patience: patience(self.company.n_links()),
            was_asked: self.was_asked.load(Ordering::Relaxed),
        }
    }

    fn act(&self, next: Next) {
        match next {
            Next::Nothing => (),
            Next::Wake => self.flush.notify_one(),
            Next::Write => self.write_now(),
        }
    }

    /// Writes one batch from the caller's task, as far as the socket takes it.
    fn write_now(&self) {
        self.was_asked.store(false, Ordering::Relaxed);
        let Some(mut batch) = self.out.lock().take() else {
            return;
        };
        match batch.write(&self.socket) {
            Ok(true) => self.written(batch),
            Ok(false) => {
                let next = self.out.lock().blocked(batch);
                self.act(next);
            }
            Err(_) => self.write_failed(batch),
        }
    }

    pub(crate) fn written(&self, batch: Batch) {
        let (next, woken) = self.out.lock().written(batch);
        woken.wake();
        if next == Next::Wake {
            self.flush.notify_one();
        }
    }

    /// A failed write refuses new messages; the reader finds out why the link is over, after it has
    /// read what the peer sent before.
    pub(crate) fn write_failed(&self, batch: Batch) {
        let woken = self.out.lock().failed(batch);
        woken.wake();
    }

    /// Sends what the session itself has to say.
    pub(crate) fn transmit(&self, bytes: &BytesMut) {
        let next = self.out.lock().append_own(bytes);
        self.act(next);
    }

    /// Ends the link: nothing is taken, read or written any more.
    pub(crate) fn end(&self, reason: CloseReason) {
        if self.fate.end(reason) {
            let woken: Wakers = self.out.lock().close();
            woken.wake();
            self.flush.notify_one();
            self.socket.shutdown(Shutdown::Both);
            // The next peer may come, though our tasks have yet to hear of the end.
            self.place.lock().take();
        }
    }
}

/// The handle of all senders of one connection. Dropping it ends the connection at once.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    link: Arc<Link>,
    _flusher: TaskGuard,
}

impl StreamWriter {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let flusher = TaskGuard::spawn(flusher::run(link.clone()));
        Self { link, _flusher: flusher }
    }

    pub(crate) fn try_send(&self, message: Message) -> Result<(), TrySendError> {
        let hints = self.link.hints();
        let next = {
            let mut out = self.link.out.lock();
            if out.closing {
                return Err(TrySendError::Closed(message));
            }
            if !out.has_room() {
                return Err(TrySendError::Full(message));
            }
            out.append(message, hints)
        };
        self.link.act(next);
        Ok(())
    }

    pub(crate) fn try_send_copy(&self, message: &Broadcast) -> Result<(), NotTaken> {
        let hints = self.link.hints();
        let next = {
            let mut out = self.link.out.lock();
            if out.closing {
                return Err(NotTaken::Closed);
            }
            if !out.has_room() {
                return Err(NotTaken::Full);
            }
            out.append_copy(message, hints)
        };
        self.link.act(next);
        Ok(())
    }

    pub(crate) fn displace(&self, message: Message) -> Result<Vec<Message>, TrySendError> {
        let hints = self.link.hints();
        let (given_up, next) = {
            let mut out = self.link.out.lock();
            if out.closing {
                return Err(TrySendError::Closed(message));
            }
            out.displace(message, hints)
        };
        self.link.act(next);
        Ok(given_up)
    }

    pub(crate) fn has_room(&self) -> bool {
        let out = self.link.out.lock();
        !out.closing && out.has_room()
    }

    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut out = self.link.out.lock();
        if out.closing {
            return Poll::Ready(Err(self.close_reason().unwrap_or(CloseReason::Here)));
        }
        if out.has_room() {
            return Poll::Ready(Ok(()));
        }
        out.room_waiters.register(cx);
        Poll::Pending
    }

    pub(crate) fn control(&self, control: Control) -> Result<(), CloseReason> {
        let next = {
            let mut out = self.link.out.lock();
            if out.closing {
                return Err(self.close_reason().unwrap_or(CloseReason::Here));
            }
            out.append_control(control)
        };
        let Some(next) = next else {
            self.link.end(CloseReason::too_many_controls());
            return Err(self.close_reason().unwrap_or(CloseReason::Here));
        };
        self.link.act(next);
        Ok(())
    }

    pub(crate) fn queued(&self) -> usize {
        self.link.out.lock().queued()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.link.out.lock().tally()
    }

    pub(crate) async fn flush(&self) -> Result<(), CloseReason> {
        self.link.flush.notify_one();
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

    pub(crate) async fn close(&self, linger: Duration) -> usize {
        let woken = self.link.out.lock().close();
        woken.wake();
        let goodbye = async {
            if self.flush().await.is_ok() {
                // The peer reads to the end and closes its side; then nothing is in the air.
                self.link.socket.shutdown(Shutdown::Write);
                self.link.fate.wait().await;
            }
        };
        // Whether in time or not, this is the end.
        let _ = tokio::time::timeout(linger, goodbye).await;
        self.link.end(CloseReason::Here);
        self.queued()
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

impl Drop for StreamWriter {
    fn drop(&mut self) {
        // Nobody can wait here, but what the socket takes at once need not be lost.
        if !self.link.fate.has_ended() {
            self.link.write_now();
        }
        self.link.end(CloseReason::Here);
    }
}
