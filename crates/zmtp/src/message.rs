//! A message: one body, and the frames before it, if any.

use bytes::Bytes;

use crate::Head;

/// A whole message: the frames of `head`, then `body`.
///
/// Most messages have one frame.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Message {
    /// The frames before the last one.
    pub head: Head,
    /// The last frame.
    pub body: Bytes,
}

impl Message {
    /// A message of one frame.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { head: Head::new(), body: body.into() }
    }

    /// All frames in the order of the wire.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.head.iter().chain([&self.body[..]])
    }

    /// The bytes of all frames, without their headers.
    pub fn n_bytes(&self) -> usize {
        self.head.n_bytes() + self.body.len()
    }

    /// The number of frames, at least one.
    pub fn n_frames(&self) -> usize {
        self.head.len() + 1
    }
}

impl From<Bytes> for Message {
    #[inline]
    fn from(body: Bytes) -> Self {
        let head = Head::new();
        Self { head, body }
    }
}
