//! What a peer tells about itself in its `READY`.

use bytes::Bytes;

use crate::{Error, Metadata, SocketType, Violation, error::printable};

/// What a peer told about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// The minor version of ZMTP 3; what comes after 3.1 counts as 3.1 or more.
    pub minor: u8,
    /// The type of its socket.
    pub socket_type: SocketType,
    /// Its identity, empty if it has none. One that starts with a zero byte, which ZMTP
    /// reserves, counts as none.
    pub identity: Bytes,
    /// All properties of its `READY`, `Socket-Type` and `Identity` included.
    pub metadata: Metadata,
}

impl Peer {
    /// Reads the data of a `READY` sent to a socket of type `ours`.
    pub(crate) fn from_ready(ours: SocketType, minor: u8, data: &[u8]) -> Result<Self, Error> {
        let metadata = Metadata::parse(data)?;
        let theirs = metadata.get("Socket-Type").ok_or(malformed("no Socket-Type"))?;
        let known = str::from_utf8(theirs).ok().and_then(|it| it.parse().ok());
        let Some(socket_type) = known.filter(|it| ours.is_compatible_with(*it)) else {
            return Err(Error::IncompatibleSocketTypes { ours, theirs: printable(theirs) });
        };
        let identity = read_identity(&metadata)?;
        Ok(Self { minor, socket_type, identity, metadata })
    }
}

fn read_identity(metadata: &Metadata) -> Result<Bytes, Violation> {
    let identity = metadata.get("Identity").filter(|it| it.first() != Some(&0));
    match identity {
        Some(it) if 255 < it.len() => Err(malformed("identity longer than 255 bytes")),
        Some(it) => Ok(it.clone()),
        None => Ok(Bytes::new()),
    }
}

fn malformed(fault: &'static str) -> Violation {
    Violation::MalformedCommand { command: "READY", fault }
}
