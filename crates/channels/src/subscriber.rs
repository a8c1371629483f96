//! Receives what it subscribed to, and asks its publisher.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gleis_codec::{AnyCodec, Limits, Message};
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::{Filter, OpenError, Outgoing, Publication};
use tokio::time::{Instant, timeout, timeout_at};

use crate::builder::{Asks, Builder, Channel, Side, sealed};
use crate::error::{RecvError, RequestError};
use crate::feed::{Feed, Item, Told};
use crate::handler::{self, Handler, Method, Outcome, State};
use crate::line::LineOwner;
use crate::request::{Otherwise, Request, RequestId};
use crate::settings::Settings;
use crate::stats::{FeedStats, RequestStats};

/// How long the publisher's word is waited for before it is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Receives what a [`SyncPublisher`](crate::SyncPublisher) publishes under the topics that it subscribed
/// to, and asks it; the answers come in the same stream, each exactly where it was given among the
/// publications.
///
/// Publications and answers are received [by hand](Self::recv), or go to handlers: a topic that was
/// subscribed to with a handler goes there, and so does the answer to a request that has one. Handlers
/// run one at a time, in the order of the stream. Of several filters that want a publication each has
/// its say.
///
/// After a reconnect all subscriptions hold again; what was asked before ends as
/// [`PeerLost`](RequestError::PeerLost). A subscriber that is not received from is read no further than its
/// [high-water mark](Builder::high_water): it misses publications, is told how many, and delays nobody
/// else. May be shared between tasks. Dropping it closes it at once.
pub struct SyncSubscriber<P, Q, R> {
    handler: Option<Handler<(R,), ()>>,
    feed: Arc<Feed>,
    owner: LineOwner,
    timeout: Duration,
    value: PhantomData<fn(Q) -> P>,
}

/// What a subscriber receives.
#[derive(Debug)]
pub enum Event<P, R> {
    /// A request that was sent without a handler has no answer.
    Failed {
        /// Which request it is.
        to: RequestId,
        /// Why.
        error: RequestError,
    },
    /// Something was published.
    Publication {
        /// Under which topic.
        topic: bytes::Bytes,
        /// What.
        message: P,
    },
    /// A request that was sent without a handler is answered.
    Reply {
        /// Which request it is.
        to: RequestId,
        /// The answer.
        message: R,
    },
}

/// What a subscriber is told beside what all channels are told.
pub struct More<P, R> {
    handler: Option<Handler<(R,), ()>>,
    wanted: Vec<Wanted<P>>,
}

type Wanted<P> = (Filter, Option<Handler<(Publication<P>,), ()>>);

impl<P, R> Default for More<P, R> {
    fn default() -> Self {
        Self { handler: None, wanted: Vec::new() }
    }
}

impl<P, R> fmt::Debug for More<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("More").finish_non_exhaustive()
    }
}

impl<P: Message, Q: Message, R: Message> sealed::Open for SyncSubscriber<P, Q, R> {
    type More = More<P, R>;

    async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
        more: More<P, R>,
    ) -> Result<Self, OpenError> {
        let (timeout, ready) = (settings.timeout, settings.ready);
        let limits = settings.limits();
        let wanted = more.wanted.into_iter();
        let wanted = wanted.map(|(filter, it)| (filter, it.map(|it| typed(it, limits))));
        let mark = settings.options.recv_high_water;
        let codec = settings.codec.clone().unwrap_or_else(AnyCodec::default_for::<P>);
        let feed = Arc::new(Feed::new(mark, codec, wanted.collect()));
        let owner = LineOwner::open::<Q>(side, at, settings, Some(feed.clone())).await?;
        let this = Self { handler: more.handler, feed, owner, timeout, value: PhantomData };
        if let Some(ready) = ready {
            this.ready(ready).await?;
        }
        Ok(this)
    }
}

impl<P: Message, Q: Message, R: Message> Channel for SyncSubscriber<P, Q, R> {}
impl<P: Message, Q: Message, R: Message> Asks for SyncSubscriber<P, Q, R> {}

impl<P: Message, Q: Message, R: Message> Builder<SyncSubscriber<P, Q, R>> {
    /// Receives, by hand, what is published under the topics that `filter` wants; bytes and text are
    /// prefixes, the empty one is all. None by default.
    pub fn subscribe(mut self, filter: impl Into<Filter>) -> Self {
        self.more.wanted.push((filter.into(), None));
        self
    }

    /// Gives what is published under the topics that `filter` wants to `handler`.
    pub fn on<F, Fut>(mut self, filter: impl Into<Filter>, handler: F) -> Self
    where
        F: Fn(Publication<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<()>> + Send + 'static,
    {
        let handler = handler::closure(move |(it,)| handler(it));
        self.more.wanted.push((filter.into(), Some(handler)));
        self
    }

    /// As [`on`](Self::on), with an async method on `state`.
    pub fn on_with<S, O, F>(
        mut self,
        filter: impl Into<Filter>,
        state: &State<S>,
        method: F,
    ) -> Self
    where
        S: Send + 'static,
        O: Outcome<()> + 'static,
        F: for<'a> Method<'a, S, (Publication<P>,), Output = O>,
    {
        self.more.wanted.push((filter.into(), Some(handler::method(state, method))));
        self
    }

    /// Where answers go unless a request says [otherwise](Request::handler). Without it they are
    /// received by hand.
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

impl<P: Message, Q: Message, R: Message> SyncSubscriber<P, Q, R> {
    /// Opens a channel that listens to whoever publishes at `at`.
    pub fn connect<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Connect, at)
    }

    /// Also receives, by hand, what is published under the topics that `filter` wants. A filter that
    /// is subscribed to already loses its handler.
    ///
    /// The publisher knows of it a moment later: see [`ready`](Self::ready).
    pub fn subscribe(&self, filter: impl Into<Filter>) {
        self.want(filter.into(), None);
    }

    /// Also gives what is published under the topics that `filter` wants to `handler`. A filter that is
    /// subscribed to already gets the new handler, and loses nothing.
    pub fn on<F, Fut>(&self, filter: impl Into<Filter>, handler: F)
    where
        F: Fn(Publication<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<()>> + Send + 'static,
    {
        let handler = handler::closure(move |(it,)| handler(it));
        self.want(filter.into(), Some(handler));
    }

    /// As [`on`](Self::on), with an async method on `state`.
    pub fn on_with<S, O, F>(&self, filter: impl Into<Filter>, state: &State<S>, method: F)
    where
        S: Send + 'static,
        O: Outcome<()> + 'static,
        F: for<'a> Method<'a, S, (Publication<P>,), Output = O>,
    {
        self.want(filter.into(), Some(handler::method(state, method)));
    }

    /// Ends the subscription to `filter`; false if there is none. What is here already and no longer
    /// wanted is not delivered.
    pub fn unsubscribe(&self, filter: impl Into<Filter>) -> bool {
        let is_over = self.feed.remove(&filter.into());
        if is_over {
            self.owner.line.desk.wish();
        }
        is_over
    }

    /// Waits for what comes next, except what goes to handlers.
    ///
    /// # Errors
    /// [`RecvError`]; except after `Closed` the next call goes on with what comes next.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&self) -> Result<Event<P, R>, RecvError> {
        let line = &self.owner.line;
        let next = self.feed.next(|cx| line.hear_directly(cx));
        self.read(next.await.ok_or(RecvError::Closed)?)
    }

    /// Takes what is there, except what goes to handlers.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<Event<P, R>>, RecvError> {
        match self.feed.try_next() {
            None if self.feed.is_closed() => Err(RecvError::Closed),
            None => Ok(None),
            Some(item) => self.read(item).map(Some),
        }
    }

    /// A request with `message`, by value or by reference: say what is to become of the answer, and
    /// [send](Request::send), [start](Request::start) or await it. Sent without any handler, its answer
    /// is [received](Self::recv) by hand; awaited, it comes beside the stream.
    ///
    /// # Errors
    /// [`RequestError::Encode`]: trying again fails again.
    #[expect(clippy::needless_pass_by_value, reason = "messages are given to all that send alike")]
    pub fn request(&self, message: impl Outgoing<Q>) -> Result<Request<'_, R>, RequestError> {
        let line = &self.owner.line;
        let body = line.codec.encode(message.value(), &line.limits);
        let body = body.map_err(RequestError::Encode)?;
        let otherwise = self.handler.clone().map_or(Otherwise::Feed, Otherwise::Handler);
        Ok(Request::new(line, body, self.timeout, otherwise))
    }

    /// Asks and goes on: the answer goes to the handler that the channel was given, or is
    /// [received](Self::recv) by hand as [`Event::Reply`].
    ///
    /// # Errors
    /// As [`request`](Self::request) and [`Request::send`].
    pub fn ask(&self, message: impl Outgoing<Q>) -> Result<RequestId, RequestError> {
        self.request(message)?.send()
    }

    /// Gives a request up that was sent, and tells the publisher. False if it is over.
    pub fn cancel(&self, request: RequestId) -> bool {
        self.owner.line.desk.cancel(request.0)
    }

    /// Waits until the publisher is there and knows all that is wanted now.
    ///
    /// # Errors
    /// [`OpenError::NotReady`] after `timeout`, and [`OpenError::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ready(&self, timeout: Duration) -> Result<(), OpenError> {
        let until = Instant::now() + timeout;
        let not_ready = || OpenError::NotReady { after: timeout };
        self.owner.line.dealer().ready(timeout).await?;
        timeout_at(until, self.known()).await.map_err(|_| not_ready())
    }

    /// Waits until the publisher knows all that is wanted now.
    async fn known(&self) {
        // Its word must not wait for whoever receives by hand.
        self.owner.line.dealer().leave_hearing();
        loop {
            let mark = self.feed.next_mark();
            // The link may be a new one, to which nothing was told yet.
            self.feed.wish_all();
            self.owner.line.desk.wish();
            // Its word may be lost, for want of room or with the link.
            if timeout(AGAIN, self.feed.until_done(mark)).await.is_ok() {
                return;
            }
        }
    }

    /// Where it is connected to.
    pub fn endpoint(&self) -> &Endpoint {
        self.owner.line.dealer().endpoint()
    }

    /// How many filters are subscribed to.
    pub fn subscriptions(&self) -> usize {
        self.feed.n_filters()
    }

    /// How many requests have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.owner.line.desk.in_flight()
    }

    /// What became of the requests.
    pub fn stats(&self) -> RequestStats {
        self.owner.line.desk.stats()
    }

    /// What became of the publications.
    pub fn received(&self) -> FeedStats {
        self.feed.stats()
    }

    /// Closes the channel: what is in flight is over, and what is queued has the linger time to leave.
    /// Returns how many messages did not.
    ///
    /// # Cancel safety
    /// The channel is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.owner.line.close().await
    }

    fn want(&self, filter: Filter, handler: Option<Handler<(Publication<P>,), ()>>) {
        let line = &self.owner.line;
        let handler = handler.map(|it| typed(it, line.limits));
        self.feed.add(filter, handler);
        line.desk.wish();
    }

    fn read(&self, item: Item) -> Result<Event<P, R>, RecvError> {
        let line = &self.owner.line;
        match item {
            Item::Gap(missed) => Err(RecvError::Gap { missed }),
            Item::Reply(id, answered, _place) => {
                let read = |body| line.codec.decode(&body, &line.limits);
                let answered = answered.and_then(|it| read(it).map_err(RequestError::Decode));
                let to = RequestId(id);
                Ok(match answered {
                    Ok(message) => Event::Reply { to, message },
                    Err(error) => Event::Failed { to, error },
                })
            }
            Item::Told(told, _) => {
                let message = told.read(&line.limits)?;
                Ok(Event::Publication { topic: told.topic, message })
            }
        }
    }
}

/// A handler of publications as they came.
fn typed<P: Message>(handler: Handler<(Publication<P>,), ()>, limits: Limits) -> Handler<Told, ()> {
    Arc::new(move |told: Told| {
        let message = match told.read(&limits) {
            Ok(message) => message,
            Err(error) => return Box::pin(async move { Err(error.into()) }),
        };
        handler((Publication { message, topic: told.topic },))
    })
}

impl<P, Q, R> fmt::Debug for SyncSubscriber<P, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncSubscriber")
            .field("endpoint", self.owner.line.dealer().endpoint())
            .finish_non_exhaustive()
    }
}
