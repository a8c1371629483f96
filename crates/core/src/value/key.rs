//! Keys of maps: types that are written as text, and read from it.

use std::fmt::Display;

use serde::{
    Deserializer, Serialize, Serializer,
    de::{Error as _, IntoDeserializer, Visitor, value::StringDeserializer},
    forward_to_deserialize_any,
    ser::Impossible,
};

use super::ValueError;

/// Writes a key as text; only text, numbers, truth values and unit variants are keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeySerializer;

type NoKey = Impossible<String, ValueError>;

macro_rules! displayed {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, it: $type) -> Result<String, ValueError> {
            Ok(it.to_string())
        })*
    };
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $ok:ty),* $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<$ok, ValueError> {
            Err(ValueError::KeyNotText)
        })*
    };
}

impl Serializer for KeySerializer {
    type Error = ValueError;
    type Ok = String;
    type SerializeMap = NoKey;
    type SerializeSeq = NoKey;
    type SerializeStruct = NoKey;
    type SerializeStructVariant = NoKey;
    type SerializeTuple = NoKey;
    type SerializeTupleStruct = NoKey;
    type SerializeTupleVariant = NoKey;

    displayed! {
        serialize_bool(bool), serialize_char(char), serialize_str(&str),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_i128(i128), serialize_u128(u128),
    }

    refused! {
        serialize_f32(f32) -> String,
        serialize_f64(f64) -> String,
        serialize_bytes(&[u8]) -> String,
        serialize_none() -> String,
        serialize_unit() -> String,
        serialize_unit_struct(&'static str) -> String,
        serialize_seq(Option<usize>) -> NoKey,
        serialize_tuple(usize) -> NoKey,
        serialize_tuple_struct(&'static str, usize) -> NoKey,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoKey,
        serialize_map(Option<usize>) -> NoKey,
        serialize_struct(&'static str, usize) -> NoKey,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoKey,
    }

    fn collect_str<T: Display + ?Sized>(self, it: &T) -> Result<String, ValueError> {
        Ok(it.to_string())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _it: &T) -> Result<String, ValueError> {
        Err(ValueError::KeyNotText)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<String, ValueError> {
        Ok(variant.to_owned())
    }

    /// A newtype around a key is a key.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        it: &T,
    ) -> Result<String, ValueError> {
        it.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _it: &T,
    ) -> Result<String, ValueError> {
        Err(ValueError::KeyNotText)
    }
}

/// Reads a key from its text.
#[derive(Debug)]
pub(super) struct KeyDeserializer {
    key: String,
    // How many newtypes may still be around it.
    wrappers: u8,
}

impl KeyDeserializer {
    pub(super) fn new(key: String) -> Self {
        Self { key, wrappers: 8 }
    }

    fn text(self) -> StringDeserializer<ValueError> {
        self.key.into_deserializer()
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.key.parse() {
                Ok(it) => visitor.$visit(it),
                Err(_) => self.text().deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for KeyDeserializer {
    type Error = ValueError;

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_string(self.key)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.text().deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.wrappers.checked_sub(1) {
            Some(wrappers) => visitor.visit_newtype_struct(Self { wrappers, ..self }),
            None => Err(ValueError::custom("map key is wrapped too deep")),
        }
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
