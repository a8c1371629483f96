//! Hands each message to one of its peers.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Message as Frames, SocketType, TrySendError};

use crate::core::Core;
use crate::error::{OpenError, SendError};
use crate::local::Outgoing;
use crate::options::{Overflow, Settings, Side};
use crate::outlet::Outlet;
use crate::pace::Pace;
use crate::parcel::Parcel;
use crate::ring::{Offered, Tried};
use crate::socket::shared;
use crate::stats::{Counters, Reason, Stats};

/// Hands each message to one of its peers that has room, in turn.
///
/// Without such a peer it does what [`Overflow`] says; by default the send waits. May be shared
/// between tasks. Dropping it closes it at once; [`close`](Self::close) waits for what is queued.
pub struct Push<T> {
    core: Arc<Core>,
    limits: Limits,
    outlet: Arc<Outlet>,
    overflow: Overflow,
    pace: Pace,
    sent: Arc<Counters>,
    value: PhantomData<fn(T)>,
}

impl<T: Message> Push<T> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let (sent, outlet) = (Arc::new(Counters::default()), Arc::new(Outlet::default()));
        let limits = settings.limits();
        let overflow = settings.overflow.unwrap_or(Overflow::Block);
        let core = Core::new::<T>(SocketType::Push, settings, outlet.clone(), sent.clone());
        core.open(side, at).await?;
        let (pace, value) = Default::default();
        Ok(Self { core, limits, outlet, overflow, pace, sent, value })
    }

    /// Sends `message`, by value or by reference, to the next peer that has room.
    ///
    /// # Errors
    /// [`SendError`]; `Full` and `NoPeer` only if [`Overflow::Fail`] was chosen. Pass a reference to
    /// keep the message for another attempt.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        self.pace.keep().await;
        let mut parcel = Parcel::new(message, self.limits);
        match (self.offer(&mut parcel), self.overflow) {
            (Offered::Done(res), _) => res,
            (Offered::Closed, _) => Err(SendError::Closed),
            (Offered::Full | Offered::Nobody, Overflow::Block) => self.wait(parcel).await,
            (Offered::Full, Overflow::DropOldest) => self.displace(parcel),
            (Offered::Full, Overflow::Fail) => Err(SendError::Full),
            (Offered::Nobody, Overflow::Fail) => Err(SendError::NoPeer),
            (Offered::Full, _) => self.lose(Reason::Full),
            (Offered::Nobody, _) => self.lose(Reason::NoPeer),
        }
    }

    /// Sends `message` if that is possible at once, whatever [`Overflow`] says.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn try_send(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        match self.offer(&mut Parcel::new(message, self.limits)) {
            Offered::Closed => Err(SendError::Closed),
            Offered::Done(res) => res,
            Offered::Full => Err(SendError::Full),
            Offered::Nobody => Err(SendError::NoPeer),
        }
    }

    /// What became of the messages.
    pub fn stats(&self) -> Stats {
        self.core.stats(self.outlet.received())
    }

    fn offer<M: Outgoing<T>>(&self, parcel: &mut Parcel<T, M>) -> Offered<Result<(), SendError>> {
        self.outlet.ring.offer(|link| {
            let body = match parcel.take(link) {
                Ok(body) => body,
                Err(error) => return Tried::Done(Err(error.into())),
            };
            match link.sender.try_send(Frames::single(body)) {
                Ok(()) => {
                    self.sent.offer(1);
                    Tried::Done(Ok(()))
                }
                Err(TrySendError::Full(back)) => {
                    parcel.put_back(link, back.body);
                    Tried::Full
                }
                Err(TrySendError::Closed(back)) => {
                    parcel.put_back(link, back.body);
                    Tried::Gone
                }
                Err(error) => Tried::Done(Err(SendError::Encode(Box::new(error)))),
            }
        })
    }

    async fn wait<M: Outgoing<T>>(&self, mut parcel: Parcel<T, M>) -> Result<(), SendError> {
        let attempt = || match self.offer(&mut parcel) {
            Offered::Closed => Some(Err(SendError::Closed)),
            Offered::Done(res) => Some(res),
            Offered::Full | Offered::Nobody => None,
        };
        self.outlet.ring.until(attempt).await
    }

    /// Makes room for the parcel at one peer.
    fn displace<M: Outgoing<T>>(&self, mut parcel: Parcel<T, M>) -> Result<(), SendError> {
        let offered = self.outlet.ring.offer(|link| {
            let body = match parcel.take(link) {
                Ok(body) => body,
                Err(error) => return Tried::Done(Err(error.into())),
            };
            match link.sender.displace(Frames::single(body)) {
                Ok(given_up) => {
                    self.sent.offer(1);
                    self.sent.lose(Reason::Full, u64::from(given_up.is_some()));
                    Tried::Done(Ok(()))
                }
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => {
                    parcel.put_back(link, back.body);
                    Tried::Full
                }
                Err(error) => Tried::Done(Err(SendError::Encode(Box::new(error)))),
            }
        });
        match offered {
            Offered::Closed => Err(SendError::Closed),
            Offered::Done(res) => res,
            // Nothing that waits can be given up any more.
            Offered::Full | Offered::Nobody => self.lose(Reason::Full),
        }
    }

    /// Drops a message, which is counted and no error.
    fn lose(&self, reason: Reason) -> Result<(), SendError> {
        self.sent.offer(1);
        self.sent.lose(reason, 1);
        Ok(())
    }
}

impl<T> fmt::Debug for Push<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("core", &self.core).finish_non_exhaustive()
    }
}
