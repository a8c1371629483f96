//! Takes messages from all its peers.

use gleis_codec::Message;

/// Takes messages from all its peers, one of each in turn.
pub struct Pull<T> { _t: std::marker::PhantomData<T> }

impl<T: Message> Pull<T> {
    crate::socket::shared!();

    /// Waits for the next message.
    pub async fn recv(&mut self) -> Result<T, crate::RecvError> { unimplemented!() }
    /// Polls for the next message.
    pub fn poll_recv(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<T, crate::RecvError>> { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}
