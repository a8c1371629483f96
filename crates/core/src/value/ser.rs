//! From a type to a value.

use std::{collections::BTreeMap, fmt::Display};

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{TOKEN, Value, ValueError, depth::Depth, key::KeySerializer};

/// The value of anything that serde can write.
///
/// Structs become maps, tuples lists, and enums what they are in JSON: the name of the variant, or
/// a map with that one key. `None`, `()` and unit structs become null, as does `Some(())`; numbers
/// and truth values that are keys of a map become text. A [`Value`] inside stays what it is.
///
/// # Errors
/// [`ValueError`] when it is nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH), has integers
/// of more than 64 bits, or maps with keys that are neither text nor numbers.
///
/// ```
/// use gleis_core::{Value, from_value, to_value};
///
/// # fn main() -> Result<(), gleis_core::ValueError> {
/// let value = to_value(&(7, "seven"))?;
/// assert_eq!(value, Value::List(vec![Value::from(7), Value::from("seven")]));
/// assert_eq!(from_value::<(u8, String)>(value)?, (7, "seven".to_owned()));
/// # Ok(())
/// # }
/// ```
pub fn to_value<T: Serialize + ?Sized>(it: &T) -> Result<Value, ValueError> {
    it.serialize(ValueSerializer { depth: Depth::FULL, is_exact: false })
}

/// Writes into a [`Value`].
#[derive(Clone, Copy, Debug)]
struct ValueSerializer {
    depth: Depth,
    // Within a `Value`, which then writes itself as a tagged enum and so is not changed.
    is_exact: bool,
}

impl ValueSerializer {
    fn inner(self) -> Result<Self, ValueError> {
        Ok(Self { depth: self.depth.inner()?, ..self })
    }

    fn wrapped(self) -> Result<Self, ValueError> {
        Ok(Self { depth: self.depth.wrapped()?, ..self })
    }

    fn list(self, variant: Option<&'static str>) -> Result<ListWriter, ValueError> {
        let outer = if variant.is_some() { self.inner()? } else { self };
        Ok(ListWriter { each: outer.inner()?, items: Vec::new(), variant })
    }

    fn map(self, variant: Option<&'static str>) -> Result<MapWriter, ValueError> {
        let outer = if variant.is_some() { self.inner()? } else { self };
        Ok(MapWriter { each: outer.inner()?, entries: BTreeMap::new(), key: None, variant })
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, it: $type) -> Result<Value, ValueError> {
            Ok(Value::from(it))
        })*
    };
}

impl Serializer for ValueSerializer {
    type Error = ValueError;
    type Ok = Value;
    type SerializeMap = MapWriter;
    type SerializeSeq = ListWriter;
    type SerializeStruct = MapWriter;
    type SerializeStructVariant = MapWriter;
    type SerializeTuple = ListWriter;
    type SerializeTupleStruct = ListWriter;
    type SerializeTupleVariant = ListWriter;

    scalars! {
        serialize_bool(bool), serialize_char(char), serialize_str(&str),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_f32(f32), serialize_f64(f64),
    }

    fn is_human_readable(&self) -> bool {
        !self.is_exact
    }

    fn collect_str<T: Display + ?Sized>(self, it: &T) -> Result<Value, ValueError> {
        Ok(Value::String(it.to_string()))
    }

    fn serialize_i128(self, it: i128) -> Result<Value, ValueError> {
        let res = i64::try_from(it).map(Value::I64).or_else(|_| u64::try_from(it).map(Value::U64));
        res.map_err(|_| ValueError::TooLarge)
    }

    fn serialize_u128(self, it: u128) -> Result<Value, ValueError> {
        u64::try_from(it).map(Value::U64).map_err(|_| ValueError::TooLarge)
    }

    fn serialize_bytes(self, it: &[u8]) -> Result<Value, ValueError> {
        self.depth.inner()?;
        Ok(Value::Bytes(it.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, it: &T) -> Result<Value, ValueError> {
        it.serialize(self.wrapped()?)
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ValueError> {
        // The only unit variant of a `Value` is null.
        let is_null = self.is_exact && name == TOKEN;
        Ok(if is_null { Value::Null } else { Value::from(variant) })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        it: &T,
    ) -> Result<Value, ValueError> {
        let is_exact = self.is_exact || name == TOKEN;
        it.serialize(Self { is_exact, ..self.wrapped()? })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        it: &T,
    ) -> Result<Value, ValueError> {
        if self.is_exact && name == TOKEN {
            return it.serialize(self);
        }
        let content = it.serialize(self.inner()?)?;
        Ok(Value::Map(BTreeMap::from([(variant.to_owned(), content)])))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<ListWriter, ValueError> {
        self.list(None)
    }

    fn serialize_tuple(self, _len: usize) -> Result<ListWriter, ValueError> {
        self.list(None)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<ListWriter, ValueError> {
        self.list(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<ListWriter, ValueError> {
        self.list(Some(variant))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<MapWriter, ValueError> {
        self.map(None)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<MapWriter, ValueError> {
        self.map(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<MapWriter, ValueError> {
        self.map(Some(variant))
    }
}

/// The elements of a list so far.
#[derive(Debug)]
struct ListWriter {
    each: ValueSerializer,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl ListWriter {
    fn push<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), ValueError> {
        self.items.push(it.serialize(self.each)?);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::List(self.items))
    }
}

/// The entries of a map so far.
#[derive(Debug)]
struct MapWriter {
    each: ValueSerializer,
    entries: BTreeMap<String, Value>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl MapWriter {
    fn put<T: Serialize + ?Sized>(&mut self, key: String, it: &T) -> Result<(), ValueError> {
        if self.entries.contains_key(&key) {
            return Err(ValueError::DuplicateKey { key });
        }
        self.entries.insert(key, it.serialize(self.each)?);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::Map(self.entries))
    }
}

/// The content of a variant, under its name.
fn named(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(name) => Value::Map(BTreeMap::from([(name.to_owned(), content)])),
        None => content,
    }
}

macro_rules! list_writer {
    ($($trait:ident :: $method:ident),* $(,)?) => {
        $(impl $trait for ListWriter {
            type Error = ValueError;
            type Ok = Value;

            fn $method<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), ValueError> {
                self.push(it)
            }

            fn end(self) -> Result<Value, ValueError> {
                Ok(self.finish())
            }
        })*
    };
}

list_writer! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! struct_writer {
    ($($trait:ident),* $(,)?) => {
        $(impl $trait for MapWriter {
            type Error = ValueError;
            type Ok = Value;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                it: &T,
            ) -> Result<(), ValueError> {
                self.put(key.to_owned(), it)
            }

            fn end(self) -> Result<Value, ValueError> {
                Ok(self.finish())
            }
        })*
    };
}

struct_writer!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for MapWriter {
    type Error = ValueError;
    type Ok = Value;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(key.serialize(KeySerializer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or(ValueError::KeyNotText)?;
        self.put(key, it)
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(self.finish())
    }
}
