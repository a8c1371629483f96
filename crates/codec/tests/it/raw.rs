//! Raw bytes: shared, not copied, and nothing else.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use gleis_codec::{AnyCodec, Fault, Limits};

const SMALL: Limits = Limits { bytes: 3, depth: 128 };

#[test]
fn bytes_are_shared_both_ways() {
    let bytes = Bytes::from(vec![1, 2, 3]);
    let sent = AnyCodec::Raw.encode(&bytes, &Limits::default()).unwrap();
    assert_eq!(sent.as_ptr(), bytes.as_ptr());
    let back: Bytes = AnyCodec::Raw.decode(&sent, &Limits::default()).unwrap();
    assert_eq!(back.as_ptr(), bytes.as_ptr());
    assert_eq!(back, bytes);
}

#[test]
fn bytes_are_appended_as_they_are() {
    let mut out = BytesMut::from("head ");
    let body = Bytes::from_static(b"body");
    AnyCodec::Raw.encode_into(&body, &Limits::default(), &mut out).unwrap();
    assert_eq!(out, "head body");
}

#[test]
fn other_types_get_an_error_that_helps() {
    let err = AnyCodec::Raw.encode(&"text".to_owned(), &Limits::default()).unwrap_err();
    assert_eq!(err.to_string(), "cannot encode alloc::string::String as raw");
    assert!(err.source().unwrap().to_string().contains("name another codec"));

    let err = AnyCodec::Raw.decode::<u32>(&Bytes::from_static(b"1234"), &Limits::default());
    let err = err.unwrap_err();
    assert_eq!(err.to_string(), "cannot decode 4 bytes of raw as u32");
    assert!(err.source().unwrap().to_string().contains("name another codec"));
}

#[test]
fn the_byte_limit_holds() {
    let (fits, long) = (Bytes::from_static(b"123"), Bytes::from_static(b"1234"));
    let mut out = BytesMut::new();
    AnyCodec::Raw.encode(&fits, &SMALL).unwrap();
    AnyCodec::Raw.decode::<Bytes>(&fits, &SMALL).unwrap();
    let faults = [
        AnyCodec::Raw.encode(&long, &SMALL).unwrap_err().source,
        AnyCodec::Raw.encode_into(&long, &SMALL, &mut out).unwrap_err().source,
        AnyCodec::Raw.decode::<Bytes>(&long, &SMALL).unwrap_err().source,
    ];
    assert!(faults.iter().all(|it| matches!(it, Fault::TooLong { limit: 3 })), "{faults:?}");
    assert!(out.is_empty());
}

#[test]
fn the_object_takes_bytes_and_nothing_else() {
    let (raw, limits) = (AnyCodec::Raw, Limits::default());
    let mut out = BytesMut::new();
    raw.as_dyn().encode_dyn(&Bytes::from_static(b"body"), &limits, &mut out).unwrap();
    assert_eq!(out, "body");
    raw.as_dyn().encode_dyn(&"text", &limits, &mut out).unwrap_err();
    raw.as_dyn().encode_dyn(&vec![1_u8], &limits, &mut out).unwrap_err();

    let mut back = None;
    let visit = &mut |it: &mut dyn erased_serde::Deserializer<'_>| {
        back = Some(erased_serde::deserialize::<Bytes>(it)?);
        Ok(())
    };
    raw.as_dyn().decode_dyn(b"body", &limits, visit).unwrap();
    assert_eq!(back.unwrap(), "body");

    let visit = &mut |it: &mut dyn erased_serde::Deserializer<'_>| {
        erased_serde::deserialize::<String>(it).map(drop)
    };
    raw.as_dyn().decode_dyn(b"body", &limits, visit).unwrap_err();
}
