//! Asks and goes on.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use gleis_codec::Message;
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::{OpenError, Outgoing};

use crate::builder::{Asks, Builder, Channel, Side, sealed};
use crate::error::RequestError;
use crate::handler::{self, Handler, Method, Outcome, State};
use crate::line::LineOwner;
use crate::request::{Otherwise, Request, RequestId};
use crate::settings::Settings;
use crate::stats::RequestStats;

/// Asks an [`AsyncReplier`](crate::AsyncReplier) and goes on: the answer goes to a handler, or is
/// awaited, whenever it comes.
///
/// It connects to a replier, or [binds](Self::bind) for any number of them: these take turns, one without
/// room is passed over, and each is first in, first out. Who is lost ends his own requests alone.
///
/// Many requests are in flight over the one connection, which is made again when it breaks. A request
/// that finds no replier, or no room, waits for it until its deadline; one that was under way when
/// the connection broke ends as [`PeerLost`](RequestError::PeerLost). May be shared between tasks.
///
/// Handlers run one at a time, in the order in which the answers came. What they return as an error,
/// and their panics, is logged, and the channel goes on.
///
/// Dropping it closes it at once: what is in flight is over, and no handler runs any more.
pub struct AsyncRequester<Q, R> {
    handler: Option<Handler<(R,), ()>>,
    owner: LineOwner,
    timeout: Duration,
    value: PhantomData<fn(Q)>,
}

/// What a requester is told beside what all channels are told.
pub struct More<R> {
    handler: Option<Handler<(R,), ()>>,
}

impl<R> Default for More<R> {
    fn default() -> Self {
        Self { handler: None }
    }
}

impl<R> fmt::Debug for More<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("More").finish_non_exhaustive()
    }
}

impl<Q: Message, R: Message> sealed::Open for AsyncRequester<Q, R> {
    type More = More<R>;

    async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
        more: More<R>,
    ) -> Result<Self, OpenError> {
        let timeout = settings.timeout;
        let owner = LineOwner::open::<Q>(side, at, settings, None).await?;
        Ok(Self { handler: more.handler, owner, timeout, value: PhantomData })
    }
}

impl<Q: Message, R: Message> Channel for AsyncRequester<Q, R> {}
impl<Q: Message, R: Message> Asks for AsyncRequester<Q, R> {}

impl<Q: Message, R: Message> Builder<AsyncRequester<Q, R>> {
    /// Where answers go unless a request says [otherwise](Request::handler). Without it a request that
    /// is sent needs a handler of its own, or is awaited.
    pub fn handler<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(R) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<()>> + Send + 'static,
    {
        self.more.handler = Some(handler::closure(move |(answer,)| handler(answer)));
        self
    }

    /// As [`handler`](Self::handler), with an async method on `state`.
    pub fn handler_on<S, O, F>(mut self, state: &State<S>, method: F) -> Self
    where
        S: Send + 'static,
        O: Outcome<()> + 'static,
        F: for<'a> Method<'a, S, (R,), Output = O>,
    {
        self.more.handler = Some(handler::method(state, method));
        self
    }
}

impl<Q: Message, R: Message> AsyncRequester<Q, R> {
    /// Opens a channel that repliers connect to, which take turns. Port 0 and `ipc://*` let the system
    /// choose: see [`endpoint`](Self::endpoint).
    pub fn bind<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Bind, at)
    }

    /// Opens a channel that asks whoever answers at `at`.
    pub fn connect<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Connect, at)
    }

    /// A request with `message`, by value or by reference: say what is to become of the answer, and
    /// [send](Request::send), [start](Request::start) or await it.
    ///
    /// # Errors
    /// [`RequestError::Encode`]: trying again fails again.
    #[expect(clippy::needless_pass_by_value, reason = "messages are given to all that send alike")]
    pub fn request(&self, message: impl Outgoing<Q>) -> Result<Request<'_, R>, RequestError> {
        let line = &self.owner.line;
        let body = line.codec.encode(message.value(), &line.limits);
        let body = body.map_err(RequestError::Encode)?;
        let otherwise = self.handler.clone().map_or(Otherwise::Nowhere, Otherwise::Handler);
        Ok(Request::new(line, body, self.timeout, otherwise))
    }

    /// Asks and goes on: the answer goes to the handler that the channel was given.
    ///
    /// # Errors
    /// As [`request`](Self::request) and [`Request::send`].
    pub fn send(&self, message: impl Outgoing<Q>) -> Result<RequestId, RequestError> {
        self.request(message)?.send()
    }

    /// Gives a request up that was sent: no handler will run for it, and the replier is told. False if it
    /// is over.
    pub fn cancel(&self, request: RequestId) -> bool {
        self.owner.line.desk.cancel(request.0)
    }

    /// Where it is connected to, or can be reached.
    pub fn endpoint(&self) -> &Endpoint {
        self.owner.line.dealer().endpoint()
    }

    /// How many requests have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.owner.line.desk.in_flight()
    }

    /// How many repliers are there.
    pub fn peers(&self) -> usize {
        self.owner.line.dealer().n_peers()
    }

    /// Waits until at least `n` repliers are there, or the channel is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for_peers(&self, n: usize) {
        self.owner.line.dealer().wait_for_peers(n).await;
    }

    /// Waits until a replier is there.
    ///
    /// # Errors
    /// [`OpenError::NotReady`] after `timeout`, and [`OpenError::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ready(&self, timeout: Duration) -> Result<(), OpenError> {
        self.owner.line.dealer().ready(timeout).await
    }

    /// What became of the requests.
    pub fn stats(&self) -> RequestStats {
        self.owner.line.desk.stats()
    }

    /// Closes the channel: what is in flight is over, and what is queued has the linger time to leave.
    /// Returns how many messages did not.
    ///
    /// # Cancel safety
    /// The channel is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.owner.line.close().await
    }
}

impl<Q, R> fmt::Debug for AsyncRequester<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncRequester")
            .field("endpoint", self.owner.line.dealer().endpoint())
            .finish_non_exhaustive()
    }
}
