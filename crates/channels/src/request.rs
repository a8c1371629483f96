//! One request: where its answer goes, and how long it may take.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits, Message};
use gleis_core::CorrelationId;

use crate::desk::{Answered, Mail, Teller, Work};
use crate::ears::Ears;
use crate::error::{RequestError, chain};
use crate::handler::{self, Handler, Method, Once, Outcome, State, guarded};
use crate::line::Line;

/// Which request of a channel: what replies that come by hand are told apart by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub(crate) CorrelationId);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request that is about to be made: choose, then [`send`](Self::send) it, [`start`](Self::start) it,
/// or `.await` its answer.
///
/// Nothing is asked before that.
#[must_use = "nothing is asked until it is sent, started or awaited"]
pub struct Request<'a, R> {
    body: Bytes,
    handler: Option<Once<R>>,
    line: &'a Arc<Line>,
    on_error: Option<Once<RequestError>>,
    /// Where the answer goes if nothing else is said.
    otherwise: Otherwise<R>,
    within: Duration,
}

/// Where an answer goes that has no handler of its own.
pub(crate) enum Otherwise<R> {
    /// In order with publications, to whoever receives them.
    Feed,
    Handler(Handler<(R,), ()>),
    Nowhere,
}

impl<'a, R: Message> Request<'a, R> {
    pub(crate) fn new(
        line: &'a Arc<Line>,
        body: Bytes,
        within: Duration,
        otherwise: Otherwise<R>,
    ) -> Self {
        Self { body, handler: None, line, on_error: None, otherwise, within }
    }

    /// Waits this long for the answer, instead of the channel's
    /// [timeout](crate::Builder::timeout). The time travels with the request: the replier sees what is
    /// left of it.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.within = timeout;
        self
    }

    /// Gives the answer to `handler`, instead of the one that the channel has.
    pub fn handler<F, Fut>(mut self, handler: F) -> Self
    where
        F: FnOnce(R) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome<()>> + Send + 'static,
    {
        self.handler = Some(handler::once(handler));
        self
    }

    /// Gives the answer to an async method on `state`, instead of the handler that the channel has.
    pub fn handler_on<S, O, F>(mut self, state: &State<S>, method: F) -> Self
    where
        S: Send + 'static,
        O: Outcome<()> + 'static,
        F: for<'b> Method<'b, S, (R,), Output = O>,
    {
        let handler = handler::method(state, method);
        self.handler = Some(Box::new(move |answer| handler((answer,))));
        self
    }

    /// What happens if there is no answer, whatever the reason; without it a warning is logged. It
    /// is for requests that are [sent](Self::send): where the answer is awaited, so is the error.
    pub fn on_error<F, Fut>(mut self, on_error: F) -> Self
    where
        F: FnOnce(RequestError) -> Fut + Send + 'static,
        Fut: Future<Output: Outcome<()>> + Send + 'static,
    {
        self.on_error = Some(handler::once(on_error));
        self
    }

    /// As [`on_error`](Self::on_error), with an async method on `state`.
    pub fn on_error_on<S, O, F>(mut self, state: &State<S>, method: F) -> Self
    where
        S: Send + 'static,
        O: Outcome<()> + 'static,
        F: for<'b> Method<'b, S, (RequestError,), Output = O>,
    {
        let handler = handler::method(state, method);
        self.on_error = Some(Box::new(move |error| handler((error,))));
        self
    }

    /// Sends it and goes on; the answer goes to the handler. Handlers of a channel run one at a time.
    ///
    /// # Errors
    /// [`RequestError::NoHandler`], [`Full`](RequestError::Full) and [`Closed`](RequestError::Closed);
    /// nothing was sent. That there is no peer yet is no error: the request waits for one, until its
    /// deadline.
    pub fn send(self) -> Result<RequestId, RequestError> {
        let handler = match (self.handler, self.otherwise) {
            (Some(handler), _) => handler,
            (None, Otherwise::Handler(handler)) => Box::new(move |answer| handler((answer,))),
            // Without an `on_error` of its own even a failure comes by hand.
            (None, Otherwise::Feed) if self.on_error.is_none() => {
                return self.line.ask(self.body, self.within, Teller::Feed).map(RequestId);
            }
            (None, Otherwise::Feed | Otherwise::Nowhere) => return Err(RequestError::NoHandler),
        };
        let (codec, limits) = (self.line.codec.clone(), self.line.limits);
        let hands = Hands { codec, handler, limits, on_error: self.on_error };
        let tell = move |id, answered| hands.take(id, answered);
        self.line.ask(self.body, self.within, Teller::Handler(Box::new(tell))).map(RequestId)
    }

    /// Sends it and goes on; what is returned waits for the answer. Dropping that cancels the request,
    /// and the replier is told.
    pub fn start(self) -> Answer<R> {
        let teller = Teller::Future(Mail::default());
        let state = match self.line.ask(self.body, self.within, teller) {
            Ok(id) => Waiting::Asked { id, ears: self.line.ears.clone() },
            Err(error) => Waiting::Over(Some(error)),
        };
        Answer { state, value: PhantomData }
    }
}

impl<R: Message> IntoFuture for Request<'_, R> {
    type Output = Result<R, RequestError>;
    type IntoFuture = Answer<R>;

    fn into_future(self) -> Answer<R> {
        self.start()
    }
}

impl<R> fmt::Debug for Request<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("within", &self.within).finish_non_exhaustive()
    }
}

/// What takes the answer of a request that was sent.
struct Hands<R> {
    codec: AnyCodec,
    handler: Once<R>,
    limits: Limits,
    on_error: Option<Once<RequestError>>,
}

impl<R: Message> Hands<R> {
    fn take(self, id: CorrelationId, answered: Answered) -> Work {
        Box::pin(async move {
            let read = |body: Bytes| self.codec.decode::<R>(&body, &self.limits);
            let answered = answered.and_then(|it| read(it).map_err(RequestError::Decode));
            let handled = match (answered, self.on_error) {
                (Ok(answer), _) => guarded(|| (self.handler)(answer)).await,
                (Err(error), Some(on_error)) => guarded(|| on_error(error)).await,
                (Err(error), None) => {
                    let error = chain(&error);
                    tracing::warn!(target: "gleis::channels", %id, error, "a request has no answer");
                    return;
                }
            };
            if let Err(error) = handled {
                tracing::error!(target: "gleis::channels", %id, error, "a handler of answers failed");
            }
        })
    }
}

/// The answer to come. Dropped before, it cancels the request, and the replier is told.
#[must_use = "dropping it cancels the request"]
pub struct Answer<R> {
    state: Waiting,
    value: PhantomData<fn() -> R>,
}

enum Waiting {
    Asked { id: CorrelationId, ears: Arc<Ears> },
    Over(Option<RequestError>),
}

impl<R> Answer<R> {
    /// Which request it is of; `None` if nothing was asked, or it is over.
    pub fn id(&self) -> Option<RequestId> {
        match &self.state {
            Waiting::Asked { id, .. } => Some(RequestId(*id)),
            Waiting::Over(_) => None,
        }
    }
}

impl<R: Message> Future for Answer<R> {
    type Output = Result<R, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (answered, ears) = match std::mem::replace(&mut this.state, Waiting::Over(None)) {
            Waiting::Over(error) => return Poll::Ready(Err(error.unwrap_or(RequestError::Closed))),
            Waiting::Asked { id, ears } => match ears.desk.look(id, cx) {
                Poll::Ready(answered) => (answered, ears),
                Poll::Pending => {
                    this.state = Waiting::Asked { id, ears };
                    return Poll::Pending;
                }
            },
        };
        let read = |body: Bytes| ears.codec.decode(&body, &ears.limits);
        Poll::Ready(answered.and_then(|it| read(it).map_err(RequestError::Decode)))
    }
}

impl<R> Unpin for Answer<R> {}

impl<R> Drop for Answer<R> {
    fn drop(&mut self) {
        // Nobody waits for it any more: the replier may stop working on it.
        if let Waiting::Asked { id, ears } = &self.state {
            ears.desk.cancel(*id);
        }
    }
}

impl<R> fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("id", &self.id()).finish_non_exhaustive()
    }
}
