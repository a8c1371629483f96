//! The guard around deserializers.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor},
};

use super::{Guarded, Scope};

/// A visitor under guard.
struct Watch<'a, V> {
    inner: V,
    scope: Scope<'a>,
    /// Whether elements are counted: the bytes, not the type, say how many there are.
    counted: bool,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Guarded<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, it: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Guarded::new(it, self.scope))
    }
}

macro_rules! forward_to_deserializer {
    ($($method:ident($($arg:ident: $ty:ty),*) = $inner:ident, $counted:literal;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let watch = Watch { inner: visitor, scope: self.scope, counted: $counted };
            self.inner.$inner($($arg,)* watch)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guarded<'_, D> {
    type Error = D::Error;

    forward_to_deserializer! {
        deserialize_any() = deserialize_any, true;
        deserialize_bool() = deserialize_bool, true;
        deserialize_i8() = deserialize_i8, true;
        deserialize_i16() = deserialize_i16, true;
        deserialize_i32() = deserialize_i32, true;
        deserialize_i64() = deserialize_i64, true;
        deserialize_i128() = deserialize_i128, true;
        deserialize_u8() = deserialize_u8, true;
        deserialize_u16() = deserialize_u16, true;
        deserialize_u32() = deserialize_u32, true;
        deserialize_u64() = deserialize_u64, true;
        deserialize_u128() = deserialize_u128, true;
        deserialize_f32() = deserialize_f32, true;
        deserialize_f64() = deserialize_f64, true;
        deserialize_char() = deserialize_char, true;
        deserialize_str() = deserialize_str, true;
        // bincode reserves the claimed length of owned strings and checks that of borrowed ones;
        // to the other formats both are one.
        deserialize_string() = deserialize_str, true;
        deserialize_bytes() = deserialize_bytes, true;
        deserialize_byte_buf() = deserialize_bytes, true;
        deserialize_option() = deserialize_option, true;
        deserialize_unit() = deserialize_unit, true;
        deserialize_unit_struct(name: &'static str) = deserialize_unit_struct, true;
        deserialize_newtype_struct(name: &'static str) = deserialize_newtype_struct, true;
        deserialize_seq() = deserialize_seq, true;
        deserialize_tuple(len: usize) = deserialize_tuple, false;
        deserialize_tuple_struct(name: &'static str, len: usize) = deserialize_tuple_struct, false;
        deserialize_map() = deserialize_map, true;
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
            = deserialize_struct, false;
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
            = deserialize_enum, true;
        deserialize_identifier() = deserialize_identifier, true;
        deserialize_ignored_any() = deserialize_ignored_any, true;
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! forward_to_visitor {
    ($($method:ident($ty:ty);)*) => {$(
        #[inline]
        fn $method<E: Error>(self, it: $ty) -> Result<V::Value, E> {
            self.inner.$method(it)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watch<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    forward_to_visitor! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, it: D) -> Result<V::Value, D::Error> {
        let scope = self.scope.wrap().map_err(D::Error::custom)?;
        self.inner.visit_some(Guarded::new(it, scope))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, it: D) -> Result<V::Value, D::Error> {
        let scope = self.scope.wrap().map_err(D::Error::custom)?;
        self.inner.visit_newtype_struct(Guarded::new(it, scope))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, it: A) -> Result<V::Value, A::Error> {
        let scope = self.scope.nest().map_err(A::Error::custom)?;
        self.inner.visit_seq(Watch { inner: it, scope, counted: self.counted })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, it: A) -> Result<V::Value, A::Error> {
        let scope = self.scope.nest().map_err(A::Error::custom)?;
        self.inner.visit_map(Watch { inner: it, scope, counted: self.counted })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, it: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Guarded::new(it, self.scope))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Watch<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.counted {
            self.scope.count().map_err(A::Error::custom)?;
        }
        self.inner.next_element_seed(Guarded::new(seed, self.scope))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.scope.hint(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watch<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.counted {
            self.scope.count().map_err(A::Error::custom)?;
        }
        self.inner.next_key_seed(Guarded::new(seed, self.scope))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Guarded::new(seed, self.scope))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.scope.hint(self.inner.size_hint())
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Guarded<'a, A> {
    type Error = A::Error;
    type Variant = Guarded<'a, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(Guarded::new(seed, self.scope))?;
        Ok((value, Guarded::new(variant, self.scope)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let scope = self.scope.wrap().map_err(A::Error::custom)?;
        self.inner.newtype_variant_seed(Guarded::new(seed, scope))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let watch = Watch { inner: visitor, scope: self.scope, counted: false };
        self.inner.tuple_variant(len, watch)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let watch = Watch { inner: visitor, scope: self.scope, counted: false };
        self.inner.struct_variant(fields, watch)
    }
}
