//! Bytes as they are.
//!
//! Sockets take the typed way, which shares the buffer; the way through the object copies and
//! takes everything that serde sees as one run of bytes.

use std::any::Any;

use bytes::{Bytes, BytesMut};
use serde::{
    Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Visitor, value::Error as SerdeError},
    forward_to_deserialize_any,
    ser::{Error as _, Impossible},
};

use crate::{
    Limits,
    codec::{Format, check_len},
    error::{BoxError, Fault},
    guard::Rules,
    sink::Sink,
};

const ONLY_BYTES: &str = "raw carries bytes::Bytes only; name another codec for this type";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw;

/// The bytes of `value`, shared.
pub(crate) fn share<T: 'static>(value: &T, limits: &Limits) -> Result<Bytes, Fault> {
    let bytes = as_bytes(value)?;
    check_len(bytes.len(), limits)?;
    Ok(bytes.clone())
}

/// Appends the bytes of `value`.
pub(crate) fn append<T: 'static>(
    value: &T,
    limits: &Limits,
    out: &mut BytesMut,
) -> Result<(), Fault> {
    let bytes = as_bytes(value)?;
    check_len(bytes.len(), limits)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// `bytes` as they are, shared, if that is what `T` is.
pub(crate) fn take<T: 'static>(bytes: &Bytes, limits: &Limits) -> Result<T, Fault> {
    let mut slot: Option<T> = None;
    let Some(place) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Bytes>>() else {
        return Err(Fault::Unfit { what: ONLY_BYTES });
    };
    check_len(bytes.len(), limits)?;
    *place = Some(bytes.clone());
    slot.ok_or(Fault::Unfit { what: ONLY_BYTES })
}

fn as_bytes<T: 'static>(value: &T) -> Result<&Bytes, Fault> {
    (value as &dyn Any).downcast_ref().ok_or(Fault::Unfit { what: ONLY_BYTES })
}

impl Format for Raw {
    const NAME: &'static str = "raw";
    const RULES: Rules = Rules { finite: false, null_is_none: false, positional: true };

    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError> {
        Ok(value.serialize(Append(sink))?)
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        _: &Limits,
    ) -> Result<S::Value, Fault> {
        seed.deserialize(Whole(bytes)).map_err(Fault::format)
    }
}

fn only_bytes() -> SerdeError {
    SerdeError::custom(ONLY_BYTES)
}

/// Takes one run of bytes and nothing else.
struct Append<'a, 'b>(&'a mut Sink<'b>);

macro_rules! refuse {
    ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<$ok, SerdeError> {
            Err(only_bytes())
        }
    )*};
}

type Never = Impossible<(), SerdeError>;

impl Serializer for Append<'_, '_> {
    type Error = SerdeError;
    type Ok = ();
    type SerializeMap = Never;
    type SerializeSeq = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;

    fn serialize_bytes(self, it: &[u8]) -> Result<(), SerdeError> {
        self.0.put(it).map_err(SerdeError::custom)
    }

    refuse! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), SerdeError> {
        Err(only_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), SerdeError> {
        Err(only_bytes())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), SerdeError> {
        Err(only_bytes())
    }
}

/// Gives the whole message to whoever asks for bytes.
struct Whole<'de>(&'de [u8]);

impl<'de> Deserializer<'de> for Whole<'de> {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, SerdeError> {
        Err(only_bytes())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
