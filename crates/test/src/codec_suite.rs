//! What every codec of typed values keeps: a value comes back unchanged or is refused, and
//! hostile bytes cost no more than honest ones.

mod check;
mod hostile;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::{Bytes, BytesMut};
use gleis_codec::{AnyCodec, Fault, Limits};
use gleis_core::Value;
use proptest::{
    collection::{btree_map, vec},
    prelude::{Just, Strategy, any, prop_oneof},
};
use serde::{Deserialize, Deserializer, Serialize};

use self::check::{encode, for_all, refused, refuses_truncations, unchanged, unchanged_or_refused};
pub use self::hostile::{claimed_lengths_cost_nothing, depth_is_limited, random_bytes_do_no_harm};

/// A message with most of what messages have.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Job {
    id: u64,
    name: String,
    body: Bytes,
    limit: Option<i32>,
    state: State,
    tags: BTreeMap<String, Vec<f64>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum State {
    Idle,
    Moved { x: i32, y: i32 },
    Named(String),
    Pair(u8, char),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Unit;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Meters(f64);

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    second: u8,
}

/// Runs every law. The codec must carry every serde type, so this is not for raw.
pub fn codec_suite(codec: &AnyCodec) {
    primitives_come_back_unchanged(codec);
    compounds_come_back_unchanged(codec);
    odd_values_come_back_unchanged_or_are_refused(codec);
    dynamic_values_come_back_unchanged_or_are_refused(codec);
    trailing_bytes_are_refused(codec);
    every_truncation_is_refused(codec);
    claimed_lengths_cost_nothing(codec);
    depth_is_limited(codec);
    random_bytes_do_no_harm(codec);
    the_byte_limit_holds_both_ways(codec);
    a_failed_encoding_leaves_the_buffer_as_it_was(codec);
    errors_name_codec_type_and_length(codec);
    the_object_gives_the_same_bytes(codec);
}

/// Numbers, text and the like, at their bounds.
pub fn primitives_come_back_unchanged(codec: &AnyCodec) {
    unchanged(codec, &true);
    unchanged(codec, &vec![u8::MIN, u8::MAX]);
    unchanged(codec, &vec![u16::MIN, u16::MAX]);
    unchanged(codec, &vec![u32::MIN, u32::MAX]);
    unchanged(codec, &vec![u64::MIN, 250, 251, u64::MAX]);
    unchanged(codec, &vec![i8::MIN, -1, i8::MAX]);
    unchanged(codec, &vec![i16::MIN, -1, i16::MAX]);
    unchanged(codec, &vec![i32::MIN, -1, i32::MAX]);
    unchanged(codec, &vec![i64::MIN, -1, i64::MAX]);
    unchanged(codec, &vec![f32::MIN, -0.0, f32::MIN_POSITIVE, 0.1]);
    unchanged(codec, &vec![f64::MIN, -0.0, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2]);
    unchanged(codec, &vec!['a', '\0', '\u{1f980}']);
    unchanged(codec, &vec![String::new(), "quote \" back \\ nul \0 crab \u{1f980}".to_owned()]);
    unchanged(codec, &Bytes::from_static(b"\0\xff\x80"));
    unchanged(codec, &());
}

/// Structs, enums, options, tuples, lists, sets and maps.
pub fn compounds_come_back_unchanged(codec: &AnyCodec) {
    unchanged(codec, &job());
    unchanged(
        codec,
        &vec![
            State::Idle,
            State::Moved { x: -1, y: 1 },
            State::Named("n".to_owned()),
            State::Pair(1, 'p'),
        ],
    );
    unchanged(codec, &vec![Some(1), None]);
    unchanged(codec, &(1_u8, "two".to_owned(), [3_i64; 4]));
    unchanged(codec, &Unit);
    unchanged(codec, &Meters(1.5));
    unchanged(codec, &BTreeSet::from([1, 2, 3]));
    unchanged(codec, &BTreeMap::from([("a".to_owned(), 1), (String::new(), 2)]));
    unchanged(codec, &BTreeMap::from([(-1_i64, "minus".to_owned())]));
    unchanged(codec, &HashMap::from([("a".to_owned(), vec![Some(State::Idle)])]));
    unchanged(codec, &vec![(); 1_000]);
    unchanged(codec, &Ok::<u8, String>(1));
}

/// What some formats cannot carry.
pub fn odd_values_come_back_unchanged_or_are_refused(codec: &AnyCodec) {
    for it in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        unchanged_or_refused(codec, &it);
        unchanged_or_refused(codec, &Some(it));
        unchanged_or_refused(codec, &Value::F64(it));
        unchanged_or_refused(codec, &Value::List(vec![Value::F64(it)]));
    }
    unchanged_or_refused(codec, &Some(f32::NAN));
    unchanged_or_refused(codec, &Some(None::<u8>));
    unchanged_or_refused(codec, &Some(()));
    unchanged_or_refused(codec, &Some(Unit));
    unchanged_or_refused(codec, &Some(Value::Null));
    unchanged_or_refused(codec, &vec![u128::MAX]);
    unchanged_or_refused(codec, &vec![i128::MIN]);
    unchanged_or_refused(codec, &BTreeMap::from([((1, 2), 3)]));
    unchanged_or_refused(codec, &BTreeMap::from([(Some(1), 3), (None, 4)]));
    unchanged_or_refused(codec, &BTreeMap::from([(true, 1)]));
    unchanged_or_refused(codec, &BTreeMap::from([('c', 1)]));
    unchanged_or_refused(codec, &Sparse { first: None, second: 2 });
    unchanged_or_refused(codec, &vec![(); 1 << 20]);
}

/// [`Value`] of every shape, with bytes and odd floats.
pub fn dynamic_values_come_back_unchanged_or_are_refused(codec: &AnyCodec) {
    unchanged(codec, &Value::Bytes(vec![0, 255]));
    unchanged(codec, &Value::List(vec![Value::Null, Value::I64(-1), Value::U64(u64::MAX)]));
    for_all(dynamic_value(), |it| unchanged_or_refused(codec, &it));
}

/// Bytes after the value are an error, not ignored.
pub fn trailing_bytes_are_refused(codec: &AnyCodec) {
    let bytes = encode(codec, &job());
    for rest in [&b"\0"[..], b"x", b"\xc0", b"\xff\xff", b"{}"] {
        let longer = Bytes::from([&bytes, rest].concat());
        refused::<Job>(codec, &longer);
    }
    let twice = Bytes::from(bytes.repeat(2));
    refused::<Job>(codec, &twice);
}

/// No beginning of an encoding passes for a whole one.
pub fn every_truncation_is_refused(codec: &AnyCodec) {
    refuses_truncations(codec, &job());
    refuses_truncations(codec, &vec![1_u64, 300, 70_000]);
    refuses_truncations(codec, &"text".to_owned());
    refuses_truncations(codec, &BTreeMap::from([("a".to_owned(), Some(1_u8))]));
    refuses_truncations(codec, &Value::List(vec![Value::Bytes(vec![1]), Value::F64(1.0)]));
}

/// The limit is what may be sent and what may be received, to the byte.
pub fn the_byte_limit_holds_both_ways(codec: &AnyCodec) {
    let bytes = encode(codec, &job());
    let enough = Limits { bytes: bytes.len(), ..Limits::default() };
    assert_eq!(codec.encode(&job(), &enough).expect("fits"), bytes);
    assert_eq!(codec.decode::<Job>(&bytes, &enough).expect("fits"), job());

    for limit in 0..bytes.len() {
        let less = Limits { bytes: limit, ..Limits::default() };
        let err = codec.encode(&job(), &less).expect_err("too long");
        assert!(matches!(err.source, Fault::TooLong { limit: it } if it == limit), "{err:?}");
        let err = codec.decode::<Job>(&bytes, &less).expect_err("too long");
        assert!(matches!(err.source, Fault::TooLong { limit: it } if it == limit), "{err:?}");
    }
}

/// Encoding appends all or nothing.
pub fn a_failed_encoding_leaves_the_buffer_as_it_was(codec: &AnyCodec) {
    let mut out = BytesMut::from("head");
    let less = Limits { bytes: 5, ..Limits::default() };
    codec.encode_into(&job(), &less, &mut out).expect_err("too long");
    assert_eq!(out, "head");
    codec.encode_into(&job(), &Limits::default(), &mut out).expect("fits");
    assert_eq!(out[..4], b"head"[..]);
    assert_eq!(out[4..], encode(codec, &job())[..]);
}

/// A reader of the log knows what failed.
pub fn errors_name_codec_type_and_length(codec: &AnyCodec) {
    let name = codec.name();
    let job_type = std::any::type_name::<Job>();
    let err = codec.decode::<Job>(&Bytes::from_static(b"\xff\xff\xff"), &Limits::default());
    let text = err.expect_err("no job").to_string();
    assert_eq!(text, format!("cannot decode 3 bytes of {name} as {job_type}"));

    let err = codec.encode(&job(), &Limits { bytes: 1, ..Limits::default() });
    let text = err.expect_err("too long").to_string();
    assert_eq!(text, format!("cannot encode {job_type} as {name}"));
}

/// The codec as an object writes and reads what the codec does.
pub fn the_object_gives_the_same_bytes(codec: &AnyCodec) {
    let limits = Limits::default();
    let mut out = BytesMut::new();
    codec.as_dyn().encode_dyn(&job(), &limits, &mut out).expect("encodes");
    assert_eq!(out, encode(codec, &job()));

    let mut res = None;
    codec
        .as_dyn()
        .decode_dyn(&out, &limits, &mut |it| {
            res = Some(erased_job(it)?);
            Ok(())
        })
        .expect("decodes");
    assert_eq!(res, Some(job()));
}

fn erased_job<'de, D: Deserializer<'de>>(it: D) -> Result<Job, D::Error> {
    Job::deserialize(it)
}

fn job() -> Job {
    Job {
        id: 1 << 40,
        name: "paint".to_owned(),
        body: Bytes::from_static(b"\x00\x01\xfe"),
        limit: Some(-7),
        state: State::Moved { x: 3, y: -4 },
        tags: BTreeMap::from([("a".to_owned(), vec![0.5, -0.0]), ("b".to_owned(), vec![])]),
    }
}

fn nested_list(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |it, _| Value::List(vec![it]))
}

fn nested_map(depth: usize) -> Value {
    (0..depth).fold(Value::Bool(true), |it, _| Value::Map(BTreeMap::from([("k".to_owned(), it)])))
}

fn dynamic_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        ((1_u64 << 63)..=u64::MAX).prop_map(Value::U64),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        (-9_i32..9).prop_map(|it| Value::F64(f64::from(it))),
        any::<String>().prop_map(Value::String),
        vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ];
    let key = prop_oneof![any::<String>(), Just("$bytes".to_owned()), Just("$f64".to_owned())];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::List),
            btree_map(key.clone(), inner, 0..4).prop_map(Value::Map),
        ]
    })
}
