//! The codec a socket holds.

#[cfg(any(feature = "bincode", feature = "json", feature = "msgpack", feature = "postcard"))]
use std::marker::PhantomData;
use std::{
    any::{TypeId, type_name},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "bincode")]
use crate::bincode::Bincode;
#[cfg(feature = "json")]
use crate::json::Json;
#[cfg(feature = "msgpack")]
use crate::msgpack::Msgpack;
#[cfg(feature = "postcard")]
use crate::postcard::Postcard;
use crate::{
    Codec, DecodeError, EncodeError, Fault, Limits, custom,
    raw::{self, Raw},
};

/// A built-in codec, or one of your own.
///
/// The built-in ones are called without indirection; a [`Codec`] of your own costs a virtual
/// call per value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AnyCodec {
    /// bincode 2 in its standard configuration. The default.
    #[cfg(feature = "bincode")]
    Bincode,
    /// JSON text. Refuses NaN, infinities and options of options, which it cannot tell apart.
    #[cfg(feature = "json")]
    Json,
    /// MessagePack with named fields. Refuses options of options.
    #[cfg(feature = "msgpack")]
    Msgpack,
    /// postcard 1.
    #[cfg(feature = "postcard")]
    Postcard,
    /// [`Bytes`] as they are, without a copy, and nothing else. The default for [`Bytes`].
    Raw,
    /// A codec of your own.
    Custom(Arc<dyn Codec>),
}

impl AnyCodec {
    /// The built-in codecs, by name.
    pub const BUILT_IN: &[Self] = &[
        #[cfg(feature = "bincode")]
        Self::Bincode,
        #[cfg(feature = "json")]
        Self::Json,
        #[cfg(feature = "msgpack")]
        Self::Msgpack,
        #[cfg(feature = "postcard")]
        Self::Postcard,
        Self::Raw,
    ];

    /// The name peers agree on, such as `"bincode"`.
    pub fn name(&self) -> &'static str {
        self.as_dyn().name()
    }

    /// The built-in codec of that name, or `None` if there is none or its feature is off.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::BUILT_IN.iter().find(|it| it.name() == name).cloned()
    }

    /// The codec for `T` if none is named: raw for [`Bytes`], else bincode, else the first of
    /// postcard, msgpack and json whose feature is on.
    pub fn default_for<T: 'static>() -> Self {
        if TypeId::of::<T>() == TypeId::of::<Bytes>() {
            return Self::Raw;
        }
        ["bincode", "postcard", "msgpack", "json"]
            .into_iter()
            .find_map(Self::by_name)
            .unwrap_or(Self::Raw)
    }

    /// The codec as an object. Its results are the same; raw copies.
    pub fn as_dyn(&self) -> &dyn Codec {
        match self {
            #[cfg(feature = "bincode")]
            Self::Bincode => &Bincode,
            #[cfg(feature = "json")]
            Self::Json => &Json,
            #[cfg(feature = "msgpack")]
            Self::Msgpack => &Msgpack,
            #[cfg(feature = "postcard")]
            Self::Postcard => &Postcard,
            Self::Raw => &Raw,
            Self::Custom(codec) => &**codec,
        }
    }

    /// The bytes of `value`. Raw shares them with `value`.
    ///
    /// # Errors
    /// The format cannot carry the value, or a limit is exceeded.
    pub fn encode<T: Serialize + 'static>(
        &self,
        value: &T,
        limits: &Limits,
    ) -> Result<Bytes, EncodeError> {
        if let Self::Raw = self {
            return raw::share(value, limits).map_err(|it| self.encode_error::<T>(it));
        }
        let mut out = BytesMut::with_capacity(size_of::<T>().clamp(64, 1024));
        self.encode_into(value, limits, &mut out)?;
        Ok(out.freeze())
    }

    /// Appends the bytes of `value` to `out`; the limit is on what is appended.
    ///
    /// # Errors
    /// The format cannot carry the value, or a limit is exceeded; `out` is as before.
    pub fn encode_into<T: Serialize + 'static>(
        &self,
        value: &T,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let res = match self {
            #[cfg(feature = "bincode")]
            Self::Bincode => crate::codec::encode::<Bincode, T>(value, limits, out),
            #[cfg(feature = "json")]
            Self::Json => crate::codec::encode::<Json, T>(value, limits, out),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => crate::codec::encode::<Msgpack, T>(value, limits, out),
            #[cfg(feature = "postcard")]
            Self::Postcard => crate::codec::encode::<Postcard, T>(value, limits, out),
            Self::Raw => raw::append(value, limits, out),
            Self::Custom(codec) => custom::encode(&**codec, value, limits, out),
        };
        res.map_err(|it| {
            out.truncate(start);
            self.encode_error::<T>(it)
        })
    }

    /// The value of `bytes`, all of them. Raw shares them.
    ///
    /// # Errors
    /// The bytes are no `T`, bytes are left over, or a limit is exceeded.
    pub fn decode<T: DeserializeOwned + 'static>(
        &self,
        bytes: &Bytes,
        limits: &Limits,
    ) -> Result<T, DecodeError> {
        let res = match self {
            #[cfg(feature = "bincode")]
            Self::Bincode => crate::codec::decode::<Bincode, _>(PhantomData::<T>, bytes, limits),
            #[cfg(feature = "json")]
            Self::Json => crate::codec::decode::<Json, _>(PhantomData::<T>, bytes, limits),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => crate::codec::decode::<Msgpack, _>(PhantomData::<T>, bytes, limits),
            #[cfg(feature = "postcard")]
            Self::Postcard => crate::codec::decode::<Postcard, _>(PhantomData::<T>, bytes, limits),
            Self::Raw => raw::take(bytes, limits),
            Self::Custom(codec) => custom::decode(&**codec, bytes, limits),
        };
        res.map_err(|it| self.decode_error::<T>(bytes.len(), it.with(bytes)))
    }

    #[cold]
    fn encode_error<T>(&self, source: Fault) -> EncodeError {
        EncodeError { codec: self.name(), type_name: type_name::<T>(), source }
    }

    #[cold]
    fn decode_error<T>(&self, len: usize, source: Fault) -> DecodeError {
        DecodeError { codec: self.name(), type_name: type_name::<T>(), len, source }
    }
}
