//! The dynamic value: what a message is when its type is not known.
//!
//! # Through a codec
//! In binary formats a [`Value`] is a tagged enum. In text formats (those that call themselves
//! human readable, such as JSON) it is what a reader expects, with two rules:
//!
//! * Bytes are an object with the one key `$bytes` and standard base64. A map that looks like
//!   that, `$bytes` or `$$bytes` and so on being its only key, is written with one more `$`.
//! * NaN and the infinities are refused.
//!
//! So a value is equal after the round trip, or there was an error. Deeper nesting than
//! [`MAX_DEPTH`] is an error in both directions and in every format.

use std::collections::BTreeMap;

pub use self::{de::from_value, error::ValueError, ser::to_value};

mod base64;
mod convert;
mod de;
mod depth;
mod error;
mod key;
mod read;
mod ser;
mod write;

/// How many levels a [`Value`] may have: a scalar is one level, and a list, a map or bytes
/// (which are a map in JSON) are one level around what they hold.
pub const MAX_DEPTH: usize = 128;

/// A value as programs write and read it that know its type: without tags, also in binary formats. Reading needs a
/// format that says what it carries, such as JSON or MessagePack. Bytes are written as bytes, so what comes back
/// from JSON, which has none, is a list of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain(pub Value);

/// A dynamic value.
///
/// Two integers are equal when they are the same number, whichever of the two variants holds
/// them; floats compare as floats do, and never equal integers.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// An integer, mostly one that is too large for [`Value::I64`].
    U64(u64),
    /// A float.
    F64(f64),
    /// Text.
    String(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Self>),
    /// Values by name.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// The name of the variant in lower case: `null bool i64 u64 f64 string bytes list map`.
    pub fn kind(&self) -> &'static str {
        KINDS[self.index() as usize]
    }

    /// The index of the variant in binary formats.
    fn index(&self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::I64(_) => 2,
            Self::U64(_) => 3,
            Self::F64(_) => 4,
            Self::String(_) => 5,
            Self::Bytes(_) => 6,
            Self::List(_) => 7,
            Self::Map(_) => 8,
        }
    }

    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(it) => Some(*it),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::I64(it) => Some(*it),
            Self::U64(it) => i64::try_from(*it).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::I64(it) => u64::try_from(*it).ok(),
            Self::U64(it) => Some(*it),
            _ => None,
        }
    }

    /// The number as a float, if it is a number; large integers are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::I64(it) => Some(*it as f64),
            Self::U64(it) => Some(*it as f64),
            Self::F64(it) => Some(*it),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(it) => Some(it),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(it) => Some(it),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(it) => Some(it),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(it) => Some(it),
            _ => None,
        }
    }

    /// The entry of that name, if it is a map and has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::I64(a), Self::I64(b)) => a == b,
            (Self::U64(a), Self::U64(b)) => a == b,
            (Self::I64(a), Self::U64(b)) | (Self::U64(b), Self::I64(a)) => {
                u64::try_from(*a).is_ok_and(|it| it == *b)
            }
            (Self::F64(a), Self::F64(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

/// The name under which serde sees a [`Value`]; our own serialiser and deserialiser know it.
const TOKEN: &str = "$gleis::Value";

/// The names of the variants in binary formats; their order is the wire's and never changes.
const VARIANTS: &[&str] = &["Null", "Bool", "I64", "U64", "F64", "String", "Bytes", "List", "Map"];

const KINDS: [&str; 9] = ["null", "bool", "i64", "u64", "f64", "string", "bytes", "list", "map"];

/// The key of bytes in text formats.
const BYTES_KEY: &str = "$bytes";

/// Whether a text format must tell a map with this only key from bytes: `$bytes`, `$$bytes`, ...
fn is_bytes_key(key: &str) -> bool {
    key.strip_suffix(BYTES_KEY).is_some_and(|it| it.bytes().all(|it| it == b'$'))
}
