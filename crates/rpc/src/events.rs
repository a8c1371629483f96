//! Events, and what happens to what arrives.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gleis_patterns::{Asker, ReplyHandle};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::error::RpcError;
use crate::message::Message;

/// The event of everything that arrives.
const RECEIVE: &str = "receive";
/// The event of every answer.
const RESPONSE: &str = "response";

type Handler = Arc<dyn Fn(Received) -> BoxFuture<'static, ()> + Send + Sync>;

/// Handlers by the names of events, in the order in which they were registered.
#[derive(Default)]
pub(crate) struct Events(Mutex<State>);

#[derive(Default)]
struct State {
    handlers: BTreeMap<String, Vec<(u64, Handler)>>,
    last: u64,
    /// Those of the handlers that are more than that.
    served: Vec<(u64, Arc<dyn Served>)>,
}

/// What has a handler, and knows more of the messages that it handles than others do.
pub(crate) trait Served: Send + Sync {
    /// What `text` is about, if that is a call that was made before.
    fn about(&self, message: &Message) -> Option<About>;

    /// Works on a message instead of the handler; where it cannot, `reply` comes back.
    fn work(
        self: Arc<Self>,
        text: &[u8],
        reply: ReplyHandle<Bytes>,
    ) -> Result<BoxFuture<'static, ()>, ReplyHandle<Bytes>>;
}

/// What a message says of a call that was made before.
#[derive(Debug)]
pub(crate) enum About {
    /// This one is given up.
    GivesUp(String),
    /// Whatever it is, whoever has it decides.
    Other,
}

/// Keeps a handler registered until it is dropped.
#[must_use = "dropping it ends what it guards"]
pub struct Guard {
    events: Weak<Events>,
    name: String,
    number: u64,
}

impl Guard {
    /// Leaves the handler registered for as long as the link lasts.
    pub fn keep(mut self) {
        self.events = Weak::new();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(events) = self.events.upgrade() {
            events.off(&self.name, self.number);
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn on<F, Fut>(self: &Arc<Self>, name: &str, handler: F) -> Guard
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, Arc::new(move |it| handler(it).boxed()), None)
    }

    /// As [`on`](Self::on), of a handler that is more than that.
    pub(crate) fn serve<F, Fut>(
        self: &Arc<Self>,
        name: &str,
        served: Arc<dyn Served>,
        handler: F,
    ) -> Guard
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, Arc::new(move |it| handler(it).boxed()), Some(served))
    }

    fn add(
        self: &Arc<Self>,
        name: &str,
        handler: Handler,
        served: Option<Arc<dyn Served>>,
    ) -> Guard {
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        state.handlers.entry(name.to_owned()).or_default().push((number, handler));
        state.served.extend(served.map(|it| (number, it)));
        Guard { events: Arc::downgrade(self), name: name.to_owned(), number }
    }

    /// What is served, if nobody else hears of anything.
    pub(crate) fn alone(&self) -> Option<Arc<dyn Served>> {
        let state = self.0.lock();
        let is_alone = state.handlers.len() == 1 && state.handlers.values().all(|it| it.len() == 1);
        match &state.served[..] {
            [(_, served)] if is_alone => Some(served.clone()),
            _ => None,
        }
    }

    /// What a message is about, if that is a call that was made before.
    pub(crate) fn about(&self, message: &Message) -> Option<About> {
        let served: Vec<_> = self.0.lock().served.iter().map(|it| it.1.clone()).collect();
        served.iter().find_map(|it| it.about(message))
    }

    fn off(&self, name: &str, number: u64) {
        let mut state = self.0.lock();
        let Some(handlers) = state.handlers.get_mut(name) else { return };
        let at = handlers.iter().position(|it| it.0 == number);
        let removed = at.map(|at| handlers.remove(at));
        if handlers.is_empty() {
            state.handlers.remove(name);
        }
        let at = state.served.iter().position(|it| it.0 == number);
        let served = at.map(|at| state.served.remove(at));
        drop(state);
        // What a handler holds is dropped without the lock.
        drop((removed, served));
    }

    /// Whether anybody hears of anything.
    pub(crate) fn are_heard(&self) -> bool {
        !self.0.lock().handlers.is_empty()
    }

    fn handlers(&self, name: &str) -> Vec<Handler> {
        let state = self.0.lock();
        let all = state.handlers.get(name);
        all.map(|it| it.iter().map(|it| it.1.clone()).collect()).unwrap_or_default()
    }
}

/// A message that arrived. Cheap to clone; as long as a clone is kept it may be answered.
#[derive(Clone)]
pub struct Received {
    answer: Option<Arc<Answer>>,
    /// What arrived.
    pub message: Arc<Message>,
    /// On which wire.
    pub wire: Arc<str>,
}

/// The way back to one who asked.
pub(crate) struct Answer {
    asker: Option<Asker>,
    /// Where an unused handle goes, so that the null answer is given.
    back: mpsc::Sender<Unanswered>,
    id: String,
    reply: Mutex<Option<ReplyHandle<Bytes>>>,
}

/// Nobody answered.
pub(crate) struct Unanswered {
    pub(crate) reply: ReplyHandle<Bytes>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.get_mut().take() {
            // Where it finds no room, "no reply" is said for it.
            let _ = self.back.try_send(Unanswered { reply });
        }
    }
}

impl Received {
    pub(crate) fn new(
        message: Message,
        wire: &Arc<str>,
        reply: Option<ReplyHandle<Bytes>>,
        back: &mpsc::Sender<Unanswered>,
    ) -> Self {
        let id = message.id().to_owned();
        let answer = |reply: ReplyHandle<Bytes>| {
            let (asker, back) = (reply.asker(), back.clone());
            Arc::new(Answer { asker, back, id, reply: Mutex::new(Some(reply)) })
        };
        let answer = reply.map(answer);
        Self { answer, message: Arc::new(message), wire: wire.clone() }
    }

    /// Whether somebody waits for an answer.
    pub fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|it| it.reply.lock().is_some())
    }

    /// Whoever waits for an answer.
    pub(crate) fn asker(&self) -> Option<&Asker> {
        self.answer.as_deref()?.asker.as_ref()
    }

    /// Answers, once.
    ///
    /// # Errors
    /// [`RpcError::Responded`], [`RpcError::Message`], and [`RpcError::Unreachable`].
    ///
    /// # Cancel safety
    /// A dropped future has answered, or says "no reply".
    pub async fn respond(&self, message: Message) -> Result<(), RpcError> {
        let answer = self.answer.as_ref().ok_or(RpcError::Responded)?;
        let bytes = message.answering(&answer.id).write(None)?;
        let reply = answer.reply.lock().take().ok_or(RpcError::Responded)?;
        let sent = reply.send(bytes).await;
        sent.map_err(|it| RpcError::Unreachable { reason: it.to_string() })
    }
}

impl Received {
    /// As [`respond`](Self::respond); what cannot be written is answered with an error that says so.
    pub(crate) async fn answer(&self, message: Message) -> Result<(), RpcError> {
        let told = self.respond(message).await;
        if let Err(RpcError::Message(error)) = &told {
            // Whoever asked may be gone.
            let _ =
                self.respond(Message::error(format!("the result cannot be told: {error}"))).await;
        }
        told
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("wire", &self.wire)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// Fires all events of a message: those of the link, then those of its wire.
pub(crate) async fn fire(link: &Events, wire: &Events, received: Received) {
    let heard = [link, wire].into_iter().filter(|it| it.are_heard());
    for events in heard {
        let names = Names::of(&received.message);
        for name in names.all() {
            for handler in events.handlers(name) {
                // Calling it may panic as well as what it returns.
                let again = received.clone();
                let handled = AssertUnwindSafe(async move { handler(again).await }).catch_unwind();
                if handled.await.is_err() {
                    tracing::error!(target: "gleis::rpc", event = name, "a handler panicked");
                    let error = Message::error("the handler panicked");
                    // It may have answered before, or nobody asked.
                    let _ = received.respond(error).await;
                }
            }
        }
    }
}

/// The events of a message.
struct Names {
    /// `receive_` and the path: those of its prefixes are beginnings of it.
    receive: String,
    /// `response_` and the id of what is answered.
    response: Option<String>,
}

impl Names {
    fn of(message: &Message) -> Self {
        let receive = format!("{RECEIVE}_{}", message.path());
        let response = message.response_id().map(|id| format!("{RESPONSE}_{id}"));
        Self { receive, response }
    }

    /// All of them, in order.
    fn all(&self) -> impl Iterator<Item = &str> {
        let prefixes = self.receive.match_indices('.').map(|it| &self.receive[..it.0]);
        let received = [RECEIVE].into_iter().chain(prefixes).chain([&self.receive[..]]);
        received.chain(self.response.iter().flat_map(|it| [RESPONSE, it]))
    }
}
