//! From a value to a type.

use std::{collections::btree_map, vec};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess,
        SeqAccess, Unexpected, VariantAccess, Visitor, value::SeqDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{TOKEN, Value, ValueError, depth::Depth, key::KeyDeserializer};

/// Anything that serde can read from a value; the way back from [`to_value`](super::to_value).
///
/// Any integer is read from either integer variant when it fits, and a float from any number.
///
/// # Errors
/// [`ValueError`] when the value does not fit the type, or is nested deeper than
/// [`MAX_DEPTH`](super::MAX_DEPTH).
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ValueError> {
    T::deserialize(ValueDeserializer { value, depth: Depth::FULL, is_exact: false })
}

/// Reads from a [`Value`].
#[derive(Debug)]
struct ValueDeserializer {
    value: Value,
    depth: Depth,
    // Within a `Value`, which then reads itself as a tagged enum and so is not changed.
    is_exact: bool,
}

impl ValueDeserializer {
    fn wrapped(self) -> Result<Self, ValueError> {
        Ok(Self { depth: self.depth.wrapped()?, ..self })
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = ValueError;

    fn is_human_readable(&self) -> bool {
        !self.is_exact
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(it),
            Value::I64(it) => visitor.visit_i64(it),
            Value::U64(it) => visitor.visit_u64(it),
            Value::F64(it) => visitor.visit_f64(it),
            Value::String(it) => visitor.visit_string(it),
            Value::Bytes(it) => visitor.visit_byte_buf(it),
            Value::List(items) => {
                let inner = Inner { depth: self.depth.inner()?, is_exact: self.is_exact };
                visit_list(items, inner, visitor)
            }
            Value::Map(entries) => {
                let inner = Inner { depth: self.depth.inner()?, is_exact: self.is_exact };
                visit_entries(entries.into_iter(), inner, visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self.wrapped()?),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let is_exact = self.is_exact || name == TOKEN;
        visitor.visit_newtype_struct(Self { is_exact, ..self.wrapped()? })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if self.is_exact && name == TOKEN {
            return visitor.visit_enum(Exact(self));
        }
        match self.value {
            Value::String(name) => visitor.visit_enum(Variant { name, content: None }),
            Value::Map(mut entries) if entries.len() == 1 => {
                let (name, value) = entries.pop_first().unwrap_or_default();
                let content = Self { value, depth: self.depth.inner()?, is_exact: false };
                visitor.visit_enum(Variant { name, content: Some(content) })
            }
            it => Err(ValueError::invalid_type(unexpected(&it), &"a variant's name or one entry")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Bytes(bytes) => {
                let mut items = SeqDeserializer::new(bytes.into_iter());
                let res = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(res)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct map struct identifier
    }
}

/// How the elements of a list or map are read.
#[derive(Clone, Copy, Debug)]
struct Inner {
    depth: Depth,
    is_exact: bool,
}

impl Inner {
    fn of(self, value: Value) -> ValueDeserializer {
        ValueDeserializer { value, depth: self.depth, is_exact: self.is_exact }
    }
}

fn visit_list<'de, V: Visitor<'de>>(
    items: Vec<Value>,
    inner: Inner,
    visitor: V,
) -> Result<V::Value, ValueError> {
    let len = items.len();
    let mut items = Items { items: items.into_iter(), inner };
    let res = visitor.visit_seq(&mut items)?;
    match items.items.len() {
        0 => Ok(res),
        _ => Err(ValueError::invalid_length(len, &"fewer elements")),
    }
}

fn visit_entries<'de, V: Visitor<'de>>(
    entries: btree_map::IntoIter<String, Value>,
    inner: Inner,
    visitor: V,
) -> Result<V::Value, ValueError> {
    let len = entries.len();
    let mut entries = Entries { entries, value: None, inner };
    let res = visitor.visit_map(&mut entries)?;
    match entries.entries.len() {
        0 => Ok(res),
        _ => Err(ValueError::invalid_length(len, &"fewer entries")),
    }
}

struct Items {
    items: vec::IntoIter<Value>,
    inner: Inner,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ValueError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ValueError> {
        self.items.next().map(|it| seed.deserialize(self.inner.of(it))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries {
    entries: btree_map::IntoIter<String, Value>,
    value: Option<Value>,
    inner: Inner,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ValueError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ValueError> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(KeyDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ValueError> {
        let value = self.value.take().ok_or_else(|| ValueError::custom("value without a key"))?;
        seed.deserialize(self.inner.of(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant of somebody's enum.
struct Variant {
    name: String,
    content: Option<ValueDeserializer>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ValueError;
    type Variant = Content;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content), ValueError> {
        let variant = seed.deserialize(KeyDeserializer::new(self.name))?;
        Ok((variant, Content(self.content)))
    }
}

/// What a variant holds, if anything.
struct Content(Option<ValueDeserializer>);

impl Content {
    fn required(self, expected: &'static str) -> Result<ValueDeserializer, ValueError> {
        self.0.ok_or_else(|| ValueError::invalid_type(Unexpected::UnitVariant, &expected))
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.0.map(|it| it.value) {
            None | Some(Value::Null) => Ok(()),
            Some(it) => Err(ValueError::invalid_type(unexpected(&it), &"unit variant")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, ValueError> {
        seed.deserialize(self.required("newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.required("tuple variant")?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.required("struct variant")?.deserialize_any(visitor)
    }
}

/// A [`Value`] that is read as one: it gives its variants by index.
struct Exact(ValueDeserializer);

impl<'de> EnumAccess<'de> for Exact {
    type Error = ValueError;
    type Variant = Content;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Content), ValueError> {
        let variant = seed.deserialize(self.0.value.index().into_deserializer())?;
        Ok((variant, Content(Some(self.0))))
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(it) => Unexpected::Bool(*it),
        Value::I64(it) => Unexpected::Signed(*it),
        Value::U64(it) => Unexpected::Unsigned(*it),
        Value::F64(it) => Unexpected::Float(*it),
        Value::String(it) => Unexpected::Str(it),
        Value::Bytes(it) => Unexpected::Bytes(it),
        Value::List(_) => Unexpected::Seq,
        Value::Map(_) => Unexpected::Map,
    }
}
