//! The guard around serializers.

use std::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{
        Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{Guarded, Scope, Trip};

const NO_FINITE: &str = "the format has no NaN and no infinity";
const NO_NULL: &str = "the format cannot tell an absent value inside an option from no value";
const NO_SKIP: &str = "the format has no field names, so that no field may be skipped";

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, &T> {
    #[inline]
    fn serialize<S: Serializer>(&self, it: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(Guarded::new(it, self.scope))
    }
}

impl<'a, S: Serializer> Guarded<'a, S> {
    /// Steps into a list, map, tuple or struct.
    #[inline]
    fn nest(self) -> Result<(S, Scope<'a>), S::Error> {
        let scope = self.scope.nest().map_err(S::Error::custom)?;
        Ok((self.inner, scope))
    }

    /// Steps into an option, newtype or variant.
    #[inline]
    fn wrap(self, in_some: bool) -> Result<(S, Scope<'a>), S::Error> {
        let scope = self.scope.wrap().map_err(S::Error::custom)?;
        Ok((self.inner, Scope { in_some, ..scope }))
    }

    #[inline]
    fn check_float(&self, is_finite: bool) -> Result<(), S::Error> {
        self.refuse_if(self.scope.ledger.rules.finite && !is_finite, NO_FINITE)
    }

    #[inline]
    fn check_null(&self) -> Result<(), S::Error> {
        self.refuse_if(self.scope.ledger.rules.null_is_none && self.scope.in_some, NO_NULL)
    }

    #[inline]
    fn refuse_if(&self, is_unfit: bool, what: &'static str) -> Result<(), S::Error> {
        if is_unfit { Err(S::Error::custom(self.scope.trip(Trip::Unfit(what)))) } else { Ok(()) }
    }
}

macro_rules! forward_to_serializer {
    ($($method:ident($ty:ty);)*) => {$(
        #[inline]
        fn $method(self, it: $ty) -> Result<S::Ok, S::Error> {
            self.inner.$method(it)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Guarded<'a, S> {
    type Error = S::Error;
    type Ok = S::Ok;
    type SerializeMap = Guarded<'a, S::SerializeMap>;
    type SerializeSeq = Guarded<'a, S::SerializeSeq>;
    type SerializeStruct = Guarded<'a, S::SerializeStruct>;
    type SerializeStructVariant = Guarded<'a, S::SerializeStructVariant>;
    type SerializeTuple = Guarded<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Guarded<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guarded<'a, S::SerializeTupleVariant>;

    forward_to_serializer! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    #[inline]
    fn serialize_f32(self, it: f32) -> Result<S::Ok, S::Error> {
        self.check_float(it.is_finite())?;
        self.inner.serialize_f32(it)
    }

    #[inline]
    fn serialize_f64(self, it: f64) -> Result<S::Ok, S::Error> {
        self.check_float(it.is_finite())?;
        self.inner.serialize_f64(it)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_unit_struct(name)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, it: &T) -> Result<S::Ok, S::Error> {
        let (inner, scope) = self.wrap(true)?;
        inner.serialize_some(&Guarded::new(it, scope))
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        it: &T,
    ) -> Result<S::Ok, S::Error> {
        let in_some = self.scope.in_some;
        let (inner, scope) = self.wrap(in_some)?;
        inner.serialize_newtype_struct(name, &Guarded::new(it, scope))
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        it: &T,
    ) -> Result<S::Ok, S::Error> {
        let (inner, scope) = self.wrap(false)?;
        inner.serialize_newtype_variant(name, index, variant, &Guarded::new(it, scope))
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_seq(len)?, scope))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_tuple(len)?, scope))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_tuple_struct(name, len)?, scope))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_tuple_variant(name, index, variant, len)?, scope))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_map(len)?, scope))
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_struct(name, len)?, scope))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let (inner, scope) = self.nest()?;
        Ok(Guarded::new(inner.serialize_struct_variant(name, index, variant, len)?, scope))
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, it: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(it)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! forward_to_elements {
    ($($trait:ident::$method:ident;)*) => {$(
        impl<C: $trait> $trait for Guarded<'_, C> {
            type Error = C::Error;
            type Ok = C::Ok;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), C::Error> {
                self.inner.$method(&Guarded::new(it, self.scope))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

forward_to_elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! forward_to_fields {
    ($($trait:ident;)*) => {$(
        impl<C: $trait> $trait for Guarded<'_, C> {
            type Error = C::Error;
            type Ok = C::Ok;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                it: &T,
            ) -> Result<(), C::Error> {
                self.inner.serialize_field(key, &Guarded::new(it, self.scope))
            }

            #[inline]
            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                if self.scope.ledger.rules.positional {
                    return Err(C::Error::custom(self.scope.trip(Trip::Unfit(NO_SKIP))));
                }
                self.inner.skip_field(key)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

forward_to_fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<C: SerializeMap> SerializeMap for Guarded<'_, C> {
    type Error = C::Error;
    type Ok = C::Ok;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(&Guarded::new(key, self.scope))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&Guarded::new(it, self.scope))
    }

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, T: Serialize + ?Sized>(
        &mut self,
        key: &K,
        it: &T,
    ) -> Result<(), C::Error> {
        let scope = self.scope;
        self.inner.serialize_entry(&Guarded::new(key, scope), &Guarded::new(it, scope))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
