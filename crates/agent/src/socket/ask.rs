//! Asking without waiting: the answer goes to a handler, as other messages do.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_channels::{Request, RequestError::NoHandler, RequestId};
use gleis_codec::{Limits, Message};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    AliasError, RequestError,
    asked::{Hands, answered, unanswered},
    carrier::Socket,
    handler::{AnyHandler, forget},
    table::Open,
};
use crate::{
    Action, Agent, Context, Handler,
    timer::{AnyAction, forget_action},
};

/// A request about to be sent on an `AsyncReq` or `SyncSub` socket: choose, then `.await`, which sends
/// it and goes on.
///
/// The answer goes to the handler, between two other pieces of the agent's work. On `SyncSub` it stands where
/// it was given among the publications.
///
/// # Errors
/// [`RequestError`]: unknown alias, another kind, no handler, or the request cannot be sent; nothing of it
/// is on its way. What goes wrong later is for [`on_error`](Self::on_error).
#[must_use = "nothing is asked until it is awaited"]
pub struct Ask<A: 'static> {
    alias: String,
    /// The request, in the codec of the socket.
    ready: Result<(Arc<Open<A>>, Bytes), RequestError>,
    handler: Option<AnyHandler<A>>,
    on_error: Option<AnyAction<A>>,
    within: Option<Duration>,
}

impl<A: Agent> Ask<A> {
    pub(crate) fn new<Q: Serialize + 'static>(cx: &Context<A>, alias: &str, request: &Q) -> Self {
        let ready = prepare(cx, alias, request);
        let alias = alias.to_owned();
        Self { alias, ready, handler: None, on_error: None, within: None }
    }

    /// What handles the answer, instead of the handler that the socket was given.
    pub fn handler<M, S>(mut self, handler: impl Handler<A, M, S>) -> Self
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.handler = Some(forget(handler));
        self
    }

    /// What is done if there is no answer in time, or ever; without it a warning is logged.
    pub fn on_error<S>(mut self, action: impl Action<A, S>) -> Self {
        self.on_error = Some(forget_action(action));
        self
    }

    /// How long to wait for the answer; 10 s by default. The time travels with the request.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.within = Some(timeout);
        self
    }

    fn send(self) -> Result<(), RequestError> {
        let Self { alias, ready, handler, on_error, within } = self;
        let (open, body) = ready?;
        let sent = match &*open.socket {
            Socket::AsyncReq(socket) => {
                let handler = handler.or_else(|| open.routes.first());
                handler.ok_or(NoHandler).and_then(|handler| {
                    let request = limited(socket.request(body)?, within);
                    beside(&open, request, Hands { handler, on_error })
                })
            }
            // Its handlers are for topics, not for answers.
            Socket::SyncSub(socket) => handler.ok_or(NoHandler).and_then(|handler| {
                let request = limited(socket.request(body)?, within);
                open.asked.ask(Hands { handler, on_error }, || request.send())
            }),
            _ => return Err(wrong_kind(&open, &alias).into()),
        };
        sent.map(drop).map_err(|source| RequestError::Channel { alias, source })
    }
}

fn limited<R: Message>(request: Request<'_, R>, within: Option<Duration>) -> Request<'_, R> {
    match within {
        Some(timeout) => request.within(timeout),
        None => request,
    }
}

/// Sends a request whose answer comes in no order with anything else.
fn beside<A: Agent>(
    open: &Open<A>,
    request: Request<'_, Bytes>,
    hands: Hands<A>,
) -> Result<RequestId, gleis_channels::RequestError> {
    let Hands { handler, on_error } = hands;
    let (inbox, also_inbox) = (open.inbox.clone(), open.inbox.clone());
    // When the agent has ended, nobody wants the answer.
    let request = request.handler(move |answer| async move {
        let _ = answered(&handler, answer, &inbox).await;
    });
    let request = request.on_error(move |error| async move {
        let _ = unanswered(on_error, error, &also_inbox).await;
    });
    request.send()
}

fn prepare<A: Agent, Q: Serialize + 'static>(
    cx: &Context<A>,
    alias: &str,
    request: &Q,
) -> Result<(Arc<Open<A>>, Bytes), RequestError> {
    let open = cx.cell.sockets.find(alias)?;
    if !matches!(*open.socket, Socket::AsyncReq(_) | Socket::SyncSub(_)) {
        return Err(wrong_kind(&open, alias).into());
    }
    let body = open.codec.encode(request, &Limits::default());
    let alias = || alias.to_owned();
    let body = body.map_err(|source| RequestError::Encode { alias: alias(), source })?;
    Ok((open, body))
}

fn wrong_kind<A>(open: &Open<A>, alias: &str) -> AliasError {
    let what = "ask and go on";
    AliasError::WrongKind { alias: alias.to_owned(), kind: open.addr.kind, what }
}

impl<A: Agent> IntoFuture for Ask<A> {
    type Output = Result<(), RequestError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(std::future::ready(self.send()))
    }
}

impl<A: 'static> fmt::Debug for Ask<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("alias", &self.alias).finish_non_exhaustive()
    }
}
