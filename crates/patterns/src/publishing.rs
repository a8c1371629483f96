//! Sending each message to whoever subscribed to its topic.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::Message as Frames;
use tokio::time::Instant;

use crate::audience::{Audience, Listener};
use crate::error::SendError;
use crate::fanout::Outcome;
use crate::ledger::Ledger;
use crate::local::{self, into_frames};
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
        let frames = |link: &Link| Ok(published(topic.clone(), copies.frames(link)?));
        self.send_to_all(&topic, frames).await
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
        self.send_to_all(&topic, |_| Ok(frames.clone())).await
    }

    async fn send_to_all(
        &self,
        topic: &[u8],
        mut frames: impl FnMut(&Link) -> Result<Frames, EncodeError>,
    ) -> Result<(), SendError> {
        self.pace.keep().await;
        let listeners = self.audience.listeners().ok_or(SendError::Closed)?;
        let until = self.timeout.map(|it| Instant::now() + it);
        let (mut n_wanted, mut n_full) = (0, 0);
        for listener in listeners.iter().filter(|it| it.wants(topic)) {
            n_wanted += 1;
            let message = frames(&listener.link).map_err(|it| self.ledger.refuse(it))?;
            n_full += usize::from(!self.send_to_one(listener, message, until).await?);
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

    /// False if the listener had no room.
    async fn send_to_one(
        &self,
        listener: &Listener,
        message: Frames,
        until: Option<Instant>,
    ) -> Result<bool, SendError> {
        listener.tell_gap();
        let outcome = listener.link.give(message, self.overflow, until).await?;
        if matches!(outcome, Outcome::Displaced | Outcome::Full) {
            listener.miss();
        }
        Ok(outcome != Outcome::Full)
    }
}

/// A publication as the wire carries it.
fn published(topic: Bytes, value: Frames) -> Frames {
    let mut head = Vec::with_capacity(1 + value.head.len());
    head.push(topic);
    head.extend(value.head);
    Frames { head, body: value.body }
}
