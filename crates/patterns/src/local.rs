//! Values on their way: as they are within the process, encoded otherwise.

use std::any::{Any, type_name};
use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, DecodeError, Limits, Message};
use gleis_transport::{Body, BoxError, Local};

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
pub(crate) fn local<T: Message>(value: T, codec: &AnyCodec, limits: Limits) -> Body {
    Body::Local(Arc::new(LocalValue { codec: codec.clone(), limits, value }))
}

/// Why a body is not the value that was expected.
pub(crate) enum Misfit {
    Decode(DecodeError),
    Local(BoxError),
}

/// The value in `body`: the very one that was sent, or decoded.
pub(crate) fn open<T: Message>(
    body: Body,
    codec: &AnyCodec,
    limits: &Limits,
) -> Result<T, Misfit> {
    let value = match body {
        Body::Bytes(bytes) => return codec.decode(&bytes, limits).map_err(Misfit::Decode),
        Body::Local(value) => value,
    };
    let same: &dyn Any = &*value;
    if !same.is::<LocalValue<T>>() {
        let bytes = value.to_bytes().map_err(Misfit::Local)?;
        return codec.decode(&bytes, limits).map_err(Misfit::Decode);
    }
    let value: Arc<dyn Any + Send + Sync> = value;
    match value.downcast::<LocalValue<T>>().map(Arc::try_unwrap) {
        Ok(Ok(ours)) => Ok(ours.value),
        Ok(Err(shared)) => Ok(shared.value.clone()),
        Err(_) => unreachable!("the type was looked at above"),
    }
}
