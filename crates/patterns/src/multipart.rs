//! Messages of several frames.

use bytes::Bytes;
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
