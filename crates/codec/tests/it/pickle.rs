//! Pickled Python objects, which osBrain sends unless told otherwise.

use std::{collections::BTreeMap, error::Error};

use bytes::Bytes;
use gleis_codec::{AnyCodec, Fault, Limits};

/// `pickle.dumps({"a": [1, 2.5, "x", None]}, protocol)` for the protocols 2 to 5.
const PICKLED: [&[u8]; 4] = [
    b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01]q\x02(K\x01G@\x04\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00xq\x03Nes.",
    b"\x80\x03}q\x00X\x01\x00\x00\x00aq\x01]q\x02(K\x01G@\x04\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00xq\x03Nes.",
    b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00\x8c\x01x\x94Nes.",
    b"\x80\x05\x95\x1c\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94]\x94(K\x01G@\x04\x00\x00\x00\x00\x00\x00\x8c\x01x\x94Nes.",
];

fn decode(codec: &AnyCodec, bytes: &[u8]) -> Result<BTreeMap<String, String>, Fault> {
    let bytes = Bytes::copy_from_slice(bytes);
    codec.decode(&bytes, &Limits::default()).map_err(|it| it.source)
}

#[test]
fn a_pickle_of_each_protocol_is_refused_by_name() {
    for bytes in PICKLED {
        for codec in [AnyCodec::Bincode, AnyCodec::Json, AnyCodec::Msgpack, AnyCodec::Postcard] {
            let outcome = decode(&codec, bytes);
            assert!(matches!(outcome, Err(Fault::Pickle)), "{codec:?}: {outcome:?}");
        }
    }
}

#[test]
fn the_error_says_what_it_is_and_what_to_configure() {
    let bytes = Bytes::from_static(PICKLED[2]);
    let error = AnyCodec::Json.decode::<u32>(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot decode {} bytes of json as u32", bytes.len()));
    let text = error.source().unwrap().to_string();
    for word in ["pickled Python object", "never read", "serializer='json'", "codec json"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn what_only_resembles_a_pickle_keeps_its_own_error() {
    // Cut short, of protocols that do not begin so or do not exist, no pickle, nothing.
    for bytes in
        [&b"\x80\x04\x95\x1c"[..], b"\x80\x01K\x01.", b"\x80\x06K\x01.", b"K\x01.", b"\x80", b""]
    {
        let outcome = decode(&AnyCodec::Json, bytes);
        assert!(matches!(outcome, Err(Fault::Format(_))), "{bytes:?}: {outcome:?}");
    }
}

#[test]
fn what_decodes_is_a_value_however_it_begins() {
    let bytes = [0x80, 4, b'.'];
    let shared = Bytes::copy_from_slice(&bytes);
    let value: [u8; 3] = AnyCodec::Bincode.decode(&shared, &Limits::default()).unwrap();
    assert_eq!(value, bytes);
    let raw: Bytes =
        AnyCodec::Raw.decode(&Bytes::from_static(PICKLED[0]), &Limits::default()).unwrap();
    assert_eq!(raw, PICKLED[0]);
}

#[test]
fn limits_are_told_before_the_pickle() {
    let limits = Limits { bytes: 8, ..Limits::default() };
    let error = AnyCodec::Json.decode::<u32>(&Bytes::from_static(PICKLED[3]), &limits);
    assert!(matches!(error.unwrap_err().source, Fault::TooLong { limit: 8 }));
}
