//! Handlers of messages, their types being forgotten.

use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::handling::{Handling, Owed};
use crate::{
    Agent, BoxError, Context, Fault, Handler, Method, Undelivered,
    dynamic::method,
    guarded::guarded,
    job::{Job, What},
    method::{Reply, Source},
    text::chain,
};

/// A handler whose message type and shape are forgotten: makes work of a message.
pub(crate) type AnyHandler<A> = Arc<dyn Fn(Received) -> Job<A> + Send + Sync>;

/// A message as it came.
pub(crate) struct Received {
    pub(super) alias: Arc<str>,
    pub(super) codec: AnyCodec,
    pub(super) body: Bytes,
    pub(super) owed: Option<Owed>,
    pub(super) topic: Option<Bytes>,
    /// Its place in the mailbox, until it is handled.
    pub(super) room: OwnedSemaphorePermit,
}

/// Forgets the message type and the shape of a handler.
pub(crate) fn forget<A, M, S>(handler: impl Handler<A, M, S>) -> AnyHandler<A>
where
    A: Agent,
    M: DeserializeOwned + Send + 'static,
    S: 'static,
{
    forget_shared(Arc::new(handler))
}

/// As [`forget`], of a handler that is used elsewhere too.
pub(crate) fn forget_shared<A, M, S, H>(handler: Arc<H>) -> AnyHandler<A>
where
    A: Agent,
    M: DeserializeOwned + Send + 'static,
    S: 'static,
    H: Handler<A, M, S>,
{
    Arc::new(move |received: Received| {
        let handler = handler.clone();
        Job::new(What::Message(received.alias.clone()), move |agent, cx| {
            Box::pin(async move { handle::<A, M, S, _>(&*handler, agent, cx, received).await })
        })
    })
}

/// Handles messages with the method of this name, whichever that is when a message comes.
pub(crate) fn named<A: Agent>(name: &str) -> AnyHandler<A> {
    let name: Arc<str> = name.into();
    Arc::new(move |received: Received| {
        let name = name.clone();
        Job::new(What::Message(received.alias.clone()), move |agent, cx| {
            Box::pin(async move {
                if let Some(method) = method::<A>(&name) {
                    return by_method(method, agent, cx, received).await;
                }
                match cx.cell.methods.find(&name) {
                    Some(given) => (given.handler)(received).run(agent, cx).await,
                    None => {
                        let error = format!("there is no method `{name}` any more");
                        received.refuse(cx, error).await
                    }
                }
            })
        })
    })
}

async fn handle<A: Agent, M: DeserializeOwned + 'static, S, H: Handler<A, M, S>>(
    handler: &H,
    agent: &mut A,
    cx: &Context<A>,
    received: Received,
) -> Result<(), Fault> {
    let message = match received.codec.decode::<M>(&received.body, &Limits::default()) {
        Ok(message) => message,
        Err(error) => return received.refuse(cx, chain(&error)).await,
    };
    let encode = |codec: &AnyCodec, value: &H::Reply| {
        codec.encode(value, &Limits::default()).map_err(Into::into)
    };
    received.handle(handler.handle(agent, cx, message), encode).await
}

/// Handles a message with a method that takes it as its one argument.
async fn by_method<A: Agent>(
    method: &'static Method<A>,
    agent: &mut A,
    cx: &Context<A>,
    mut received: Received,
) -> Result<(), Fault> {
    let body = std::mem::take(&mut received.body);
    let source = Source::Message { codec: received.codec.clone(), body: Some(body) };
    let alias = received.alias.clone();
    let (handling, _room) = received.begin();
    let done = guarded(handling.clone().scope(method.call(agent, cx, source))).await;
    let owed = handling.take();
    let done = match done {
        Ok(Ok(answer)) => answer.map(Reply::into_bytes).map_err(|it: BoxError| Fault::error(&it)),
        Ok(Err(error)) => {
            let text = error.to_string();
            cx.log_dropped(&alias, &text);
            let what = format!("a message for `{}`", method.name());
            cx.cell.bury(what, Undelivered::Refused(text.clone()));
            answer(owed, Err(text)).await;
            return Ok(());
        }
        Err(fault) => Err(fault),
    };
    settle(owed, done).await
}

/// Answers, if somebody waits; a fault goes to the agent too.
async fn settle(owed: Option<Owed>, done: Result<Bytes, Fault>) -> Result<(), Fault> {
    match done {
        Ok(bytes) => {
            answer(owed, Ok(bytes)).await;
            Ok(())
        }
        Err(fault) => {
            answer(owed, Err(fault.to_string())).await;
            Err(fault)
        }
    }
}

async fn answer(owed: Option<Owed>, answer: Result<Bytes, String>) {
    let Some(owed) = owed else {
        return;
    };
    let sent = match answer {
        Ok(bytes) => owed.send(bytes).await,
        Err(text) => owed.fail(text).await,
    };
    if let Err(error) = sent {
        tracing::debug!(target: "gleis::agent", error, "an answer did not leave");
    }
}

impl Received {
    #[cfg(feature = "script")]
    pub(crate) fn alias(&self) -> &Arc<str> {
        &self.alias
    }

    #[cfg(feature = "script")]
    pub(crate) fn codec(&self) -> &AnyCodec {
        &self.codec
    }

    #[cfg(feature = "script")]
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Does the work that the message is for, and answers with what it gives if somebody waits.
    pub(crate) async fn handle<T>(
        self,
        work: impl Future<Output = Result<T, BoxError>>,
        encode: impl FnOnce(&AnyCodec, &T) -> Result<Bytes, BoxError>,
    ) -> Result<(), Fault> {
        let (handling, _room) = self.begin();
        let done = guarded(handling.clone().scope(work)).await;
        // What was answered early is answered; what nobody waits for need not be encoded.
        let owed = handling.take();
        let done = match done {
            Ok(Ok(_)) if owed.is_none() => return Ok(()),
            Ok(Ok(value)) => encode(handling.codec(), &value).map_err(|it| Fault::error(&it)),
            Ok(Err(error)) => Err(Fault::error(&error)),
            Err(fault) => Err(fault),
        };
        settle(owed, done).await
    }

    /// Drops a message that cannot be handled.
    pub(crate) async fn refuse<A: Agent>(
        self,
        cx: &Context<A>,
        error: String,
    ) -> Result<(), Fault> {
        cx.log_dropped(&self.alias, &error);
        cx.cell.bury(What::Message(self.alias), Undelivered::Refused(error.clone()));
        answer(self.owed, Err(error)).await;
        Ok(())
    }

    /// It is handled from now on, and has its place in the mailbox as long as what is returned.
    fn begin(self) -> (Arc<Handling>, OwnedSemaphorePermit) {
        (Handling::new(self.codec, self.topic, self.owed), self.room)
    }
}
