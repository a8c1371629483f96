//! How serde writes a value.

use std::collections::BTreeMap;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};

use super::{BYTES_KEY, Plain, TOKEN, VARIANTS, Value, base64, depth::Depth, is_bytes_key};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = Node { value: self, depth: Depth::FULL, is_plain: false };
        serializer.serialize_newtype_struct(TOKEN, &node)
    }
}

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Node { value: &self.0, depth: Depth::FULL, is_plain: true }.serialize(serializer)
    }
}

/// A value that may go so deep.
#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Value,
    depth: Depth,
    /// As [`Plain`] has it: no tags, and no key is special.
    is_plain: bool,
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let each = match self.value {
            Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
                self.depth.inner().map_err(S::Error::custom)?
            }
            _ => self.depth,
        };
        let each = Self { depth: each, ..*self };
        if self.is_plain {
            self.write_plain(serializer, each)
        } else if serializer.is_human_readable() {
            self.write_text(serializer, each)
        } else {
            self.write_tagged(serializer, each)
        }
    }
}

impl Node<'_> {
    fn write_tagged<S: Serializer>(&self, serializer: S, each: Self) -> Result<S::Ok, S::Error> {
        let index = self.value.index();
        match self.value {
            Value::Null => serializer.serialize_unit_variant(TOKEN, index, VARIANTS[0]),
            Value::Bool(it) => tagged(serializer, index, it),
            Value::I64(it) => tagged(serializer, index, it),
            Value::U64(it) => tagged(serializer, index, it),
            Value::F64(it) => tagged(serializer, index, it),
            Value::String(it) => tagged(serializer, index, it),
            Value::Bytes(it) => tagged(serializer, index, &Bytes(it)),
            Value::List(items) => tagged(serializer, index, &List { items, each }),
            Value::Map(entries) => tagged(serializer, index, &Map { entries, each }),
        }
    }

    fn write_plain<S: Serializer>(&self, serializer: S, each: Self) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(it) => serializer.serialize_bool(*it),
            Value::I64(it) => serializer.serialize_i64(*it),
            Value::U64(it) => serializer.serialize_u64(*it),
            Value::F64(it) => serializer.serialize_f64(*it),
            Value::String(it) => serializer.serialize_str(it),
            Value::Bytes(it) => serializer.serialize_bytes(it),
            Value::List(items) => List { items, each }.serialize(serializer),
            Value::Map(entries) => Map { entries, each }.serialize(serializer),
        }
    }

    /// Plain, but for what a text format cannot hold.
    fn write_text<S: Serializer>(&self, serializer: S, each: Self) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::F64(it) if !it.is_finite() => {
                Err(S::Error::custom(format_args!("{it} has no text form")))
            }
            Value::Bytes(it) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BYTES_KEY, &base64::encode(it))?;
                map.end()
            }
            Value::Map(entries) => match entries.first_key_value() {
                Some((key, value)) if entries.len() == 1 && is_bytes_key(key) => {
                    let mut map = serializer.serialize_map(Some(1))?;
                    map.serialize_entry(&format!("${key}"), &Node { value, ..each })?;
                    map.end()
                }
                _ => self.write_plain(serializer, each),
            },
            _ => self.write_plain(serializer, each),
        }
    }
}

fn tagged<S: Serializer, T: Serialize>(
    serializer: S,
    index: u32,
    content: &T,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_variant(TOKEN, index, VARIANTS[index as usize], content)
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct List<'a> {
    items: &'a [Value],
    each: Node<'a>,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|value| Node { value, ..self.each }))
    }
}

struct Map<'a> {
    entries: &'a BTreeMap<String, Value>,
    each: Node<'a>,
}

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let each = |value| Node { value, ..self.each };
        serializer.collect_map(self.entries.iter().map(|(key, value)| (key, each(value))))
    }
}
