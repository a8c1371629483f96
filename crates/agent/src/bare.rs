//! Messages as values: for those who do not know the types of what they send and receive.

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::Value;
use serde::{Serialize, Serializer};

use crate::text::chain;

/// A value as a program would have written it that knows its type.
pub(crate) fn encode(codec: &AnyCodec, message: &Value) -> Result<Bytes, String> {
    let limits = Limits::default();
    let encoded = match (codec.name(), message) {
        ("raw", Value::Bytes(it)) => return Ok(Bytes::copy_from_slice(it)),
        ("raw", Value::String(it)) => return Ok(Bytes::copy_from_slice(it.as_bytes())),
        ("raw", _) => return Err("`raw` carries bytes or text".to_owned()),
        ("json", _) => codec.encode(message, &limits),
        ("msgpack", _) => codec.encode(&Bare(message.clone()), &limits),
        (name, _) => {
            return Err(format!(
                "`{name}` writes types, and a value has none: have a method of the agent send it, or \
                 bind with `json`, `msgpack` or `raw`"
            ));
        }
    };
    encoded.map_err(|it| chain(&it))
}

/// What a message is, if it says that itself.
#[cfg(feature = "script")]
pub(crate) fn decode(codec: &AnyCodec, message: &Bytes) -> Result<Value, String> {
    match codec.name() {
        "raw" => Ok(match std::str::from_utf8(message) {
            Ok(text) => Value::from(text),
            Err(_) => Value::Bytes(message.to_vec()),
        }),
        "json" => codec.decode(message, &Limits::default()).map_err(|it| chain(&it)),
        name => Err(format!(
            "`{name}` does not say what it carries: a script handles messages in `json` or `raw`"
        )),
    }
}

/// A value without its tags.
struct Bare(Value);

impl Serialize for Bare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.0, serializer)
    }
}

struct BareRef<'a>(&'a Value);

impl Serialize for BareRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.0, serializer)
    }
}

fn write<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Null => serializer.serialize_unit(),
        Value::Bool(it) => serializer.serialize_bool(*it),
        Value::I64(it) => serializer.serialize_i64(*it),
        Value::U64(it) => serializer.serialize_u64(*it),
        Value::F64(it) => serializer.serialize_f64(*it),
        Value::String(it) => serializer.serialize_str(it),
        Value::Bytes(it) => serializer.serialize_bytes(it),
        Value::List(it) => serializer.collect_seq(it.iter().map(BareRef)),
        Value::Map(it) => serializer.collect_map(it.iter().map(|(key, it)| (key, BareRef(it)))),
    }
}
