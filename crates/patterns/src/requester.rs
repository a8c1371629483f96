//! Asks, and finds the answer that belongs to the question.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gleis_codec::{EncodeError, Limits, Message};
use gleis_core::{Deadline, Endpoint};
use gleis_transport::{SocketType, TaskGuard, TrySendError};

use crate::core::Core;
use crate::envelope;
use crate::error::{OpenError, RequestError, SendError};
use crate::ledger::Ledger;
use crate::local::Outgoing;
use crate::options::{Overflow, Settings, Side};
use crate::parcel::Parcel;
use crate::pending::Pending;
use crate::request::{Request, Sent};
use crate::ring::{Offered, Tried};
use crate::socket::shared;

/// How long a request waits unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks its peers in turn; many requests may be in flight, as many as the
/// [high-water mark](crate::Builder::high_water) says, each with a deadline.
///
/// Without a peer that has room a request waits for one until its deadline;
/// [`Overflow::Fail`] makes that an error, and so do the `Drop` policies, since no request is
/// dropped silently. May be shared between tasks. Dropping it closes it at once.
pub struct Requester<Q, R> {
    core: Arc<Core>,
    _deadlines: TaskGuard,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) limits: Limits,
    overflow: Overflow,
    pending: Arc<Pending>,
    timeout: Duration,
    value: PhantomData<fn(Q) -> R>,
}

impl<Q: Message, R: Message> Requester<Q, R> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let pending = Arc::new(Pending::new(settings.options.send_high_water.messages));
        let limits = settings.limits();
        let overflow = settings.overflow.unwrap_or(Overflow::Block);
        let timeout = settings.timeout.unwrap_or(TIMEOUT);
        let core = Core::new::<Q>(SocketType::Dealer, settings, pending.clone());
        let _deadlines = TaskGuard::spawn(pending.clone().expire());
        core.open(side, at).await?;
        let (ledger, value) = (core.ledger().clone(), PhantomData);
        Ok(Self { core, _deadlines, ledger, limits, overflow, pending, timeout, value })
    }

    /// Asks one of the peers that have room; `.await` it for the answer. It waits as long as the
    /// socket's [timeout](crate::Builder::timeout) says, unless [`Request::within`] says otherwise.
    ///
    /// # Errors
    /// [`RequestError`]: tells whether asking again is safe.
    ///
    /// # Cancel safety
    /// A dropped request is forgotten; if it was on its way, its answer is dropped when it comes.
    pub fn request<'a, M: Outgoing<Q> + 'a>(&'a self, message: M) -> Request<'a, Q, R, M> {
        Request::new(self, Parcel::new(message, self.limits), self.timeout)
    }

    /// Asks, and waits for the answer: [`request`](Self::request) in one word.
    ///
    /// # Errors
    /// [`RequestError`]: tells whether asking again is safe.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn send_recv(&self, message: impl Outgoing<Q>) -> Result<R, RequestError> {
        self.request(message).await
    }

    /// Asks at once, whatever [`Overflow`] says: if a peer has room now and there is a place among the
    /// requests in flight. What is returned waits for the answer, as long as the socket's
    /// [timeout](crate::Builder::timeout) says, counted from now.
    ///
    /// # Errors
    /// [`RequestError::Full`] and [`RequestError::NoPeer`] are safe to try again; nothing was sent. What
    /// is returned ends as a [`request`](Self::request) that was sent.
    ///
    /// # Cancel safety
    /// Dropped before its answer, a request is forgotten; its answer is dropped when it comes.
    pub fn try_request<'a, M: Outgoing<Q> + 'a>(
        &'a self,
        message: M,
    ) -> Result<impl Future<Output = Result<R, RequestError>> + Send + use<'a, Q, R, M>, RequestError>
    {
        Request::sent_now(self, Parcel::new(message, self.limits), self.timeout)
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// Whether a request waits where it finds no room.
    pub(crate) fn waits(&self) -> bool {
        self.overflow == Overflow::Block
    }

    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// Offers a request to each peer once.
    pub(crate) fn offer<M: Outgoing<Q>>(
        &self,
        parcel: &mut Parcel<Q, M>,
        deadline: Deadline,
    ) -> Offered<Result<Sent<'_>, RequestError>> {
        self.pending.ring.offer(|link| {
            let value = match parcel.take(link) {
                Ok(value) => value,
                Err(error) => return Tried::Done(Err(self.refuse(error))),
            };
            let Some(id) = self.pending.insert(deadline, link) else {
                parcel.put_back(link, value);
                return Tried::Done(Err(RequestError::Full));
            };
            let back = match link.sender.try_send(envelope::request(id, value)) {
                Ok(()) => {
                    return Tried::Done(Ok(Sent::new(id, link.clone(), &self.pending)));
                }
                Err(back) => back,
            };
            self.pending.forget(id);
            match back {
                TrySendError::Full(back) => {
                    parcel.put_back(link, envelope::unrequest(back));
                    Tried::Full
                }
                TrySendError::Closed(back) => {
                    parcel.put_back(link, envelope::unrequest(back));
                    Tried::Gone
                }
                error => Tried::Done(Err(RequestError::Encode(Box::new(error)))),
            }
        })
    }

    fn refuse(&self, error: EncodeError) -> RequestError {
        match self.ledger.refuse(error) {
            SendError::Encode(source) => RequestError::Encode(source),
            other => RequestError::Encode(Box::new(other)),
        }
    }

    /// Asks as soon as there is a peer with room and a place among those in flight.
    pub(crate) async fn send<M: Outgoing<Q>>(
        &self,
        parcel: &mut Parcel<Q, M>,
        deadline: Deadline,
    ) -> Result<Sent<'_>, RequestError> {
        let pending = &self.pending;
        loop {
            let attempt = || match self.offer(parcel, deadline) {
                Offered::Closed => Some(Err(RequestError::Closed)),
                Offered::Done(res) => Some(res),
                Offered::Full | Offered::Nobody => None,
            };
            match pending.ring.until(attempt).await {
                Err(RequestError::Full) => pending.wait_for_room().await,
                res => return res,
            }
        }
    }
}

impl<Q, R> fmt::Debug for Requester<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("core", &self.core).finish_non_exhaustive()
    }
}
