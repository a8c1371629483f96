//! Answers each request once.

use gleis_codec::Message;

/// Takes requests from all its peers, one of each in turn, and answers each once.
pub struct Replier<Q, R> { _t: std::marker::PhantomData<(Q, R)> }

impl<Q: Message, R: Message> Replier<Q, R> {
    crate::socket::shared!();

    /// Waits for the next request.
    pub async fn recv(&mut self) -> Result<(Q, ReplyHandle<R>), crate::RecvError> { unimplemented!() }
    /// Polls for the next request.
    pub fn poll_recv(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(Q, ReplyHandle<R>), crate::RecvError>> { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}

/// Answers exactly one request; a dropped one answers "no reply". Send + 'static.
#[must_use = "the requester waits until this handle is used or dropped"]
pub struct ReplyHandle<R> { _t: std::marker::PhantomData<R> }

impl<R: Message> ReplyHandle<R> {
    /// Sends the answer.
    pub async fn send(self, answer: impl crate::Outgoing<R>) -> Result<(), crate::ReplyError> { unimplemented!() }
    /// Answers with an error that says `text`.
    pub async fn fail(self, text: impl Into<String>) -> Result<(), crate::ReplyError> { unimplemented!() }
}
