//! Sending each message to whoever subscribed to its topic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, Message as Frames};

use crate::audience::Audience;
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
        topic: Bytes,
        value: &T,
    ) -> Result<(), SendError> {
        let mut copies = Copies::new(value, self.limits);
        let kept = self.audience.replay().and_then(|it| copies.encoded(it.codec()).ok());
        let pins = local::plain_len(value).is_some();
        let kept = kept.map(|it| published(topic.clone(), if pins { detached(&it) } else { it }));
        let frames = |link: &Link| Ok(published(topic.clone(), copies.frames(link)?));
        self.send_to_all(&topic, kept, frames).await
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
        self.send_to_all(&topic, kept, |_| Ok(frames.clone())).await
    }

    async fn send_to_all(
        &self,
        topic: &Bytes,
        kept: Option<Frames>,
        mut frames: impl FnMut(&Link) -> Result<Frames, EncodeError>,
    ) -> Result<(), SendError> {
        self.pace.keep().await;
        let (listeners, chosen) = self.choose(topic, kept).ok_or(SendError::Closed)?;
        let until = self.timeout.map(moment::after);
        let (mut n_wanted, mut n_full) = (0, 0);
        for listener in listeners.iter().filter(|it| chosen || it.wants(topic)) {
            n_wanted += 1;
            let message = frames(&listener.link).map_err(|it| self.ledger.refuse(it))?;
            n_full += usize::from(!listener.give(message, self.overflow, until).await?);
        }
        if n_wanted == 0 {
            self.ledger.lose(DropReason::NoSubscriber, 1);
        }
        match self.overflow {
            _ if n_full == 0 => Ok(()),
            Overflow::Block => Err(SendError::TimedOut),
            Overflow::DropNewest | Overflow::DropOldest => Ok(()),
            Overflow::Fail => Err(SendError::Full),
        }
    }

    /// Who may get the message, and whether all of them do; `None` once the socket is closed.
    fn choose(&self, topic: &Bytes, kept: Option<Frames>) -> Option<(Arc<[Listener]>, bool)> {
        let Some(replay) = self.audience.replay() else {
            return Some((self.audience.listeners()?, false));
        };
        let mut cache = replay.lock();
        let listeners = self.audience.listeners()?;
        cache.keep(topic, kept);
        Some((listeners.iter().filter(|it| it.wants(topic)).cloned().collect(), true))
    }
}

/// A copy that pins no read buffer.
fn detached(frames: &Frames) -> Frames {
    let copy = |it: &Bytes| Bytes::copy_from_slice(it);
    let body = match &frames.body {
        Body::Bytes(bytes) => Body::Bytes(copy(bytes)),
        Body::Local(value) => Body::Local(value.clone()),
    };
    Frames { head: frames.head.iter().map(copy).collect(), body }
}

/// A publication as the wire carries it.
fn published(topic: Bytes, value: Frames) -> Frames {
    let mut head = Vec::with_capacity(1 + value.head.len());
    head.push(topic);
    head.extend(value.head);
    Frames { head, body: value.body }
}
