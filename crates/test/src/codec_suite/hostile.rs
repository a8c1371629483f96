//! What hostile bytes must not do.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    fmt,
};

use bytes::Bytes;
use gleis_codec::{AnyCodec, Fault, Limits};
use gleis_core::Value;
use proptest::{collection::vec, prelude::any};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{
    Job, State,
    check::{encode, for_all, harmless, refused, refuses_to_encode, unchanged},
    job, nested_list, nested_map,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Nest(Vec<Self>);

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Chain(Option<Box<Self>>);

#[derive(Clone, Debug, Deserialize, Serialize)]
enum Tree {
    Leaf,
    Node(Box<Self>),
}

/// A length is believed only as far as there are bytes.
pub fn claimed_lengths_cost_nothing(codec: &AnyCodec) {
    for shift in [16, 28, 32, 45, 60, 63] {
        for bytes in claims(1 << shift) {
            harmless::<String>(codec, &bytes);
            harmless::<Bytes>(codec, &bytes);
            harmless::<Vec<u64>>(codec, &bytes);
            harmless::<Vec<Vec<()>>>(codec, &bytes);
            harmless::<BTreeMap<(), ()>>(codec, &bytes);
            n_elements_are_bounded(codec, &bytes);
            // A tagged value stands before the length of its content.
            for tag in 0..10 {
                harmless::<Value>(codec, &Bytes::from([&[tag], &bytes[..]].concat()));
            }
        }
    }
}

/// Nesting within the limit passes; beyond it is an error, in either direction.
pub fn depth_is_limited(codec: &AnyCodec) {
    unchanged(codec, &nested_list(100));
    unchanged(codec, &nested_map(100));
    refuses_to_encode(codec, &nested_list(1_000));
    refuses_to_encode(codec, &nested_map(1_000));
    refuses_to_encode(codec, &(0..1_000).fold(Chain(None), |it, _| Chain(Some(Box::new(it)))));
    refuses_to_encode(codec, &(0..1_000).fold(Tree::Leaf, |it, _| Tree::Node(Box::new(it))));

    unchanged(codec, &nest(100));
    let err = codec.encode(&nest(1_000), &Limits::default()).expect_err("too deep");
    assert!(matches!(err.source, Fault::TooDeep { limit: 128 }), "{err}: {}", err.source);
    let shallow = Limits { depth: 10, ..Limits::default() };
    let bytes = encode(codec, &nest(10));
    codec.decode::<Nest>(&bytes, &shallow).expect("within the limit");
    let err = codec.decode::<Nest>(&encode(codec, &nest(11)), &shallow).expect_err("too deep");
    assert!(matches!(err.source, Fault::TooDeep { limit: 10 }), "{err}: {}", err.source);

    for bomb in bombs() {
        refused::<Value>(codec, &bomb);
        refused::<Nest>(codec, &bomb);
        harmless::<Chain>(codec, &bomb);
        harmless::<Tree>(codec, &bomb);
    }
}

/// Noise is an error or a value, never a crash.
pub fn random_bytes_do_no_harm(codec: &AnyCodec) {
    for_all(vec(any::<u8>(), 0..200), |bytes| {
        let bytes = Bytes::from(bytes);
        harmless::<Job>(codec, &bytes);
        harmless::<Value>(codec, &bytes);
        harmless::<Vec<Option<State>>>(codec, &bytes);
        harmless::<HashMap<String, Tree>>(codec, &bytes);
        n_elements_are_bounded(codec, &bytes);
    });
    let honest = encode(codec, &job());
    for_all((0..honest.len(), any::<u8>()), |(at, byte)| {
        let mut bytes = honest.to_vec();
        bytes[at] = byte;
        harmless::<Job>(codec, &Bytes::from(bytes));
    });
}

/// `depth` lists, one in the other.
fn nest(depth: usize) -> Nest {
    (1..depth).fold(Nest(Vec::new()), |it, _| Nest(vec![it]))
}

/// `n` as each format writes the length of a text, bytes, a list or a map.
fn claims(n: u64) -> Vec<Bytes> {
    let short = u32::try_from(n).unwrap_or(u32::MAX);
    let mut claims = vec![varint(n)];
    claims.push([&[252], &short.to_le_bytes()[..]].concat());
    claims.push([&[253], &n.to_le_bytes()[..]].concat());
    // MessagePack: bin, str, array and map with lengths of 32 bits.
    claims.extend(
        [0xc6, 0xdb, 0xdd, 0xdf].map(|marker| [&[marker], &short.to_be_bytes()[..]].concat()),
    );
    claims.into_iter().map(Bytes::from).collect()
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while 0x80 <= n {
        out.push(n.to_le_bytes()[0] | 0x80);
        n >>= 7;
    }
    out.push(n.to_le_bytes()[0]);
    out
}

/// Bytes that nest without end in one format or another.
fn bombs() -> impl Iterator<Item = Bytes> {
    let texts = ["[", "{\"a\":", "{\"Node\":", "{\"List\":[", "{\"$list\":["];
    let texts = texts.map(|it| it.repeat(10_000).into_bytes());
    let pairs = [[7, 1], [8, 1], [6, 1], [0x81, 0xa0], [0x81, 0x07], [0x91, 0x81]];
    let pairs = pairs.map(|it| it.repeat(5_000));
    let bytes = (1..=u8::MAX).map(|it| vec![it; 2_000]);
    bytes.chain(pairs).chain(texts).map(Bytes::from)
}

/// A unit that counts how often it is read.
#[derive(Clone)]
struct Counted;

thread_local! {
    static N_READ: Cell<usize> = const { Cell::new(0) };
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(it: D) -> Result<Self, D::Error> {
        N_READ.set(N_READ.get() + 1);
        it.deserialize_unit(CountedVisitor)
    }
}

struct CountedVisitor;

impl de::Visitor<'_> for CountedVisitor {
    type Value = Counted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Counted, E> {
        Ok(Counted)
    }
}

#[track_caller]
fn n_elements_are_bounded(codec: &AnyCodec, bytes: &Bytes) {
    N_READ.set(0);
    let _ = codec.decode::<Vec<Counted>>(bytes, &Limits::default());
    let n_read = N_READ.get();
    assert!(n_read <= bytes.len() + (1 << 16), "{n_read} elements from {} bytes", bytes.len());
}
