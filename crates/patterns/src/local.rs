//! Values on their way: as they are within the process, encoded otherwise.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, BoxError, Local};

use crate::error::RecvError;
use crate::peer::Link;

/// What can be sent as a `T`: a `T`, which moves, or a `&T`, which is cloned only where the value
/// itself travels (inproc).
pub trait Outgoing<T>: Send {
    /// The value to encode.
    fn value(&self) -> &T;

    /// The value to hand over.
    fn into_value(self) -> T;
}

impl<T: Message> Outgoing<T> for T {
    fn value(&self) -> &T {
        self
    }

    fn into_value(self) -> T {
        self
    }
}

impl<T: Message> Outgoing<T> for &T {
    fn value(&self) -> &T {
        self
    }

    fn into_value(self) -> T {
        self.clone()
    }
}

/// A value that travels as it is, and how to encode it for a receiver that wants bytes.
struct LocalValue<T> {
    codec: AnyCodec,
    limits: Limits,
    value: T,
}

impl<T: Message> Local for LocalValue<T> {
    fn to_bytes(&self) -> Result<Bytes, BoxError> {
        Ok(self.codec.encode(&self.value, &self.limits)?)
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn size_hint(&self) -> usize {
        size_of::<T>()
    }
}

/// A body that carries `value` as it is.
pub(crate) fn pack<T: Message>(value: T, codec: &AnyCodec, limits: Limits) -> Body {
    Body::Local(Arc::new(LocalValue { codec: codec.clone(), limits, value }))
}

/// True if `value` is bytes and `link` carries them as they are.
pub(crate) fn is_bytes<T: Message>(value: &T, link: &Link, limits: &Limits) -> bool {
    let bytes: Option<&Bytes> = (value as &dyn Any).downcast_ref();
    matches!(link.codec, AnyCodec::Raw) && bytes.is_some_and(|it| it.len() <= limits.bytes)
}

/// A body of bytes that are bytes already.
pub(crate) fn into_body<T: Message>(value: T) -> Body {
    Body::Bytes(cast(value).unwrap_or_default())
}

/// A value of type `A` as the `B` that it is.
fn cast<A: 'static, B: 'static>(value: A) -> Option<B> {
    let mut slot = Some(value);
    (&mut slot as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take)
}

/// The bytes of the `T` in a body that travels as it is.
pub(crate) fn encode<T: Message>(
    body: &Body,
    codec: &AnyCodec,
    limits: &Limits,
) -> Result<Bytes, EncodeError> {
    let any: &dyn Any = match body {
        Body::Bytes(bytes) => bytes,
        Body::Local(value) => &**value,
    };
    let value = any.downcast_ref::<T>();
    let value = value.or_else(|| any.downcast_ref::<LocalValue<T>>().map(|it| &it.value));
    codec.encode(value.expect("a body is packed as its own type"), limits)
}

/// The value that came on `link`: the very one, or decoded.
pub(crate) fn unpack<T: Message>(body: Body, link: &Link, limits: &Limits) -> Result<T, RecvError> {
    let value = match body {
        Body::Bytes(bytes) if is_bytes(&bytes, link, limits) && is_same::<T, Bytes>() => {
            return Ok(cast(bytes).expect("bytes are bytes"));
        }
        Body::Bytes(bytes) => return decode(&bytes, link, limits),
        Body::Local(value) => value,
    };
    let any: &dyn Any = &*value;
    if !any.is::<LocalValue<T>>() {
        let bytes = value
            .to_bytes()
            .map_err(|source| RecvError::Local { peer: link.address().to_owned(), source })?;
        return decode(&bytes, link, limits);
    }
    let value: Arc<dyn Any + Send + Sync> = value;
    match value.downcast::<LocalValue<T>>().map(Arc::try_unwrap) {
        Ok(Ok(ours)) => Ok(ours.value),
        Ok(Err(shared)) => Ok(shared.value.clone()),
        Err(_) => unreachable!("the type was looked at above"),
    }
}

fn is_same<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

fn decode<T: Message>(bytes: &Bytes, link: &Link, limits: &Limits) -> Result<T, RecvError> {
    let decoded = link.codec.decode(bytes, limits);
    decoded.map_err(|source| RecvError::Decode { peer: link.address().to_owned(), source })
}
