//! Giving each message to one of several peers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Sink;
use gleis_codec::{EncodeError, Fault, Limits, Message};
use gleis_transport::{TaskGuard, TrySendError};

use crate::error::SendError;
use crate::front::{Front, Gate};
use crate::ledger::Ledger;
use crate::local::Outgoing;
use crate::options::{Overflow, Settings};
use crate::pace::Pace;
use crate::parcel::Parcel;
use crate::peer::Link;
use crate::ring::{Offered, Ring, Tried};
use crate::sink::{Begun, Outbound, View};
use crate::stats::DropReason;

/// The sending side of a socket whose peers take turns.
pub(crate) struct Sending {
    _draining: Option<TaskGuard>,
    front: Option<Arc<Front>>,
    ledger: Arc<Ledger>,
    limits: Limits,
    overflow: Overflow,
    pace: Pace,
    ring: Arc<Ring>,
    timeout: Option<Duration>,
}

impl Sending {
    pub(crate) fn new(ring: Arc<Ring>, ledger: Arc<Ledger>, settings: &Settings) -> Self {
        let front = settings.queue_without_peer.then(|| Front::new(ledger.clone(), settings));
        let drain = |it: &Arc<Front>| TaskGuard::spawn(it.clone().drain(ring.clone()));
        Self {
            _draining: front.as_ref().map(drain),
            front,
            ledger,
            limits: settings.limits(),
            overflow: settings.overflow.unwrap_or(Overflow::Block),
            pace: Pace::default(),
            ring,
            timeout: settings.send_timeout,
        }
    }

    pub(crate) async fn send<T: Message>(
        &self,
        message: impl Outgoing<T>,
    ) -> Result<(), SendError> {
        let mut parcel = self.parcel(message);
        self.send_parcel(&mut parcel, self.timeout).await
    }

    pub(crate) fn parcel<T: Message, M: Outgoing<T>>(&self, message: M) -> Parcel<T, M> {
        Parcel::new(message, self.limits)
    }

    /// Sends it, waiting for room no longer than `timeout`. Unless it was sent or given up, the parcel
    /// is whole again; also if the future is dropped.
    pub(crate) async fn send_parcel<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        self.pace.keep().await;
        match self.send_now(parcel) {
            Some(res) => res,
            None => self.wait_until(parcel, timeout).await,
        }
    }

    /// Does what can be done at once; `None` if the parcel has to wait.
    pub(crate) fn send_now<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Option<Result<(), SendError>> {
        Some(match (self.offer(parcel), self.overflow) {
            (Offered::Done(res), _) => res,
            (Offered::Closed, _) => Err(SendError::Closed),
            (Offered::Full | Offered::Nobody, Overflow::Block) => return None,
            (Offered::Full, Overflow::DropOldest) => self.displace(parcel),
            (Offered::Full, Overflow::Fail) => Err(SendError::Full),
            (Offered::Nobody, Overflow::Fail) => Err(SendError::NoPeer),
            (Offered::Full, _) => self.give_up(DropReason::Full),
            (Offered::Nobody, _) => self.give_up(DropReason::NoPeer),
        })
    }

    pub(crate) fn try_send<T: Message>(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        match self.offer(&mut Parcel::new(message, self.limits)) {
            Offered::Closed => Err(SendError::Closed),
            Offered::Done(res) => res,
            Offered::Full => Err(SendError::Full),
            Offered::Nobody => Err(SendError::NoPeer),
        }
    }

    pub(crate) fn sink<T: Message>(&self) -> impl Sink<T, Error = SendError> + Send {
        View::new(self)
    }

    /// The queue for messages that no peer is there to take, if that was asked for.
    pub(crate) fn front(&self) -> Option<&Arc<Front>> {
        self.front.as_ref()
    }

    fn offer<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Offered<Result<(), SendError>> {
        let Some(front) = &self.front else {
            return offer(&self.ring, &self.ledger, parcel);
        };
        match front.gate() {
            Gate::Behind => return front.push(parcel),
            Gate::Closed => return Offered::Closed,
            Gate::Open => (),
        }
        match offer(&self.ring, &self.ledger, parcel) {
            Offered::Nobody => front.push(parcel),
            offered => offered,
        }
    }

    /// Waits until it is sent, as long as the socket was told.
    pub(crate) async fn wait<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Result<(), SendError> {
        self.wait_until(parcel, self.timeout).await
    }

    async fn wait_until<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        let sent = self.send_when_possible(parcel);
        match timeout {
            None => sent.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, sent).await.unwrap_or(Err(SendError::TimedOut))
            }
        }
    }

    async fn send_when_possible<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Result<(), SendError> {
        loop {
            if let Some(front) = &self.front {
                front.room().await;
            }
            let attempt = || match self.offer(parcel) {
                Offered::Closed => Some(Some(Err(SendError::Closed))),
                Offered::Done(res) => Some(Some(res)),
                Offered::Full | Offered::Nobody if self.is_behind() => Some(None),
                Offered::Full | Offered::Nobody => None,
            };
            if let Some(res) = self.ring.until(attempt).await {
                return res;
            }
        }
    }

    /// Whether what is sent has to queue up, whatever room the peers have.
    fn is_behind(&self) -> bool {
        self.front.as_ref().is_some_and(|it| it.gate() == Gate::Behind)
    }

    /// Waits until a message would not have to wait; false once the socket is closed.
    pub(crate) async fn room(&self) -> bool {
        if let Some(front) = &self.front {
            front.room().await;
        }
        let waits = self.overflow == Overflow::Block;
        let attempt = || match self.ring.room() {
            Offered::Closed => Some(false),
            Offered::Done(()) => Some(true),
            Offered::Nobody if self.front.is_some() => Some(true),
            Offered::Full | Offered::Nobody => (!waits).then_some(true),
        };
        match attempt() {
            Some(res) => res,
            None => self.ring.until(attempt).await,
        }
    }

    /// Drops a message, which is counted and no error.
    fn give_up(&self, reason: DropReason) -> Result<(), SendError> {
        self.ledger.lose(reason, 1);
        Ok(())
    }

    /// Makes room for the parcel at one peer.
    fn displace<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Result<(), SendError> {
        if let Some(front) = self.front.as_ref().filter(|_| self.is_behind()) {
            return front.displace(parcel);
        }
        let offered = self.ring.offer(|link| {
            let message = match parcel.take(link) {
                Ok(message) => message,
                Err(error) => return Tried::Done(Err(self.ledger.refuse(error))),
            };
            match link.sender.displace(message) {
                Ok(given_up) => {
                    link.account.displace_sent(given_up.len() as u64);
                    Tried::Done(Ok(()))
                }
                Err(error) => missed(parcel, link, error),
            }
        });
        match offered {
            Offered::Closed => Err(SendError::Closed),
            Offered::Done(res) => res,
            // Nothing that waits can be given up any more, or the last peer has just gone.
            Offered::Full => self.give_up(DropReason::Full),
            Offered::Nobody => match &self.front {
                Some(front) => front.displace(parcel),
                None => self.give_up(DropReason::NoPeer),
            },
        }
    }
}

impl<T: Message> Outbound<T> for Sending {
    fn begin(&self, message: T) -> Begun<'_> {
        let mut parcel = self.parcel(message);
        match self.send_now(&mut parcel) {
            Some(res) => Begun::Done(res),
            None => Begun::Waits(Box::pin(async move { self.wait(&mut parcel).await })),
        }
    }

    fn poll_pace(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.pace.poll_keep(cx)
    }
}

/// Offers a parcel to each peer once.
pub(crate) fn offer<T: Message, M: Outgoing<T>>(
    ring: &Ring,
    ledger: &Ledger,
    parcel: &mut Parcel<T, M>,
) -> Offered<Result<(), SendError>> {
    ring.offer(|link| {
        let message = match parcel.take(link) {
            Ok(message) => message,
            Err(error) => return Tried::Done(Err(ledger.refuse(error))),
        };
        match link.sender.try_send(message) {
            Ok(()) => Tried::Done(Ok(())),
            Err(error) => missed(parcel, link, error),
        }
    })
}

/// A link did not take what was for it: the parcel is whole again, for the next one.
pub(crate) fn missed<T: Message, M: Outgoing<T>, R>(
    parcel: &mut Parcel<T, M>,
    link: &Link,
    error: TrySendError,
) -> Tried<Result<R, SendError>> {
    match error {
        TrySendError::Full(back) => {
            parcel.put_back(link, back);
            Tried::Full
        }
        TrySendError::Closed(back) => {
            parcel.put_back(link, back);
            Tried::Gone
        }
        error => Tried::Done(Err(SendError::Encode(Box::new(error)))),
    }
}

impl Ledger {
    /// A message that cannot be sent to anybody, which its sender is told.
    pub(crate) fn refuse(&self, error: EncodeError) -> SendError {
        let reason = match error.source {
            Fault::TooLong { .. } => DropReason::Oversize,
            _ => DropReason::Undecodable,
        };
        self.lose(reason, 1);
        error.into()
    }
}
