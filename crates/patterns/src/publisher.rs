//! Sends each message to whoever subscribed to its topic.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Message as Frames, SocketType, TrySendError};

use crate::audience::{Audience, Listener};
use crate::core::Core;
use crate::error::{OpenError, SendError};
use crate::ledger::Ledger;
use crate::local::Outgoing;
use crate::options::{Overflow, Settings, Side};
use crate::pace::Pace;
use crate::parcel::Copies;
use crate::socket::shared;
use crate::stats::DropReason;

/// Sends each message to every peer that subscribed to its topic.
///
/// A message is encoded once, or cloned once for all peers on inproc. A peer without room misses the
/// new message, which is counted, unless another [`Overflow`] is chosen. May be shared between tasks.
/// Dropping it closes it at once.
pub struct Publisher<T> {
    audience: Arc<Audience>,
    core: Arc<Core>,
    limits: Limits,
    ledger: Arc<Ledger>,
    overflow: Overflow,
    pace: Pace,
    value: PhantomData<fn(T)>,
}

impl<T: Message> Publisher<T> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let audience = Arc::new(Audience::new(settings.wish_limits()));
        let limits = settings.limits();
        let overflow = settings.overflow.unwrap_or(Overflow::DropNewest);
        let core = Core::new::<T>(SocketType::Pub, settings, audience.clone());
        core.open(side, at).await?;
        let (ledger, (pace, value)) = (core.ledger().clone(), Default::default());
        Ok(Self { audience, core, ledger, limits, overflow, pace, value })
    }

    /// Publishes `message` under `topic` to all that subscribed to it.
    ///
    /// # Errors
    /// [`SendError::Full`] only if [`Overflow::Fail`] was chosen: some subscribers had no room, the
    /// others have the message. That there are no subscribers is no error, but counted.
    ///
    /// # Cancel safety
    /// Waits only if [`Overflow::Block`] was chosen; a future dropped then has reached some
    /// subscribers and not others.
    pub async fn publish(
        &self,
        topic: impl AsRef<[u8]>,
        message: impl Outgoing<T>,
    ) -> Result<(), SendError> {
        let topic = Bytes::copy_from_slice(topic.as_ref());
        self.send_to_all(topic, message.value()).await
    }

    /// Publishes `message` under the empty topic: only those that subscribed to everything get it.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    /// As [`publish`](Self::publish).
    pub async fn send(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        self.send_to_all(Bytes::new(), message.value()).await
    }

    /// How many peers have at least one subscription.
    pub fn subscribers(&self) -> usize {
        self.audience.n_subscribers()
    }

    /// Waits until at least `n` peers have a subscription, or the socket is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for_subscribers(&self, n: usize) {
        self.audience.wait_for_subscribers(n).await;
    }

    async fn send_to_all(&self, topic: Bytes, value: &T) -> Result<(), SendError> {
        self.pace.keep().await;
        let listeners = self.audience.listeners().ok_or(SendError::Closed)?;
        let mut copies = Copies::new(value, self.limits);
        let (mut n_wanted, mut n_full) = (0, 0);
        for listener in listeners.iter().filter(|it| it.wants(&topic)) {
            n_wanted += 1;
            let frames = copies.frames(&listener.link).map_err(|it| self.ledger.refuse(it))?;
            let message = published(topic.clone(), frames);
            n_full += usize::from(!self.send_to_one(listener, message).await?);
        }
        if n_wanted == 0 {
            self.ledger.lose(DropReason::NoSubscriber, 1);
        }
        if 0 < n_full && self.overflow == Overflow::Fail { Err(SendError::Full) } else { Ok(()) }
    }

    /// False if the listener had no room.
    async fn send_to_one(&self, listener: &Listener, message: Frames) -> Result<bool, SendError> {
        let sender = &listener.link.sender;
        let account = &listener.link.account;
        listener.tell_gap();
        let res = match self.overflow {
            Overflow::Block => sender.send(message).await,
            Overflow::DropNewest | Overflow::Fail => sender.try_send(message),
            Overflow::DropOldest => sender.displace(message).map(|given_up| {
                if given_up.is_some() {
                    account.displace_sent();
                    listener.miss();
                }
            }),
        };
        match res {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => {
                account.lose_sent(DropReason::Full);
                listener.miss();
                Ok(false)
            }
            // It has just gone: no subscriber any more.
            Err(TrySendError::Closed(_)) => {
                account.lose_sent(DropReason::Closed);
                Ok(true)
            }
            Err(error) => Err(SendError::Encode(Box::new(error))),
        }
    }
}

/// A publication as the wire carries it.
fn published(topic: Bytes, value: Frames) -> Frames {
    let mut head = Vec::with_capacity(1 + value.head.len());
    head.push(topic);
    head.extend(value.head);
    Frames { head, body: value.body }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("core", &self.core).finish_non_exhaustive()
    }
}
