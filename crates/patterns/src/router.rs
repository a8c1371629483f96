//! Receives from all its peers and sends to the one it is told.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{CloseReason, Inbound, SocketType, TrySendError};

use crate::core::Core;
use crate::error::{OpenError, RecvError, SendError};
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::local::Outgoing;
use crate::multipart::Framed;
use crate::options::{Overflow, Settings, Side};
use crate::pace::Pace;
use crate::parcel::Parcel;
use crate::peer::Link;
use crate::peer_id::PeerId;
use crate::pull::Bodies;
use crate::receiving::{Reader, Receiving};
use crate::route::{Route, Shared};
use crate::routes::{Astray, Routes};
use crate::socket::{receives, shared, streams};
use crate::stats::DropReason;

/// Takes `R` from all its peers, one of each in turn, and says who sent it; sends `S` to the peer it
/// is told.
///
/// A peer is known by its [`PeerId`]. Of two peers that announce the same identity the first keeps
/// it, and the second is refused and told so, unless [`handover`](crate::Builder::handover) was
/// chosen. A peer that is not there is an error, unless
/// [`drop_unroutable`](crate::Builder::drop_unroutable) was chosen.
///
/// A message is its body and nothing else. `Router<Multipart>` gets all frames behind the identity,
/// `["", body]` from a foreign `REQ` for example, and answers in frames.
///
/// A peer without room is waited for, unless another [`Overflow`] is chosen; others are not held up
/// by sends to it from other tasks. May be shared between tasks. Dropping it closes it at once; what
/// waits is lost.
pub struct Router<S, R = S> {
    pub(crate) core: Arc<Core>,
    drop_unroutable: bool,
    ledger: Arc<Ledger>,
    limits: Limits,
    overflow: Overflow,
    pace: Pace,
    receiving: Receiving<Addressed<R>>,
    routes: Arc<Routes>,
    timeout: Option<Duration>,
    value: PhantomData<fn(S)>,
}

impl<R: Message> Router<Framed, R> {
    /// The way to a peer; `None` if it is not here.
    pub fn route(&self, to: &PeerId) -> Option<Route> {
        self.routes.find(to).ok().map(|it| Route::new(&it, self.limits))
    }

    /// As [`recv_many`](Self::recv_many), with the way back instead of the id.
    ///
    /// # Errors
    /// As [`recv`](Self::recv); then nothing was appended.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv_many_routed(
        &self,
        into: &mut impl Extend<(Route, R)>,
        most: usize,
    ) -> Result<usize, RecvError> {
        let reader = Routed(Bodies::new(self.limits), self.limits);
        self.receiving.recv_many_by(&reader, into, most).await
    }

    /// A message that is framed once, for any number of [routes](Self::route).
    ///
    /// # Errors
    /// [`SendError::Encode`]: a frame is longer than a message may be.
    pub fn share(&self, message: Framed) -> Result<Shared, SendError> {
        Shared::new(message, &self.limits)
    }
}

impl<S: Message, R: Message> Router<S, R> {
    shared!(receiving);
    receives!((PeerId, R));

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let routes = Arc::new(Routes::new(&settings));
        let limits = settings.limits();
        let receiving = receiving(routes.intake.clone(), &settings);
        let core = Core::new::<S>(SocketType::Router, settings, routes.clone());
        core.open(side, at).await?;
        let settings = core.settings();
        Ok(Self {
            drop_unroutable: settings.drop_unroutable,
            ledger: core.ledger().clone(),
            limits,
            overflow: settings.overflow.unwrap_or(Overflow::Block),
            pace: Pace::default(),
            receiving,
            routes,
            timeout: settings.send_timeout,
            value: PhantomData,
            core,
        })
    }

    /// Sends `message`, by value or by reference, to the peer `to`.
    ///
    /// # Errors
    /// [`SendError`]: `NoPeer` if it is not here, or leaves while it is waited for; `Full` only if
    /// [`Overflow::Fail`] was chosen, `TimedOut` only with a
    /// [`send_timeout`](crate::Builder::send_timeout).
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send_to(&self, to: &PeerId, message: impl Outgoing<S>) -> Result<(), SendError> {
        let mut parcel = self.parcel(message);
        let res = self.send_parcel(to, &mut parcel, self.timeout).await;
        self.forgive(res)
    }

    /// Sends `message` to the peer `to` if that is possible at once, whatever [`Overflow`] says.
    ///
    /// # Errors
    /// [`SendError`]: `Full` and `NoPeer` are safe to try again.
    pub fn try_send_to(&self, to: &PeerId, message: impl Outgoing<S>) -> Result<(), SendError> {
        let res = self.offer(to, &mut self.parcel(message));
        self.forgive(res)
    }

    /// Who is here now, in the order of their bytes.
    pub fn peer_ids(&self) -> Vec<PeerId> {
        self.routes.ids()
    }

    /// Closes the connection of a peer; false if it is not here. What is queued for it has the linger
    /// time to leave. A peer that connects by itself may come back.
    ///
    /// # Cancel safety
    /// It is disconnected in any case; what was queued may be lost.
    pub async fn disconnect_peer(&self, id: &PeerId) -> bool {
        let Ok(link) = self.routes.find(id) else {
            return false;
        };
        self.core.close_links(vec![link], self.core.settings().options.linger).await;
        true
    }

    pub(crate) fn parcel<M: Outgoing<S>>(&self, message: M) -> Parcel<S, M> {
        Parcel::new(message, self.limits)
    }

    /// Sends it, waiting for room no longer than `timeout`. Unless it was sent or given up, the parcel
    /// is whole again; also if the future is dropped.
    pub(crate) async fn send_parcel<M: Outgoing<S>>(
        &self,
        to: &PeerId,
        parcel: &mut Parcel<S, M>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        self.pace.keep().await;
        match (self.offer(to, parcel), self.overflow) {
            (Err(SendError::Full), Overflow::Block) => self.wait(to, parcel, timeout).await,
            (Err(SendError::Full), Overflow::DropOldest) => self.displace(to, parcel),
            (Err(SendError::Full), Overflow::DropNewest) => self.give_up(to),
            (res, _) => res,
        }
    }

    /// Disconnects a peer that did not take a message in time.
    pub(crate) fn expel(&self, id: &PeerId) {
        if let Ok(link) = self.routes.find(id) {
            link.account.lose_sent(DropReason::Full);
            link.sender.abort(CloseReason::Refused("it does not take its answers".into()));
        }
    }

    /// Sends at once, or says `Full`; then the parcel is whole again.
    fn offer<M: Outgoing<S>>(
        &self,
        to: &PeerId,
        parcel: &mut Parcel<S, M>,
    ) -> Result<(), SendError> {
        let link = self.link(to)?;
        let frames = parcel.take(&link).map_err(|it| self.ledger.refuse(it))?;
        link.sender.try_send(frames).map_err(|error| self.missed(parcel, &link, error))
    }

    async fn wait<M: Outgoing<S>>(
        &self,
        to: &PeerId,
        parcel: &mut Parcel<S, M>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        let sent = self.send_when_ready(to, parcel);
        match timeout {
            None => sent.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, sent).await.unwrap_or(Err(SendError::TimedOut))
            }
        }
    }

    async fn send_when_ready<M: Outgoing<S>>(
        &self,
        to: &PeerId,
        parcel: &mut Parcel<S, M>,
    ) -> Result<(), SendError> {
        loop {
            let link = self.link(to)?;
            // A link that is over is told by the next attempt.
            let _ = std::future::poll_fn(|cx| link.sender.poll_ready(cx)).await;
            drop(link);
            match self.offer(to, parcel) {
                Err(SendError::Full) => tokio::task::coop::consume_budget().await,
                res => return res,
            }
        }
    }

    /// Sends in place of the oldest message that waits for the peer.
    fn displace<M: Outgoing<S>>(
        &self,
        to: &PeerId,
        parcel: &mut Parcel<S, M>,
    ) -> Result<(), SendError> {
        let link = self.link(to)?;
        let frames = parcel.take(&link).map_err(|it| self.ledger.refuse(it))?;
        match link.sender.displace(frames) {
            Ok(given_up) => {
                link.account.displace_sent(given_up.len() as u64);
                Ok(())
            }
            // Nothing that waits can be given up any more.
            Err(TrySendError::Full(_)) => self.give_up(to),
            Err(error) => Err(self.missed(parcel, &link, error)),
        }
    }

    fn link(&self, to: &PeerId) -> Result<Arc<Link>, SendError> {
        self.routes.find(to).map_err(|it| match it {
            Astray::Closed => SendError::Closed,
            Astray::NoPeer => SendError::NoPeer,
        })
    }

    fn missed<M: Outgoing<S>>(
        &self,
        parcel: &mut Parcel<S, M>,
        link: &Link,
        error: TrySendError,
    ) -> SendError {
        match error {
            TrySendError::Full(back) => {
                parcel.put_back(link, back);
                SendError::Full
            }
            TrySendError::Closed(back) => {
                parcel.put_back(link, back);
                if self.routes.is_closed() { SendError::Closed } else { SendError::NoPeer }
            }
            error => SendError::Encode(Box::new(error)),
        }
    }

    /// Drops a message for want of room, which is counted and no error.
    fn give_up(&self, to: &PeerId) -> Result<(), SendError> {
        self.link(to)?.account.lose_sent(DropReason::Full);
        Ok(())
    }

    /// That there is no such peer may be no error, but it is counted.
    fn forgive(&self, res: Result<(), SendError>) -> Result<(), SendError> {
        match res {
            Err(SendError::NoPeer) if self.drop_unroutable => {
                self.ledger.lose(DropReason::NoPeer, 1);
                Ok(())
            }
            res => res,
        }
    }
}

streams!(Router<S, R>, (PeerId, R));

fn receiving<R: Message>(intake: Arc<Intake>, settings: &Settings) -> Receiving<Addressed<R>> {
    let reader = Addressed(Bodies::new(settings.limits()));
    Receiving::new(intake, reader, settings.recv_timeout)
}

/// Reads messages that are nothing but a value, and who sent them.
struct Addressed<R>(Bodies<R>);

impl<R: Message> Reader for Addressed<R> {
    type Item = (PeerId, R);

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Self::Item>, RecvError> {
        let value = self.0.read(link, item)?;
        Ok(link.peer_id.get().cloned().zip(value))
    }
}

/// As [`Addressed`], with the way back.
struct Routed<R>(Bodies<R>, Limits);

impl<R: Message> Reader for Routed<R> {
    type Item = (Route, R);

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Self::Item>, RecvError> {
        let value = self.0.read(link, item)?;
        Ok(value.map(|it| (Route::new(link, self.1), it)))
    }
}

impl<S, R> fmt::Debug for Router<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("core", &self.core).finish_non_exhaustive()
    }
}
