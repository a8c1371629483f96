//! Which codec is spoken on a link: the binding side's, told once in the handshake.

use std::any::{TypeId, type_name};

use bytes::Bytes;
use gleis_codec::AnyCodec;
use gleis_transport::{Metadata, Origin, Peer};

use crate::local::is_frames;
use crate::options::Side;

/// The property that names the codec.
const CODEC: &str = "X-Gleis-Codec";
/// The property by which gleis sockets know each other; its value is the version.
const GLEIS: &str = "X-Gleis";

/// Our side of the choice.
#[derive(Debug)]
pub(crate) struct Negotiation {
    carries_bytes: bool,
    named: bool,
    ours: AnyCodec,
    /// The socket carries frames as they are, whatever is in them: it names no codec, and each side
    /// speaks its own through it.
    transparent: bool,
    type_name: &'static str,
}

impl Negotiation {
    /// For a socket that carries `T` and may have been told its codec.
    pub(crate) fn new<T: 'static>(named: Option<AnyCodec>) -> Self {
        let transparent = named.is_none() && is_frames::<T>();
        let default = if transparent { || AnyCodec::Raw } else { AnyCodec::default_for::<T> };
        Self {
            carries_bytes: TypeId::of::<T>() == TypeId::of::<Bytes>(),
            named: named.is_some(),
            ours: named.unwrap_or_else(default),
            transparent,
            type_name: type_name::<T>(),
        }
    }

    pub(crate) fn ours(&self) -> &AnyCodec {
        &self.ours
    }

    /// What we tell the peer: a binding socket its codec, a connecting one only what it was told.
    pub(crate) fn metadata(&self, side: Side) -> Metadata {
        let mut metadata = Metadata::new();
        let mut tell = |name: &str, value: &'static str| {
            metadata.insert(name, value.as_bytes()).expect("the name is one");
        };
        tell(GLEIS, "1");
        if self.named || matches!(side, Side::Bind) && !self.transparent {
            tell(CODEC, self.ours.name());
        }
        metadata
    }

    /// The codec to speak with this peer.
    pub(crate) fn agree(&self, peer: &Peer, origin: Origin) -> Result<AnyCodec, String> {
        let theirs = match announced(peer) {
            Some(theirs) if !self.transparent => theirs,
            _ => return Ok(self.ours.clone()),
        };
        let ours = self.ours.name();
        if theirs == ours {
            return Ok(self.ours.clone());
        }
        if self.named || origin == Origin::Accepted {
            return Err(format!("the peer speaks {theirs}, this socket {ours}"));
        }
        let Some(codec) = AnyCodec::by_name(&theirs) else {
            return Err(format!("the peer speaks {theirs}, which is not known here"));
        };
        if matches!(codec, AnyCodec::Raw) && !self.carries_bytes {
            return Err(format!(
                "the peer speaks raw, which carries bytes only, this socket {} in {ours}",
                self.type_name
            ));
        }
        Ok(codec)
    }
}

/// Whether the peer is one of us.
pub(crate) fn speaks_gleis(peer: &Peer) -> bool {
    peer.metadata.get(GLEIS).is_some()
}

/// The codec the peer named, shortened to what a log line bears.
fn announced(peer: &Peer) -> Option<String> {
    let name = peer.metadata.get(CODEC)?;
    let name = String::from_utf8_lossy(&name[..name.len().min(64)]);
    Some(name.chars().filter(|it| !it.is_control()).collect())
}
