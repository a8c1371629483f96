//! Values on their way: as they are within the process, encoded otherwise.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, BoxError, Local, Message as Frames};

use crate::error::RecvError;
use crate::multipart::{Framed, Multipart};
use crate::peer::Link;
use crate::spare;

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
    /// There as long as it is on its way.
    value: Option<T>,
}

impl<T> LocalValue<T> {
    fn value(&self) -> &T {
        self.value.as_ref().expect("a value on its way is there")
    }
}

impl<T: Message> Local for LocalValue<T> {
    fn to_bytes(&self) -> Result<Bytes, BoxError> {
        Ok(self.codec.encode(self.value(), &self.limits)?)
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
    let new = LocalValue { codec: codec.clone(), limits, value: Some(value) };
    let mut spare = spare::take();
    match spare.as_mut().and_then(Arc::get_mut) {
        Some(it) => *it = new,
        None => return Body::Local(Arc::new(new)),
    }
    Body::Local(spare.expect("it was filled"))
}

/// True if `value` is bytes, or frames, and `codec` leaves them as they are.
pub(crate) fn is_plain<T: Message>(value: &T, codec: &AnyCodec, limits: &Limits) -> bool {
    let any: &dyn Any = value;
    let fits = |it: &Bytes| it.len() <= limits.bytes;
    matches!(codec, AnyCodec::Raw)
        && (any.downcast_ref().is_some_and(fits)
            || any.downcast_ref().is_some_and(|it: &Framed| {
                fits(&it.body) && it.head.iter().all(|it| it.len() <= limits.bytes)
            })
            || any.downcast_ref().is_some_and(|it: &Multipart| it.frames.iter().all(fits)))
}

/// The length of what is bytes, or frames, already.
pub(crate) fn plain_len<T: Message>(value: &T) -> Option<usize> {
    let any: &dyn Any = value;
    let parts = |it: &Multipart| it.frames.iter().map(Bytes::len).sum();
    let framed = |it: &Framed| it.head.n_bytes() + it.body.len();
    any.downcast_ref()
        .map(Bytes::len)
        .or_else(|| any.downcast_ref().map(framed))
        .or_else(|| any.downcast_ref().map(parts))
}

/// The frames of what is bytes, or frames, already.
pub(crate) fn into_frames<T: Message>(value: T) -> Frames {
    let value = match cast::<T, Framed>(value) {
        Ok(Framed { head, body }) => return Frames::multipart(head, body),
        Err(value) => value,
    };
    let value = match cast::<T, Multipart>(value) {
        Ok(Multipart { frames: mut head }) => {
            let body = head.pop().unwrap_or_default();
            return Frames::multipart(head, body);
        }
        Err(value) => value,
    };
    Frames::single(cast::<T, Bytes>(value).unwrap_or_default())
}

/// A value of type `A` as the `B` that it is.
fn cast<A: 'static, B: 'static>(value: A) -> Result<B, A> {
    let mut slot = Some(value);
    let cast = (&mut slot as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take);
    cast.ok_or_else(|| slot.expect("what was not cast is still there"))
}

/// The bytes of a value that does not travel as it is.
pub(crate) fn encode_value<T: Message>(
    value: &T,
    codec: &AnyCodec,
    limits: &Limits,
) -> Result<Bytes, EncodeError> {
    let any: &dyn Any = value;
    let framed = any.downcast_ref::<Framed>().cloned().map(Multipart::from);
    let parts: Option<&Multipart> = any.downcast_ref().or(framed.as_ref());
    match (parts, codec) {
        // Only a frame that is too long brings frames here, and the codec says so.
        (Some(parts), AnyCodec::Raw) => {
            let longest = parts.frames.iter().max_by_key(|it| it.len()).cloned();
            codec.encode(&longest.unwrap_or_default(), limits)
        }
        _ => codec.encode(value, limits),
    }
}

/// The bytes of the `T` in frames that travel as they are.
pub(crate) fn encode<T: Message>(
    frames: &Frames,
    codec: &AnyCodec,
    limits: &Limits,
) -> Result<Bytes, EncodeError> {
    let value = match &frames.body {
        Body::Bytes(_) if is_frames::<T>() => {
            return codec.encode(&joined(frames.clone()), limits);
        }
        Body::Bytes(bytes) => (bytes as &dyn Any).downcast_ref::<T>(),
        Body::Local(value) => {
            let any: &dyn Any = &**value;
            any.downcast_ref::<LocalValue<T>>().map(LocalValue::value)
        }
    };
    codec.encode(value.expect("a body is packed as its own type"), limits)
}

/// All frames, in one list. A body that is no bytes is left out.
fn joined(frames: Frames) -> Multipart {
    let mut all = frames.head.into_vec();
    all.extend(frames.body.to_bytes());
    Multipart { frames: all }
}

/// The value that came on `link`: the very one, or decoded.
pub(crate) fn unpack<T: Message>(
    message: Frames,
    link: &Link,
    limits: &Limits,
) -> Result<T, RecvError> {
    if is_frames::<T>() && matches!(link.codec, AnyCodec::Raw) {
        let body = to_bytes(&message.body, link)?;
        if is_same::<T, Framed>() {
            let framed = Framed { head: message.head, body };
            return Ok(cast(framed).unwrap_or_else(|_| unreachable!("frames are frames")));
        }
        let frames = joined(Frames::multipart(message.head, body));
        return Ok(cast(frames).unwrap_or_else(|_| unreachable!("frames are frames")));
    }
    if !message.head.is_empty() {
        let frames = message.head.len() + 1;
        return Err(RecvError::Frames { peer: link.address().to_owned(), frames });
    }
    let value = match message.body {
        Body::Bytes(bytes) if is_plain(&bytes, &link.codec, limits) && is_same::<T, Bytes>() => {
            return Ok(cast(bytes).unwrap_or_else(|_| unreachable!("bytes are bytes")));
        }
        Body::Bytes(bytes) => return decode(&bytes, link, limits),
        Body::Local(value) => value,
    };
    let any: &dyn Any = &*value;
    if !any.is::<LocalValue<T>>() {
        return decode(&to_bytes(&Body::Local(value), link)?, link, limits);
    }
    let value: Arc<dyn Any + Send + Sync> = value;
    let mut ours = value.downcast::<LocalValue<T>>().expect("the type was looked at above");
    let Some(value) = Arc::get_mut(&mut ours).and_then(|it| it.value.take()) else {
        // Others get it, too.
        return Ok(ours.value().clone());
    };
    spare::keep(ours);
    Ok(value)
}

fn to_bytes(body: &Body, link: &Link) -> Result<Bytes, RecvError> {
    body.to_bytes().map_err(|source| RecvError::Local { peer: link.address().to_owned(), source })
}

/// True for what carries the frames of a message as they are.
pub(crate) fn is_frames<T: 'static>() -> bool {
    is_same::<T, Framed>() || is_same::<T, Multipart>()
}

fn is_same<A: 'static, B: 'static>() -> bool {
    TypeId::of::<A>() == TypeId::of::<B>()
}

fn decode<T: Message>(bytes: &Bytes, link: &Link, limits: &Limits) -> Result<T, RecvError> {
    let decoded = link.codec.decode(bytes, limits);
    decoded.map_err(|source| RecvError::Decode { peer: link.address().to_owned(), source })
}
