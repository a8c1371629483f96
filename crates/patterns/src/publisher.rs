//! Sends each message to whoever subscribed to its topic.

use gleis_codec::Message;

/// Sends each message to every peer that subscribed to a prefix of its topic.
pub struct Publisher<T> { _t: std::marker::PhantomData<T> }

impl<T: Message> Publisher<T> {
    crate::socket::shared!();

    /// Publishes `message` under `topic`.
    pub async fn publish(&self, topic: impl AsRef<[u8]> + Send, message: impl crate::Outgoing<T>) -> Result<(), crate::SendError> { unimplemented!() }
    /// Publishes `message` under the empty topic: only those that subscribed to all receive it.
    pub async fn send(&self, message: impl crate::Outgoing<T>) -> Result<(), crate::SendError> { unimplemented!() }
    /// How many peers have at least one subscription.
    pub fn subscribers(&self) -> usize { unimplemented!() }
    /// Waits until at least `n` peers have a subscription, or the socket is closed.
    pub async fn wait_for_subscribers(&self, n: usize) { unimplemented!() }
    /// What became of the messages.
    pub fn stats(&self) -> crate::Stats { unimplemented!() }
}
