//! The sending side of a socket as a sink.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{FutureExt, Sink};

use crate::error::SendError;

/// What can be seen as a sink of `T`.
pub(crate) trait Outbound<T>: Sync {
    /// Sends, as far as that is possible at once.
    fn begin(&self, message: T) -> Begun<'_>;

    /// Now and then lets others run, unless sending does that already.
    fn poll_pace(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// What became of a message at once.
pub(crate) enum Begun<'a> {
    Done(Result<(), SendError>),
    Waits(Waiting<'a>),
}

/// A message for which there was no room at once.
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

impl<'a> Begun<'a> {
    /// Begins to send by polling once.
    pub(crate) fn polled(sending: impl Future<Output = Result<(), SendError>> + Send + 'a) -> Self {
        let mut sending: Waiting<'a> = Box::pin(sending);
        match (&mut sending).now_or_never() {
            Some(res) => Self::Done(res),
            None => Self::Waits(sending),
        }
    }
}

/// Sends what it is given, one after the other; one that fails does not end it.
pub(crate) struct View<'a, S, T> {
    outbound: &'a S,
    value: PhantomData<fn(T)>,
    waiting: Option<Waiting<'a>>,
}

impl<'a, S, T> View<'a, S, T> {
    pub(crate) fn new(outbound: &'a S) -> Self {
        Self { outbound, value: PhantomData, waiting: None }
    }
}

impl<S: Outbound<T>, T> Sink<T> for View<'_, S, T> {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.outbound.poll_pace(cx));
        self.poll_flush(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: T) -> Result<(), SendError> {
        match self.outbound.begin(message) {
            Begun::Done(res) => res,
            Begun::Waits(waiting) => {
                self.waiting = Some(waiting);
                Ok(())
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(()));
        };
        let res = ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        Poll::Ready(res)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_flush(cx)
    }
}
