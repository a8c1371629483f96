//! The sending side of a socket as a sink.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Sink;
use gleis_codec::Message;

use crate::error::SendError;
use crate::sending::Sending;

/// Sends what it is given, one after the other; one that fails does not end it.
pub(crate) struct View<'a, T> {
    sending: &'a Sending,
    value: PhantomData<fn(T)>,
    waiting: Option<Waiting<'a>>,
}

/// A message for which there was no room at once.
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

impl<'a, T> View<'a, T> {
    pub(crate) fn new(sending: &'a Sending) -> Self {
        Self { sending, value: PhantomData, waiting: None }
    }
}

impl<T: Message> Sink<T> for View<'_, T> {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.sending.poll_pace(cx));
        self.poll_flush(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: T) -> Result<(), SendError> {
        let sending = self.sending;
        let mut parcel = sending.parcel(message);
        match sending.send_now(&mut parcel) {
            Some(res) => res,
            None => {
                self.waiting = Some(Box::pin(async move { sending.wait(&mut parcel).await }));
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
