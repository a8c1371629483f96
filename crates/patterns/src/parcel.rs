//! A message on its way to one peer or to many.

use std::marker::PhantomData;

use bytes::Bytes;
use gleis_codec::{EncodeError, Limits, Message};
use gleis_transport::Body;

use crate::local::{self, Outgoing};
use crate::peer::Link;

/// A message for one peer; without room there, another peer may get it.
pub(crate) struct Parcel<T, M> {
    content: Content<T, M>,
    limits: Limits,
}

enum Content<T, M> {
    /// As it was given; beside it what it was encoded to, by the codec of that name, if a peer did
    /// not take that.
    Given(M, Option<(&'static str, Bytes)>),
    /// It became what travels as it is: a value, or bytes that were bytes from the beginning.
    Packed(Body, PhantomData<fn() -> T>),
    /// It is with a peer, or on its way.
    Gone,
}

impl<T: Message, M: Outgoing<T>> Parcel<T, M> {
    pub(crate) fn new(message: M, limits: Limits) -> Self {
        Self { content: Content::Given(message, None), limits }
    }

    /// The body for `link`. If the link does not take it, it must be [put back](Self::put_back).
    pub(crate) fn take(&mut self, link: &Link) -> Result<Body, EncodeError> {
        let content = std::mem::replace(&mut self.content, Content::Gone);
        match content {
            Content::Given(message, _) if link.is_local() => {
                Ok(local::pack(message.into_value(), &link.codec, self.limits))
            }
            Content::Given(message, _) if local::is_bytes(message.value(), link, &self.limits) => {
                Ok(local::into_body(message.into_value()))
            }
            Content::Given(message, made) => {
                let codec = link.codec.name();
                let bytes = match made {
                    Some((name, bytes)) if name == codec => Ok(bytes),
                    _ => link.codec.encode(message.value(), &self.limits),
                };
                self.content = Content::Given(message, None);
                bytes.map(Body::Bytes)
            }
            Content::Packed(body, _) if link.takes(&body) => Ok(body),
            Content::Packed(body, packed) => {
                let bytes = local::encode::<T>(&body, &link.codec, &self.limits);
                self.content = Content::Packed(body, packed);
                bytes.map(Body::Bytes)
            }
            Content::Gone => unreachable!("what was not taken is put back"),
        }
    }

    /// Takes back what `link` did not take.
    pub(crate) fn put_back(&mut self, link: &Link, body: Body) {
        match (&mut self.content, body) {
            (Content::Given(_, made), Body::Bytes(bytes)) => {
                *made = Some((link.codec.name(), bytes));
            }
            (content @ Content::Gone, body) => *content = Content::Packed(body, PhantomData),
            // It was encoded from what is still here.
            (Content::Given(..) | Content::Packed(..), _) => (),
        }
    }
}

/// A message for many peers: encoded once per codec, cloned once for all local ones.
pub(crate) struct Copies<'a, T> {
    encoded: Vec<(&'static str, Bytes)>,
    limits: Limits,
    local: Option<Body>,
    value: &'a T,
}

impl<'a, T: Message> Copies<'a, T> {
    pub(crate) fn new(value: &'a T, limits: Limits) -> Self {
        Self { encoded: Vec::new(), limits, local: None, value }
    }

    /// The body for `link`.
    pub(crate) fn body(&mut self, link: &Link) -> Result<Body, EncodeError> {
        if link.is_local() {
            let pack = || local::pack(self.value.clone(), &link.codec, self.limits);
            return Ok(self.local.get_or_insert_with(pack).clone());
        }
        let codec = link.codec.name();
        if let Some((_, bytes)) = self.encoded.iter().find(|(name, _)| *name == codec) {
            return Ok(Body::Bytes(bytes.clone()));
        }
        let bytes = link.codec.encode(self.value, &self.limits)?;
        self.encoded.push((codec, bytes.clone()));
        Ok(Body::Bytes(bytes))
    }
}
