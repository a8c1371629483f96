//! A message for many peers.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use gleis_zmtp::Encoder;

use crate::error::{BoxError, TrySendError};
use crate::message::{Body, Message};

/// Frames from this size on are written by reference instead of being copied.
pub(crate) const BY_REFERENCE: usize = 16 << 10;

/// A message for many peers: over a stream it is encoded once, and copied from then on.
#[derive(Debug)]
pub struct Broadcast {
    message: Message,
    weight: usize,
    /// As it is written; nothing if its frames are written by reference.
    wire: OnceLock<Option<Bytes>>,
}

/// Why one of many peers did not take a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// The connection is over.
    #[error("connection closed")]
    Closed,
    /// The value inside could not be encoded for this transport.
    #[error("cannot encode the message")]
    Encode(#[source] BoxError),
    /// The queue is at its high-water mark. Retrying later is safe.
    #[error("queue full")]
    Full,
}

impl Broadcast {
    /// A message that is going to be sent to many.
    pub fn new(message: Message) -> Self {
        let weight = message.weight();
        Self { message, weight, wire: OnceLock::new() }
    }

    /// The message itself.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The bytes this message is counted with in queues.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// All of it as it is written, unless it is large, or no bytes.
    #[inline]
    pub(crate) fn wire(&self, encoder: &Encoder) -> Option<&Bytes> {
        self.wire.get_or_init(|| self.encode(encoder)).as_ref()
    }

    fn encode(&self, encoder: &Encoder) -> Option<Bytes> {
        let Body::Bytes(body) = &self.message.body else {
            return None;
        };
        let is_small = |it: &[u8]| it.len() < BY_REFERENCE;
        if !is_small(body) || !self.message.head.iter().all(is_small) {
            return None;
        }
        let mut wire = BytesMut::with_capacity(self.weight);
        encoder.message(&self.message.head, body, &mut wire);
        Some(wire.freeze())
    }
}

impl From<TrySendError> for NotTaken {
    fn from(error: TrySendError) -> Self {
        match error {
            TrySendError::Closed(_) => Self::Closed,
            TrySendError::Encode(source) => Self::Encode(source),
            TrySendError::Full(_) => Self::Full,
        }
    }
}
