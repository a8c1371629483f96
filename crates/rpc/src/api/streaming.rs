//! Streams of values, as methods give them and as callers read them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{BoxStream, Stream, StreamExt};
use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::RpcError;

/// A stream whose type is forgotten, as it travels.
pub(crate) type Items = BoxStream<'static, Result<Value, String>>;

/// Values that come one after the other: what a method returns that gives many, and what its caller reads.
/// After an error nothing comes.
///
/// A caller reads ahead, by 64 values if not said otherwise, and the method is asked for no more than that
/// while nobody reads. Dropping it drops what the method returned, with all that this waits for.
#[must_use = "a stream does nothing until it is read"]
pub struct Streaming<T>(Option<BoxStream<'static, Result<T, RpcError>>>);

impl<T: Send + 'static> Streaming<T> {
    /// A stream of values of which one may fail; callers are told why, as text.
    pub fn new<E: fmt::Display>(items: impl Stream<Item = Result<T, E>> + Send + 'static) -> Self {
        let told = |error: E| RpcError::Remote { text: error.to_string() };
        Self(Some(items.map(move |it| it.map_err(told)).boxed()))
    }

    /// A stream of values that do not fail.
    pub fn of(values: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(Some(values.map(Ok).boxed()))
    }
}

impl<T: Serialize + Send + 'static> Streaming<T> {
    pub(crate) fn items(self) -> Items {
        let told = |item: Result<T, RpcError>| {
            let value = item.map_err(|it| it.to_string())?;
            to_value(&value).map_err(|it| it.to_string())
        };
        self.map(told).boxed()
    }
}

impl<T: DeserializeOwned + Send + 'static> Streaming<T> {
    /// What `method` gives, as it came.
    pub(crate) fn read(
        method: &str,
        values: impl Stream<Item = Result<Value, RpcError>> + Send + 'static,
    ) -> Self {
        let method = method.to_owned();
        let read = move |value: Result<Value, RpcError>| {
            from_value(value?)
                .map_err(|it| RpcError::Answer { method: method.clone(), reason: it.to_string() })
        };
        Self(Some(values.map(read).boxed()))
    }
}

impl<T> Stream for Streaming<T> {
    type Item = Result<T, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(items) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let item = ready!(items.poll_next_unpin(cx));
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(item)
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").finish_non_exhaustive()
    }
}
