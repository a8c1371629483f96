//! Receives what it subscribed to.

use bytes::Bytes;
use gleis_codec::Message;

/// Receives what is published under topics that begin with one of its prefixes.
pub struct Subscriber<T> { _t: std::marker::PhantomData<T> }

/// A message and the topic it was published under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication<T> {
    /// What it was published under; empty if the publisher sends no topic of its own.
    pub topic: Bytes,
    /// The message.
    pub message: T,
}

impl<T: Message> Subscriber<T> {
    crate::socket::shared!();

    /// Also receives what is published under topics that begin with `prefix`; the empty one is all.
    /// A prefix subscribed to twice must be unsubscribed twice.
    pub fn subscribe(&self, prefix: impl AsRef<[u8]>) { unimplemented!() }
    /// Ends one subscription to `prefix`; false if there is none. What is already here for nobody
    /// is not delivered any more.
    pub fn unsubscribe(&self, prefix: impl AsRef<[u8]>) -> bool { unimplemented!() }
    /// Waits for the next publication.
    pub async fn recv(&mut self) -> Result<Publication<T>, crate::RecvError> { unimplemented!() }
    /// Polls for the next publication.
    pub fn poll_recv(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<Publication<T>, crate::RecvError>> { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}
