//! Asks, and finds the answer that belongs to the question.

use gleis_codec::Message;

/// Asks its peers in turn; many requests may be in flight, each with a deadline.
pub struct Requester<Q, R> { _t: std::marker::PhantomData<(Q, R)> }

impl<Q: Message, R: Message> Requester<Q, R> {
    crate::socket::shared!();

    /// Asks one of the peers that have room. `.await` it for the answer; the timeout is the socket's
    /// unless chosen by [`Request::within`].
    pub fn request<M: crate::Outgoing<Q>>(&self, message: M) -> Request<'_, Q, R, M> { unimplemented!() }
    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}

/// A request to be awaited: `Result<R, RequestError>`. Dropping it before it is awaited sends nothing.
#[must_use = "nothing is asked until it is awaited"]
pub struct Request<'a, Q, R, M> { _t: std::marker::PhantomData<(&'a (), Q, R, M)> }

impl<Q: Message, R: Message, M: crate::Outgoing<Q>> Request<'_, Q, R, M> {
    /// Waits this long for the answer, from now on.
    pub fn within(self, timeout: std::time::Duration) -> Self { unimplemented!() }
}
