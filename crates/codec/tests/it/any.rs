//! Choosing a codec.

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits, Message};

#[track_caller]
fn check_default<T: Message>(expect: &str) {
    assert_eq!(AnyCodec::default_for::<T>().name(), expect);
}

#[test]
fn the_default_is_raw_for_bytes_and_bincode_else() {
    check_default::<Bytes>("raw");
    check_default::<Vec<u8>>("bincode");
    check_default::<String>("bincode");
}

#[test]
fn a_codec_is_found_by_its_name() {
    for codec in AnyCodec::BUILT_IN {
        assert_eq!(AnyCodec::by_name(codec.name()).unwrap().name(), codec.name());
    }
    let names: Vec<_> = AnyCodec::BUILT_IN.iter().map(AnyCodec::name).collect();
    assert_eq!(names, ["bincode", "json", "msgpack", "postcard", "raw"]);
    assert!(AnyCodec::by_name("cbor").is_none());
}

#[test]
fn a_value_decodes_only_in_its_own_codec() {
    let bytes = AnyCodec::Json.encode(&vec!["a"], &Limits::default()).unwrap();
    AnyCodec::Msgpack.decode::<Vec<String>>(&bytes, &Limits::default()).unwrap_err();
}

#[test]
fn limits_have_their_defaults() {
    assert_eq!(Limits::default(), Limits { bytes: 64 * 1024 * 1024, depth: 128 });
}
