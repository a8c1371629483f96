//! How serde writes a value.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};

use super::{
    BYTES_KEY, MAX_DEPTH, TOKEN, VARIANTS, Value, base64, error::ValueError, is_bytes_key,
};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(
            TOKEN,
            &Node {
                value: self,
                levels: MAX_DEPTH,
            },
        )
    }
}

/// A value that may have so many levels.
struct Node<'a> {
    value: &'a Value,
    levels: usize,
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let holds_levels = matches!(self.value, Value::Bytes(_) | Value::List(_) | Value::Map(_));
        let needed = if holds_levels { 2 } else { 1 };
        if self.levels < needed {
            return Err(S::Error::custom(ValueError::TooDeep));
        }
        if serializer.is_human_readable() {
            self.write_text(serializer)
        } else {
            self.write_tagged(serializer)
        }
    }
}

impl Node<'_> {
    fn write_tagged<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.levels - 1;
        match self.value {
            Value::Null => serializer.serialize_unit_variant(TOKEN, 0, VARIANTS[0]),
            Value::Bool(it) => tagged(serializer, 1, it),
            Value::I64(it) => tagged(serializer, 2, it),
            Value::U64(it) => tagged(serializer, 3, it),
            Value::F64(it) => tagged(serializer, 4, it),
            Value::String(it) => tagged(serializer, 5, it),
            Value::Bytes(it) => tagged(serializer, 6, &Bytes(it)),
            Value::List(items) => tagged(serializer, 7, &List { items, levels }),
            Value::Map(_) => tagged(
                serializer,
                8,
                &Map {
                    value: self.value,
                    levels,
                },
            ),
        }
    }

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.levels - 1;
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(it) => serializer.serialize_bool(*it),
            Value::I64(it) => serializer.serialize_i64(*it),
            Value::U64(it) => serializer.serialize_u64(*it),
            Value::F64(it) if it.is_finite() => serializer.serialize_f64(*it),
            Value::F64(it) => Err(S::Error::custom(format_args!("{it} has no text form"))),
            Value::String(it) => serializer.serialize_str(it),
            Value::Bytes(it) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BYTES_KEY, &base64::encode(it))?;
                map.end()
            }
            Value::List(items) => List { items, levels }.serialize(serializer),
            Value::Map(entries) => match entries.first_key_value() {
                Some((key, value)) if entries.len() == 1 && is_bytes_key(key) => {
                    let mut map = serializer.serialize_map(Some(1))?;
                    map.serialize_entry(&format!("${key}"), &Node { value, levels })?;
                    map.end()
                }
                _ => Map {
                    value: self.value,
                    levels,
                }
                .serialize(serializer),
            },
        }
    }
}

fn tagged<S: Serializer, T: Serialize>(
    serializer: S,
    index: usize,
    content: &T,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_variant(TOKEN, index as u32, VARIANTS[index], content)
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct List<'a> {
    items: &'a [Value],
    levels: usize,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|value| Node {
            value,
            levels: self.levels,
        }))
    }
}

struct Map<'a> {
    value: &'a Value,
    levels: usize,
}

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.levels;
        let entries = self.value.as_map().into_iter().flatten();
        let len = self.value.as_map().map(|it| it.len());
        let mut map = serializer.serialize_map(len)?;
        for (key, value) in entries {
            map.serialize_entry(key, &Node { value, levels })?;
        }
        map.end()
    }
}
