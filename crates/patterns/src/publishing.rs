//! Sending each message to whoever subscribed to its topic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Sink;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, Broadcast, Head, Message as Frames};

use crate::audience::{Audience, Crowd};
use crate::error::SendError;
use crate::ledger::Ledger;
use crate::listener::Listener;
use crate::local::{self, into_frames};
use crate::moment;
use crate::multipart::Multipart;
use crate::options::{Overflow, Settings};
use crate::pace::Pace;
use crate::parcel::Copies;
use crate::peer::Link;
use crate::sink::{Begun, Outbound, View};
use crate::stats::DropReason;

/// The sending side of a socket that publishes.
pub(crate) struct Publishing {
    audience: Arc<Audience>,
    ledger: Arc<Ledger>,
    limits: Limits,
    overflow: Overflow,
    pace: Pace,
    timeout: Option<Duration>,
}

impl Publishing {
    pub(crate) fn new(audience: Arc<Audience>, ledger: Arc<Ledger>, settings: &Settings) -> Self {
        let overflow = settings.overflow.unwrap_or(Overflow::DropNewest);
        let (limits, pace) = (settings.limits(), Pace::default());
        Self { audience, ledger, limits, overflow, pace, timeout: settings.send_timeout }
    }

    pub(crate) fn audience(&self) -> &Audience {
        &self.audience
    }

    pub(crate) async fn publish<T: Message>(
        &self,
        topic: Head,
        value: &T,
    ) -> Result<(), SendError> {
        let mut copies = Copies::new(Some(topic.clone()), value, self.limits);
        let kept = self.kept(&mut copies);
        self.send_to_all(name(&topic), kept, &mut copies).await
    }

    /// Publishes at once to all that want it, or to nobody.
    pub(crate) fn try_publish<T: Message>(&self, topic: &Head, value: &T) -> Result<(), SendError> {
        let mut copies = Copies::new(Some(topic.clone()), value, self.limits);
        let topic = name(topic);
        let kept = self.kept(&mut copies);
        let chosen = self.choose(topic, kept, &mut copies, |it| it.link.may_take())?;
        let mut tally = Tally::default();
        for listener in chosen.wanting(topic) {
            let message = copies.frames(&listener.link).map_err(|it| self.ledger.refuse(it));
            tally.note(message.and_then(|it| listener.give_now(it, Overflow::Fail)));
        }
        self.end(tally, Overflow::Fail)
    }

    pub(crate) fn sink<K: AsRef<[u8]>, T: Message>(
        &self,
    ) -> impl Sink<(K, T), Error = SendError> + Send {
        View::new(self)
    }

    /// Publishes a message as it is, under the topic that its first frame is.
    pub(crate) async fn publish_whole(&self, whole: Multipart) -> Result<(), SendError> {
        let (raw, fits) = (AnyCodec::Raw, |it: &Bytes| it.len() <= self.limits.bytes);
        if !whole.frames.iter().all(fits) {
            // The codec says which frame is too long.
            let encoded = local::encode_value(&whole, &raw, &self.limits);
            encoded.map_err(|it| self.ledger.refuse(it))?;
        }
        let topic = whole.frames.first().cloned().unwrap_or_default();
        let frames = into_frames(whole);
        // Where the topic of a single frame ends only its subscribers know.
        let kept = !frames.head.is_empty() && self.audience.replay().is_some();
        let kept = kept.then(|| detached(&frames));
        self.send_to_all(&topic, kept, &mut Whole(Broadcast::new(frames))).await
    }

    /// What is kept for late subscribers.
    fn kept<T: Message>(&self, copies: &mut Copies<'_, T>) -> Option<Frames> {
        let pins = copies.pins();
        let kept = copies.encoded(self.audience.replay()?.codec()).ok()?.message();
        Some(if pins { detached(kept) } else { kept.clone() })
    }

    async fn send_to_all(
        &self,
        topic: &[u8],
        kept: Option<Frames>,
        content: &mut impl Content,
    ) -> Result<(), SendError> {
        self.pace.keep().await;
        let chosen = self.choose(topic, kept, content, |_| true)?;
        let until = self.timeout.map(moment::after);
        let mut tally = Tally::default();
        for listener in chosen.wanting(topic) {
            match content.frames(&listener.link) {
                Ok(it) if listener.give_lightly(it) => tally.note(Ok(true)),
                Ok(it) => tally.note(listener.give(it, self.overflow, until).await),
                Err(it) => tally.note(Err(self.ledger.refuse(it))),
            }
        }
        self.end(tally, self.overflow)
    }

    /// What to tell whoever published.
    fn end(&self, tally: Tally, overflow: Overflow) -> Result<(), SendError> {
        if tally.n_wanted == 0 {
            self.ledger.lose(DropReason::NoSubscriber, 1);
        }
        match (tally.error, overflow) {
            (Some(error), _) => Err(error),
            _ if tally.n_full == 0 => Ok(()),
            (None, Overflow::Block) => Err(SendError::TimedOut),
            (None, Overflow::DropNewest | Overflow::DropOldest) => Ok(()),
            (None, Overflow::Fail) => Err(SendError::Full),
        }
    }

    /// Who may get the message, which is kept then; nobody unless it can be encoded for all of them,
    /// and unless it `fits` all that want it.
    fn choose(
        &self,
        topic: &[u8],
        kept: Option<Frames>,
        content: &mut impl Content,
        fits: impl Fn(&Listener) -> bool,
    ) -> Result<Chosen, SendError> {
        let may = |it: &Listener| fits(it) || !it.wants(topic);
        let listeners = self.audience.listeners().ok_or(SendError::Closed)?;
        self.prepare(topic, &listeners, content)?;
        let Some(replay) = self.audience.replay() else {
            let may = listeners.iter().all(may);
            return if may { Ok(Chosen::Any(listeners)) } else { Err(SendError::Full) };
        };
        let mut cache = replay.lock();
        let listeners = self.audience.listeners().ok_or(SendError::Closed)?;
        if !listeners.iter().all(may) {
            return Err(SendError::Full);
        }
        cache.keep(topic, kept);
        Ok(Chosen::These(listeners.iter().filter(|it| it.wants(topic)).cloned().collect()))
    }

    /// Encodes the message for each kind of link, so that all get it or nobody does. Where there is one
    /// kind and nothing is kept, the first link shows whether it can be encoded.
    fn prepare(
        &self,
        topic: &[u8],
        listeners: &Crowd,
        content: &mut impl Content,
    ) -> Result<(), SendError> {
        if !listeners.is_mixed && self.audience.replay().is_none() {
            return Ok(());
        }
        let mut ready = Vec::new();
        for listener in listeners.iter() {
            if !ready.contains(&listener.kind()) && listener.wants(topic) {
                content.frames(&listener.link).map_err(|it| self.ledger.refuse(it))?;
                ready.push(listener.kind());
            }
        }
        Ok(())
    }
}

/// A topic is the only frame before a value.
fn name(topic: &Head) -> &[u8] {
    topic.first().unwrap_or_default()
}

/// What is published.
trait Content {
    /// The frames for one peer.
    fn frames(&mut self, link: &Link) -> Result<&Broadcast, EncodeError>;
}

impl<T: Message> Content for Copies<'_, T> {
    fn frames(&mut self, link: &Link) -> Result<&Broadcast, EncodeError> {
        Copies::frames(self, link)
    }
}

/// A message that is the same for all.
struct Whole(Broadcast);

impl Content for Whole {
    fn frames(&mut self, _: &Link) -> Result<&Broadcast, EncodeError> {
        Ok(&self.0)
    }
}

/// Who may get a message.
enum Chosen {
    /// Those of them that want it.
    Any(Arc<Crowd>),
    These(Vec<Listener>),
}

impl Chosen {
    fn wanting(&self, topic: &[u8]) -> impl Iterator<Item = &Listener> {
        let (listeners, asked): (&[_], _) = match self {
            Self::Any(all) => (all, false),
            Self::These(these) => (these, true),
        };
        listeners.iter().filter(move |it| asked || it.wants(topic))
    }
}

/// What became of a message for all of its subscribers.
#[derive(Default)]
struct Tally {
    /// The first one that is about a single subscriber: the others get the message all the same.
    error: Option<SendError>,
    n_full: usize,
    n_wanted: usize,
}

impl Tally {
    fn note(&mut self, given: Result<bool, SendError>) {
        self.n_wanted += 1;
        match given {
            Ok(given) => self.n_full += usize::from(!given),
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
    }
}

impl<K: AsRef<[u8]>, T: Message> Outbound<(K, T)> for Publishing {
    fn begin(&self, (topic, value): (K, T)) -> Begun<'_> {
        let topic = Head::copied([topic.as_ref()]);
        Begun::polled(async move { self.publish(topic, &value).await })
    }
}

/// A copy that pins no read buffer.
fn detached(frames: &Frames) -> Frames {
    let copy = |it: &Bytes| Bytes::copy_from_slice(it);
    let body = match &frames.body {
        Body::Bytes(bytes) => Body::Bytes(copy(bytes)),
        Body::Local(value) => Body::Local(value.clone()),
    };
    Frames { head: frames.head.iter().map(Bytes::copy_from_slice).collect(), body }
}
