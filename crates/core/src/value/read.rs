//! How serde reads a value.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess,
        Visitor,
    },
};

use super::{
    BYTES_KEY, Plain, TOKEN, VARIANTS, Value, base64, depth::Depth, error::ValueError, is_bytes_key,
};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TOKEN, Node { depth: Depth::FULL, is_plain: false })
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node { depth: Depth::FULL, is_plain: true }.deserialize(deserializer).map(Self)
    }
}

/// Reads a value that may go so deep.
#[derive(Clone, Copy)]
struct Node {
    depth: Depth,
    /// As [`Plain`] has it: no tags, and no key is special.
    is_plain: bool,
}

impl Node {
    /// What reads one level further in.
    fn inner<E: Error>(self) -> Result<Self, E> {
        self.depth.inner().map(|depth| Self { depth, ..self }).map_err(E::custom)
    }

    /// What reads the same level within a wrapper.
    fn wrapped<E: Error>(self) -> Result<Self, E> {
        self.depth.wrapped().map(|depth| Self { depth, ..self }).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.is_plain || deserializer.is_human_readable() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_enum(TOKEN, VARIANTS, self)
        }
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Value, E> {
        Ok(Value::I64(it))
    }

    fn visit_i128<E: Error>(self, it: i128) -> Result<Value, E> {
        let res = i64::try_from(it).map(Value::I64).or_else(|_| u64::try_from(it).map(Value::U64));
        res.map_err(|_| E::custom(ValueError::TooLarge))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Value, E> {
        Ok(i64::try_from(it).map_or(Value::U64(it), Value::I64))
    }

    fn visit_u128<E: Error>(self, it: u128) -> Result<Value, E> {
        match u64::try_from(it) {
            Ok(it) => self.visit_u64(it),
            Err(_) => Err(E::custom(ValueError::TooLarge)),
        }
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Value, E> {
        Ok(Value::F64(it))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }

    fn visit_string<E: Error>(self, it: String) -> Result<Value, E> {
        Ok(Value::String(it))
    }

    fn visit_bytes<E: Error>(self, it: &[u8]) -> Result<Value, E> {
        self.inner::<E>()?;
        Ok(Value::Bytes(it.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, it: Vec<u8>) -> Result<Value, E> {
        self.inner::<E>()?;
        Ok(Value::Bytes(it))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.wrapped()?.deserialize(deserializer)
    }

    /// The wrapper that `Value::deserialize` asks for, or one of a format that keeps such things.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, it: D) -> Result<Value, D::Error> {
        self.wrapped()?.deserialize(it)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value, A::Error> {
        List(self.inner()?).visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        let mut map = Map(self.inner()?).collect(entries)?;
        if self.is_plain || map.len() != 1 {
            return Ok(Value::Map(map));
        }
        match map.pop_first() {
            Some((key, value)) => unescape(key, value),
            None => Ok(Value::Map(map)),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        let (tag, content) = access.variant_seed(Tag)?;
        match tag {
            0 => content.unit_variant().map(|()| Value::Null),
            1 => content.newtype_variant().map(Value::Bool),
            2 => content.newtype_variant().map(Value::I64),
            3 => content.newtype_variant().map(Value::U64),
            4 => content.newtype_variant().map(Value::F64),
            5 => content.newtype_variant().map(Value::String),
            6 => self.inner().and_then(|_| content.newtype_variant_seed(Bytes)),
            7 => content.newtype_variant_seed(List(self.inner()?)),
            _ => content.newtype_variant_seed(Map(self.inner()?)),
        }
    }
}

/// Undoes what a text format needs to tell bytes from maps, for the only entry of a map.
fn unescape<E: Error>(mut key: String, value: Value) -> Result<Value, E> {
    if key == BYTES_KEY {
        let bytes = value.as_str().and_then(base64::decode);
        return bytes.map(Value::Bytes).ok_or_else(|| E::custom("$bytes without base64"));
    }
    if is_bytes_key(&key) {
        key.remove(0);
    }
    Ok(Value::Map(BTreeMap::from([(key, value)])))
}

/// Reads the name or the index of a variant, as the format has it.
struct Tag;

impl<'de> DeserializeSeed<'de> for Tag {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Tag {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kind of a value")
    }

    fn visit_u64<E: Error>(self, index: u64) -> Result<usize, E> {
        let known = usize::try_from(index).ok().filter(|it| *it < VARIANTS.len());
        known.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(index), &self))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let index = VARIANTS.iter().position(|it| *it == name);
        index.ok_or_else(|| E::unknown_variant(name, VARIANTS))
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<usize, E> {
        let index = VARIANTS.iter().position(|it| it.as_bytes() == name);
        index.ok_or_else(|| E::invalid_value(Unexpected::Bytes(name), &self))
    }
}

struct Bytes;

impl<'de> DeserializeSeed<'de> for Bytes {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}

impl Visitor<'_> for Bytes {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, it: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(it.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, it: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(it))
    }
}

/// Reads a list whose elements this node reads.
struct List(Node);

impl<'de> DeserializeSeed<'de> for List {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        // The announced length is the peer's word, so nothing is reserved for it.
        let mut res = Vec::new();
        while let Some(item) = items.next_element_seed(self.0)? {
            res.push(item);
        }
        Ok(Value::List(res))
    }
}

/// Reads a map whose values this node reads.
struct Map(Node);

impl Map {
    fn collect<'de, A: MapAccess<'de>>(
        self,
        mut entries: A,
    ) -> Result<BTreeMap<String, Value>, A::Error> {
        let mut res = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if res.contains_key(&key) {
                return Err(A::Error::custom(ValueError::DuplicateKey { key }));
            }
            res.insert(key, entries.next_value_seed(self.0)?);
        }
        Ok(res)
    }
}

impl<'de> DeserializeSeed<'de> for Map {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Map {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of values")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        self.collect(entries).map(Value::Map)
    }
}
