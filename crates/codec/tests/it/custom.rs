//! A codec of the user's own.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gleis_codec::{AnyCodec, Codec, Fault, Limits};
use gleis_test::codec_suite::codec_suite;

/// postcard with every bit turned, and no guard of its own.
#[derive(Debug)]
struct Inverted;

impl Codec for Inverted {
    fn name(&self) -> &'static str {
        "inverted"
    }

    fn encode_dyn(
        &self,
        value: &dyn erased_serde::Serialize,
        _: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        let bytes = postcard::to_stdvec(value).map_err(Fault::format)?;
        out.extend(bytes.into_iter().map(|it| !it));
        Ok(())
    }

    fn decode_dyn(
        &self,
        bytes: &[u8],
        _: &Limits,
        visit: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), Fault> {
        let bytes: Vec<u8> = bytes.iter().map(|it| !it).collect();
        let mut it = postcard::Deserializer::from_bytes(&bytes);
        visit(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut it)).map_err(Fault::format)?;
        let left = it.finalize().map_err(Fault::format)?;
        if left.is_empty() { Ok(()) } else { Err(Fault::LeftOver) }
    }
}

/// Says that it decoded, and did not.
#[derive(Debug)]
struct Idle;

impl Codec for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn encode_dyn(
        &self,
        _: &dyn erased_serde::Serialize,
        _: &Limits,
        _: &mut BytesMut,
    ) -> Result<(), Fault> {
        Ok(())
    }

    fn decode_dyn(
        &self,
        _: &[u8],
        _: &Limits,
        _: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), Fault> {
        Ok(())
    }
}

#[test]
fn a_codec_of_the_users_own_keeps_the_laws() {
    codec_suite(&AnyCodec::Custom(Arc::new(Inverted)));
}

#[test]
fn a_codec_that_reads_nothing_gives_an_error() {
    let codec = AnyCodec::Custom(Arc::new(Idle));
    let err = codec.decode::<u8>(&Bytes::new(), &Limits::default()).unwrap_err();
    assert_eq!(err.to_string(), "cannot decode 0 bytes of idle as u8");
    assert_eq!(err.source.to_string(), "the codec read no value");
}
