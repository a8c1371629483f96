//! A message on its way to one peer or to many.

use std::marker::PhantomData;

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, Broadcast, Head, Message as Frames};

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
    Packed(Frames, PhantomData<fn() -> T>),
    /// It is with a peer, or on its way.
    Gone,
}

impl<T: Message, M: Outgoing<T>> Parcel<T, M> {
    pub(crate) fn new(message: M, limits: Limits) -> Self {
        Self { content: Content::Given(message, None), limits }
    }

    /// The frames for `link`. If the link does not take them, they must be
    /// [put back](Self::put_back).
    pub(crate) fn take(&mut self, link: &Link) -> Result<Frames, EncodeError> {
        let content = std::mem::replace(&mut self.content, Content::Gone);
        match content {
            Content::Given(message, _) if link.is_local() => {
                Ok(Frames::single(local::pack(message.into_value(), &link.codec, self.limits)))
            }
            Content::Given(message, _)
                if local::is_plain(message.value(), &link.codec, &self.limits) =>
            {
                Ok(local::into_frames(message.into_value()))
            }
            Content::Given(message, made) => {
                let codec = link.codec.name();
                let bytes = match made {
                    Some((name, bytes)) if name == codec => Ok(bytes),
                    _ => local::encode_value(message.value(), &link.codec, &self.limits),
                };
                self.content = Content::Given(message, None);
                bytes.map(Frames::single)
            }
            Content::Packed(frames, _) if link.takes(&frames.body) => Ok(frames),
            Content::Packed(frames, packed) => {
                let bytes = local::encode::<T>(&frames, &link.codec, &self.limits);
                self.content = Content::Packed(frames, packed);
                bytes.map(Frames::single)
            }
            Content::Gone => unreachable!("what was not taken is put back"),
        }
    }

    /// What is left of it, on its own.
    pub(crate) fn own(&mut self) -> Parcel<T, T> {
        let content = match std::mem::replace(&mut self.content, Content::Gone) {
            Content::Given(message, made) => Content::Given(message.into_value(), made),
            Content::Packed(frames, packed) => Content::Packed(frames, packed),
            Content::Gone => Content::Gone,
        };
        Parcel { content, limits: self.limits }
    }

    /// Its length when it is encoded by `codec`, which is kept for a peer that speaks that; what
    /// cannot be encoded weighs as much as the longest that can.
    pub(crate) fn weigh(&mut self, codec: &AnyCodec) -> usize {
        let longest = self.limits.bytes;
        match &mut self.content {
            Content::Given(_, Some((_, bytes))) => bytes.len(),
            Content::Given(message, made) => {
                if let Some(len) = local::plain_len(message.value()) {
                    return len;
                }
                let Ok(bytes) = local::encode_value(message.value(), codec, &self.limits) else {
                    return longest;
                };
                made.insert((codec.name(), bytes)).1.len()
            }
            Content::Packed(frames, _) => frames.body.to_bytes().map_or(longest, |it| it.len()),
            Content::Gone => 0,
        }
    }

    /// Takes back what `link` did not take.
    pub(crate) fn put_back(&mut self, link: &Link, frames: Frames) {
        match (&mut self.content, frames.body) {
            (Content::Given(_, made), Body::Bytes(bytes)) => {
                *made = Some((link.codec.name(), bytes));
            }
            (content @ Content::Gone, body) => {
                let frames = Frames { head: frames.head, body };
                *content = Content::Packed(frames, PhantomData);
            }
            // It was encoded from what is still here.
            (Content::Given(..) | Content::Packed(..), _) => (),
        }
    }
}

/// A message for many peers, behind its topic if it has one: encoded once per codec, cloned once for all local ones.
pub(crate) struct Copies<'a, T> {
    encoded: Vec<(&'static str, Broadcast)>,
    /// Which of them was asked for last.
    last: usize,
    limits: Limits,
    local: Option<Broadcast>,
    topic: Option<Head>,
    value: &'a T,
}

impl<'a, T: Message> Copies<'a, T> {
    pub(crate) fn new(topic: Option<Head>, value: &'a T, limits: Limits) -> Self {
        Self { encoded: Vec::new(), last: 0, limits, local: None, topic, value }
    }

    /// The frames for `link`.
    pub(crate) fn frames(&mut self, link: &Link) -> Result<&Broadcast, EncodeError> {
        if !link.is_local() {
            return self.encoded(&link.codec);
        }
        let pack = || Frames::single(local::pack(self.value.clone(), &link.codec, self.limits));
        Ok(self.local.get_or_insert_with(|| published(self.topic.clone(), pack())))
    }

    /// True if what it is encoded to may be a slice of a buffer that others use.
    pub(crate) fn pins(&self) -> bool {
        local::plain_len(self.value).is_some()
    }

    /// The frames as `codec` writes them.
    pub(crate) fn encoded(&mut self, codec: &AnyCodec) -> Result<&Broadcast, EncodeError> {
        let name = codec.name();
        // Of one codec the very same name: a look at the address spares looking at the letters.
        let is_last = |(it, _): &(&str, Broadcast)| std::ptr::eq(*it, name);
        if self.encoded.get(self.last).is_some_and(is_last) {
            return Ok(&self.encoded[self.last].1);
        }
        self.last = match self.encoded.iter().position(|(it, _)| *it == name) {
            Some(at) => at,
            None => {
                let frames = match local::is_plain(self.value, codec, &self.limits) {
                    true => local::into_frames(self.value.clone()),
                    false => Frames::single(local::encode_value(self.value, codec, &self.limits)?),
                };
                self.encoded.push((name, published(self.topic.clone(), frames)));
                self.encoded.len() - 1
            }
        };
        Ok(&self.encoded[self.last].1)
    }
}

/// A publication as the wire carries it.
fn published(topic: Option<Head>, value: Frames) -> Broadcast {
    let Some(mut head) = topic else {
        return Broadcast::new(value);
    };
    head.append(value.head);
    Broadcast::new(Frames { head, body: value.body })
}
