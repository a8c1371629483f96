//! How values of any type travel through sockets of bytes.
//!
//! A socket of an agent is known by its alias only, so its type cannot know what is sent. The
//! agent encodes and decodes by itself; towards the peers the socket claims the codec that was
//! used, so typed sockets and foreign peers see nothing but the bare value.

use std::sync::Arc;

use bytes::BytesMut;
use gleis_codec::{AnyCodec, Codec, Fault, Limits};

/// Bytes that are already of the codec `name`.
#[derive(Debug)]
struct Encoded {
    name: &'static str,
}

impl Codec for Encoded {
    fn name(&self) -> &'static str {
        self.name
    }

    fn encode_dyn(
        &self,
        value: &dyn erased_serde::Serialize,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        AnyCodec::Raw.as_dyn().encode_dyn(value, limits, out)
    }

    fn decode_dyn(
        &self,
        bytes: &[u8],
        limits: &Limits,
        visit: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), Fault> {
        AnyCodec::Raw.as_dyn().decode_dyn(bytes, limits, visit)
    }
}

/// The codec of a socket of bytes whose content is of `codec`. Raw stays raw, without a copy.
pub(super) fn encoded(codec: &AnyCodec) -> AnyCodec {
    match codec {
        AnyCodec::Raw => AnyCodec::Raw,
        codec => AnyCodec::Custom(Arc::new(Encoded { name: codec.name() })),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn bytes_pass_unchanged_under_the_name_of_their_codec() {
        let codec = encoded(&AnyCodec::Json);
        assert_eq!(codec.name(), "json");
        let bytes = Bytes::from_static(b"{\"n\":1}");
        let limits = Limits::default();
        let wire = codec.encode(&bytes, &limits).unwrap();
        assert_eq!(wire, bytes);
        assert_eq!(codec.decode::<Bytes>(&wire, &limits).unwrap(), bytes);
    }
}
