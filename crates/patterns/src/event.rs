//! What happens to the links of a socket, for whoever wants to know.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use gleis_core::Endpoint;
use gleis_transport::AcceptError;
use parking_lot::Mutex;

use crate::stats::DropReason;

/// How many events wait for one reader; a slow reader loses the oldest.
const CAPACITY: usize = 256;

/// Something that happened to a link of a socket. Reasons are texts, to be read by people.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event {
    /// A peer came in.
    Accepted {
        /// Its address.
        peer: String,
    },
    /// A listener could not accept, most often for want of file descriptors; it goes on.
    AcceptFailed {
        /// Why.
        reason: String,
    },
    /// A peer was reached.
    Connected {
        /// Its address.
        peer: String,
    },
    /// Messages that had come in were given up. Of each peer and reason the first is told at once, then
    /// one event a second at most, and the rest when the peer is gone; [`Stats`](crate::Stats) has the
    /// exact numbers at any time.
    DroppedReceived {
        /// Where they came from.
        peer: Option<String>,
        /// Why.
        reason: DropReason,
        /// How many since the last such event.
        messages: u64,
    },
    /// Messages to be sent were given up; told as [`DroppedReceived`](Self::DroppedReceived) is.
    DroppedSent {
        /// Whom they were for, if for a peer.
        peer: Option<String>,
        /// Why.
        reason: DropReason,
        /// How many since the last such event.
        messages: u64,
    },
    /// A connection is over.
    Disconnected {
        /// The address of the peer.
        peer: String,
        /// Why.
        reason: String,
        /// Messages that were taken for sending and may not have arrived.
        unsent: usize,
    },
    /// A peer came but the handshake failed.
    HandshakeFailed {
        /// Its address.
        peer: String,
        /// Why.
        reason: String,
    },
    /// A listener is up.
    Listening {
        /// Where it can be reached.
        endpoint: Endpoint,
    },
    /// The reader was too slow: this many events before the next one are lost.
    Missed {
        /// How many.
        events: usize,
    },
    /// A peer does not fit, or asked for too much, and was sent away.
    Refused {
        /// Its address.
        peer: String,
        /// Why.
        reason: String,
    },
    /// A peer was not reached; there will be another attempt.
    Retrying {
        /// Where.
        endpoint: Endpoint,
        /// Which attempt comes next.
        attempt: u32,
        /// After how long.
        delay: Duration,
        /// Why the last one failed.
        reason: String,
    },
}

impl Event {
    /// The event as users see it; `None` for what the socket tells by itself.
    pub(crate) fn from_transport(event: gleis_transport::Event) -> Option<Self> {
        use gleis_transport::Event as Told;
        Some(match event {
            Told::Accepted { peer } => Self::Accepted { peer: peer.address },
            Told::AcceptFailed { error: AcceptError::Handshake { address, source } } => {
                Self::HandshakeFailed { peer: address, reason: chain(&source) }
            }
            Told::AcceptFailed { error } => Self::AcceptFailed { reason: chain(&error) },
            Told::Connected { peer } => Self::Connected { peer: peer.address },
            Told::Retrying { endpoint, attempt, delay, error } => {
                Self::Retrying { endpoint, attempt, delay, reason: chain(&error) }
            }
            _ => return None,
        })
    }
}

/// The events of a socket from the moment it was asked for; a bounded queue.
///
/// It ends when the socket is dropped. A reader that is too slow loses the oldest events and is
/// told how many: [`Event::Missed`].
pub struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// Waits for the next event; `None` when the socket is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.queue.poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll_next(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// Where a socket tells its events.
#[derive(Default)]
pub(crate) struct Teller {
    readers: Mutex<Vec<Weak<Queue>>>,
}

impl Teller {
    pub(crate) fn listen(&self) -> Events {
        let queue = Arc::new(Queue::default());
        self.readers.lock().push(Arc::downgrade(&queue));
        Events { queue }
    }

    pub(crate) fn tell(&self, event: &Event) {
        tracing::debug!(target: "gleis::patterns", ?event);
        let mut wakers = Vec::new();
        self.readers.lock().retain(|reader| {
            let Some(queue) = reader.upgrade() else {
                return false;
            };
            wakers.extend(queue.push(event.clone()));
            true
        });
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        // Readers must not wait for a socket that is gone.
        for queue in self.readers.get_mut().drain(..).filter_map(|it| it.upgrade()) {
            let mut state = queue.state.lock();
            state.ended = true;
            let waker = state.waker.take();
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ended: bool,
    events: VecDeque<Event>,
    missed: usize,
    waker: Option<Waker>,
}

impl Queue {
    fn push(&self, event: Event) -> Option<Waker> {
        let mut state = self.state.lock();
        if CAPACITY <= state.events.len() {
            state.events.pop_front();
            state.missed += 1;
        }
        state.events.push_back(event);
        state.waker.take()
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state.lock();
        if 0 < state.missed {
            return Poll::Ready(Some(Event::Missed { events: std::mem::take(&mut state.missed) }));
        }
        if let Some(event) = state.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// An error with everything behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Transparent errors say the same thing twice.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}
