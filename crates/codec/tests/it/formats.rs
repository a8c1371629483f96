//! The built-in codecs, each through the suite and in what is its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Fault, Limits};
use gleis_test::codec_suite::codec_suite;
use serde::{Deserialize, Serialize};

#[test]
fn bincode_keeps_the_laws() {
    codec_suite(&AnyCodec::Bincode);
}

#[test]
fn json_keeps_the_laws() {
    codec_suite(&AnyCodec::Json);
}

#[test]
fn msgpack_keeps_the_laws() {
    codec_suite(&AnyCodec::Msgpack);
}

#[test]
fn postcard_keeps_the_laws() {
    codec_suite(&AnyCodec::Postcard);
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

#[track_caller]
fn check<T: Serialize + 'static>(codec: &AnyCodec, value: &T, expect: &[u8]) {
    let bytes = codec.encode(value, &Limits::default()).expect("encodes");
    assert_eq!(bytes, expect);
}

#[track_caller]
fn unfit<T: Serialize + 'static>(codec: &AnyCodec, value: &T, expect: &str) {
    let err = codec.encode(value, &Limits::default()).expect_err("does not fit");
    assert!(matches!(err.source, Fault::Unfit { what } if what.contains(expect)), "{err:?}");
}

#[track_caller]
fn too_many(codec: &AnyCodec, bytes: &[u8]) {
    let err = codec.decode::<Vec<()>>(&Bytes::copy_from_slice(bytes), &Limits::default());
    assert!(matches!(err.expect_err("too many").source, Fault::TooMany));
}

#[test]
fn bytes_on_the_wire_are_those_of_the_formats() {
    let pair = (300_u16, "ab".to_owned());
    check(&AnyCodec::Bincode, &pair, b"\xfb\x2c\x01\x02ab");
    check(&AnyCodec::Postcard, &pair, b"\xac\x02\x02ab");
    check(&AnyCodec::Json, &pair, br#"[300,"ab"]"#);
    check(&AnyCodec::Msgpack, &pair, b"\x92\xcd\x01\x2c\xa2ab");
}

#[test]
fn fields_are_named_where_the_format_has_names() {
    let point = Point { x: 1, label: None };
    check(&AnyCodec::Json, &point, br#"{"x":1}"#);
    check(&AnyCodec::Msgpack, &point, b"\x81\xa1x\x01");
}

#[test]
fn a_skipped_field_is_refused_where_fields_have_no_names() {
    let point = Point { x: 1, label: None };
    unfit(&AnyCodec::Bincode, &point, "skipped");
    unfit(&AnyCodec::Postcard, &point, "skipped");
}

#[test]
fn json_refuses_what_it_would_turn_into_null() {
    unfit(&AnyCodec::Json, &Some(f64::NAN), "NaN");
    unfit(&AnyCodec::Json, &vec![f32::INFINITY], "infinity");
}

#[test]
fn options_of_options_are_refused_where_both_are_null() {
    unfit(&AnyCodec::Json, &Some(None::<u8>), "absent");
    unfit(&AnyCodec::Msgpack, &Some(None::<u8>), "absent");
}

#[test]
fn binary_formats_carry_odd_floats() {
    for codec in [AnyCodec::Bincode, AnyCodec::Msgpack, AnyCodec::Postcard] {
        let bytes = codec.encode(&f64::NEG_INFINITY, &Limits::default()).unwrap();
        let back: f64 = codec.decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(back, f64::NEG_INFINITY);
    }
}

#[test]
fn a_list_of_nothing_claims_only_so_many_elements() {
    too_many(&AnyCodec::Bincode, b"\xfc\x00\x00\x00\x10");
    too_many(&AnyCodec::Bincode, b"\xfd\x00\x00\x00\x00\x00\x00\x00\x10");
    too_many(&AnyCodec::Postcard, b"\x80\x80\x80\x80\x01");
    too_many(&AnyCodec::Postcard, b"\x80\x80\x80\x80\x80\x80\x80\x80\x10");
}

#[test]
fn a_text_of_2_to_the_45_is_an_error() {
    let claim = Bytes::from_static(b"\xfd\x00\x00\x00\x00\x00\x20\x00\x00");
    AnyCodec::Bincode.decode::<String>(&claim, &Limits::default()).unwrap_err();
    let claim = Bytes::from_static(b"\x80\x80\x80\x80\x80\x80\x08");
    AnyCodec::Postcard.decode::<String>(&claim, &Limits::default()).unwrap_err();
}

#[test]
fn json_may_end_with_a_new_line() {
    let bytes = Bytes::from_static(b"[1, 2]\r\n");
    let back: Vec<u8> = AnyCodec::Json.decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(back, [1, 2]);
}

#[test]
fn json_knows_maps_by_number() {
    check(&AnyCodec::Json, &BTreeMap::from([(7, "x")]), br#"{"7":"x"}"#);
}
