//! Hands each message to one of its peers.

use gleis_codec::Message;

/// Hands each message to one of its peers that has room, in turn.
pub struct Push<T> { _t: std::marker::PhantomData<T> }

impl<T: Message> Push<T> {
    crate::socket::shared!();

    /// Sends `message`, by value or by reference. Without a peer that has room it does what
    /// [`Overflow`](crate::Overflow) says; by default it waits.
    pub async fn send(&self, message: impl crate::Outgoing<T>) -> Result<(), crate::SendError> { unimplemented!() }
    /// Sends `message` if that is possible at once, whatever [`Overflow`](crate::Overflow) says.
    pub fn try_send(&self, message: impl crate::Outgoing<T>) -> Result<(), crate::SendError> { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}
