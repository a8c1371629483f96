//! Who is on the other side.

use bytes::Bytes;
use gleis_zmtp::{Metadata, SocketType};

/// What is known of the other side of a connection after the handshake.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is: the address of the socket, or the endpoint that was connected to.
    pub address: String,
    /// What it announced as its identity; nothing stops two peers from announcing the same.
    pub identity: Bytes,
    /// Its other properties.
    pub metadata: Metadata,
    /// Its kind of socket.
    pub socket_type: SocketType,
}
