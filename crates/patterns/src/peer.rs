//! One peer of a socket.

use bytes::Bytes;

/// Who is connected.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Where it is.
    pub address: String,
    /// The name of the codec spoken with it.
    pub codec: &'static str,
    /// What it announced as its identity; nothing stops two peers from announcing the same.
    pub identity: Bytes,
    /// Messages that wait to be sent to it.
    pub queued: usize,
}
