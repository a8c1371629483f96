//! Messages of several frames.

use bytes::Bytes;
use gleis_transport::Head;
use serde::{Deserialize, Serialize};

/// A message whose frames are the user's own: a socket that carries it sends and receives whole
/// messages of any number of frames, as they are.
///
/// Such a socket names no codec, so that typed sockets may talk to it in theirs: it is what brokers,
/// proxies and talks with foreign peers are made of. A message without frames is sent as one empty
/// frame.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Multipart {
    /// The frames, first to last.
    pub frames: Vec<Bytes>,
}

impl Multipart {
    /// A message of these frames.
    pub fn new<F: Into<Bytes>>(frames: impl IntoIterator<Item = F>) -> Self {
        frames.into_iter().collect()
    }
}

impl<F: Into<Bytes>> FromIterator<F> for Multipart {
    fn from_iter<I: IntoIterator<Item = F>>(frames: I) -> Self {
        Self { frames: frames.into_iter().map(Into::into).collect() }
    }
}

impl<F: Into<Bytes>> From<Vec<F>> for Multipart {
    fn from(frames: Vec<F>) -> Self {
        frames.into_iter().collect()
    }
}

/// As [`Multipart`], but what stands before the last frame is kept in place if it is short: for talks
/// whose messages have a small head and a body, and where an allocation for each counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(from = "Multipart", into = "Multipart")]
pub struct Framed {
    /// All frames but the last.
    pub head: Head,
    /// The last frame.
    pub body: Bytes,
}

impl Framed {
    /// A message of these frames.
    pub fn new(head: impl Into<Head>, body: impl Into<Bytes>) -> Self {
        Self { head: head.into(), body: body.into() }
    }
}

impl From<Framed> for Multipart {
    fn from(Framed { head, body }: Framed) -> Self {
        let mut frames = head.into_vec();
        frames.push(body);
        Self { frames }
    }
}

impl From<Multipart> for Framed {
    fn from(Multipart { mut frames }: Multipart) -> Self {
        let body = frames.pop().unwrap_or_default();
        Self { head: frames.into(), body }
    }
}
