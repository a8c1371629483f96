//! Receives what it subscribed to.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Body, Message as Frames, SocketType};

use crate::core::Core;
use crate::error::{OpenError, RecvError};
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::socket::shared;
use crate::stats::{Counters, Stats};
use crate::taker::Taker;
use crate::wishes::Wishes;

/// Receives what is published under topics that begin with one of its prefixes; at first it has
/// none and receives nothing.
///
/// Its prefixes are told to every publisher it is connected to, and again after each reconnect.
/// Dropping it closes it at once.
pub struct Subscriber<T> {
    core: Arc<Core>,
    limits: Limits,
    taker: Taker,
    value: PhantomData<fn() -> T>,
    wishes: Arc<Wishes>,
}

/// A message and the topic it was published under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication<T> {
    /// The message.
    pub message: T,
    /// What it was published under; empty if the publisher, a foreign one, puts no topic before
    /// its messages.
    pub topic: Bytes,
}

impl<T: Message> Subscriber<T> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let mut settings = settings;
        let intake = Arc::new(Intake::new(settings.options.recv_high_water));
        let prefixes = std::mem::take(&mut settings.subscriptions);
        let wishes = Arc::new(Wishes::new(intake.clone(), prefixes));
        let (limits, sent) = (settings.limits(), Arc::new(Counters::default()));
        let core = Core::new::<T>(SocketType::Sub, settings, wishes.clone(), sent);
        core.open(side, at).await?;
        Ok(Self { core, limits, taker: Taker::new(intake), value: PhantomData, wishes })
    }

    /// Also receives what is published under topics that begin with `prefix`; the empty one is all.
    /// A prefix subscribed to twice must be unsubscribed twice.
    ///
    /// A publisher knows of it a moment later: what it publishes before that does not arrive.
    pub fn subscribe(&self, prefix: impl AsRef<[u8]>) {
        self.wishes.add(Bytes::copy_from_slice(prefix.as_ref()));
    }

    /// Ends one subscription to `prefix`; false if there is none. What is already here and no longer
    /// wanted is not delivered.
    pub fn unsubscribe(&self, prefix: impl AsRef<[u8]>) -> bool {
        self.wishes.remove(&Bytes::copy_from_slice(prefix.as_ref()))
    }

    /// Waits for the next publication.
    ///
    /// # Errors
    /// [`RecvError`]; except after `Closed` the next call goes on with the next message.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: the message stays in the queue.
    pub async fn recv(&mut self) -> Result<Publication<T>, RecvError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next publication: what [`recv`](Self::recv) awaits.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Publication<T>, RecvError>> {
        let (limits, wishes) = (&self.limits, &self.wishes);
        self.taker.poll_next(cx, |link, message| open(link, message, limits, wishes))
    }

    /// What became of the messages.
    pub fn stats(&self) -> Stats {
        self.core.stats(self.taker.flow())
    }
}

/// Reads `[topic, body]`, or the single frame of a foreign publisher, which begins with its topic.
fn open<T: Message>(
    link: &Link,
    message: Frames,
    limits: &Limits,
    wishes: &Wishes,
) -> Result<Option<Publication<T>>, RecvError> {
    let Frames { mut head, body } = message;
    if 1 < head.len() {
        let frames = head.len() + 1;
        return Err(RecvError::Frames { peer: link.address().to_owned(), frames });
    }
    let wanted = match (head.first(), &body) {
        (Some(topic), _) => wishes.want(topic),
        (None, Body::Bytes(bytes)) => wishes.want(bytes),
        (None, Body::Local(_)) => true,
    };
    if !wanted {
        return Ok(None);
    }
    let message = unpack(body, link, limits)?;
    Ok(Some(Publication { message, topic: head.pop().unwrap_or_default() }))
}

impl<T> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("core", &self.core).finish_non_exhaustive()
    }
}
