//! Calls that a client fetches: the way back over the connection that it has.
//!
//! A client that exposes something always has one request open, `next_call`, which is answered with a call
//! when there is one, or with nothing after a while, so that each side knows of the other; `answer_call`
//! takes the result back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gleis_core::Value;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::api::builder::Hooks;
use crate::api::running::GiveUp;
use crate::error::RpcError;
use crate::events::Received;
use crate::message::Message;

/// So many calls wait to be fetched by one client.
const WAITING: usize = 256;
/// So many were fetched and have no result yet.
const FETCHED: usize = 1_024;
/// Longer than any program runs.
const NEVER: Duration = Duration::from_secs(365 * 86_400);
/// So many requests for calls of one client wait to be looked at.
const POLLS: usize = 4;

/// Calls that wait to be fetched, and those that were.
pub(crate) struct Polled {
    calls: mpsc::Sender<Waiting>,
    fetched: Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>,
    /// A request for calls waits for one.
    is_open: AtomicBool,
    polls: mpsc::Sender<Received>,
}

struct Waiting {
    message: Message,
    /// Where its result goes, if one is waited for.
    result: Option<oneshot::Sender<Result<Value, String>>>,
}

/// Answers the requests of one client for calls, of which one at a time is open: it takes up no place among
/// the requests that a link works on.
struct Answering {
    calls: mpsc::Receiver<Waiting>,
    heartbeat: Duration,
    hooks: Hooks,
    polled: Arc<Polled>,
    polls: mpsc::Receiver<Received>,
}

impl Answering {
    async fn run(mut self) {
        let (mut open, mut until) = (None, Instant::now());
        loop {
            self.polled.is_open.store(open.is_some(), Ordering::Relaxed);
            tokio::select! {
                biased;
                newer = self.polls.recv() => {
                    let Some(newer) = newer else {
                        return;
                    };
                    // Whoever asks again has lost the connection that it asked on.
                    self.answer(open.replace(newer), Value::Null).await;
                    let now = Instant::now();
                    // Beyond what a clock can tell is never.
                    until = now.checked_add(self.heartbeat).unwrap_or(now + NEVER);
                }
                Some(Waiting { message, result }) = self.calls.recv(), if open.is_some() => {
                    // Whoever called may have given up.
                    if result.as_ref().is_none_or(|it| !it.is_closed()) {
                        let id = message.id().to_owned();
                        let call = self.polled.fetch(message, result);
                        if !self.answer(open.take(), call).await {
                            // Whoever called need not wait for what nobody has got.
                            self.polled.fetched.lock().remove(&id);
                        }
                    }
                }
                () = sleep_until(until), if open.is_some() => {
                    self.answer(open.take(), Value::Null).await;
                }
            }
        }
    }

    /// False if it did not leave, or something else did.
    async fn answer(&self, open: Option<Received>, value: Value) -> bool {
        let Some(open) = open else {
            return false;
        };
        let mut answer = Message::new(value);
        let hooked = self.hooks.outgoing_caught(&mut answer);
        if !hooked {
            answer = Message::new(Value::Null);
        }
        let sent = open.respond(answer).await.inspect_err(|error| {
            tracing::warn!(target: "gleis::rpc", %error, "a client is not there to fetch its calls");
        });
        sent.is_ok() && hooked
    }
}

impl Polled {
    /// Calls of a client that hears of the server once in a `heartbeat`, and the task that it fetches them from.
    pub(crate) fn new(heartbeat: Duration, hooks: Hooks) -> (Arc<Self>, TaskGuard) {
        let ((calls, to_fetch), (polls, open)) = (mpsc::channel(WAITING), mpsc::channel(POLLS));
        let (fetched, is_open) = Default::default();
        let polled = Arc::new(Self { calls, fetched, is_open, polls });
        let (calls, polls) = (to_fetch, open);
        let answering = Answering { calls, heartbeat, hooks, polled: polled.clone(), polls };
        (polled, TaskGuard::spawn(answering.run()))
    }

    /// Calls the client.
    pub(crate) async fn call<F: FnOnce()>(
        &self,
        message: Message,
        within: Duration,
        given_up: GiveUp<F>,
    ) -> Result<Value, RpcError> {
        let id = message.id().to_owned();
        let what = message.data.as_str().unwrap_or_default().to_owned();
        let (result, answered) = oneshot::channel();
        let until = Instant::now() + within;
        let _forgotten = Forget { polled: self, id: &id, given_up };
        let work = async {
            let call = Waiting { message, result: Some(result) };
            self.calls.send(call).await.map_err(|_| RpcError::Closed)?;
            answered.await.map_err(|_| RpcError::Closed)
        };
        match timeout_at(until, work).await {
            Ok(answered) => answered?.map_err(|text| RpcError::Remote { text }),
            Err(_) => Err(RpcError::TimedOut { what, within }),
        }
    }

    /// Tells the client something that needs no answer, if there is room.
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.calls.try_send(Waiting { message, result: None });
    }

    /// A request for calls came: it is answered with the next one, or with nothing if there is none for a
    /// while.
    pub(crate) fn came(&self, poll: Received) {
        // A client that was forgotten meanwhile, or asks more often than it is answered, gets the null answer.
        let _ = self.polls.try_send(poll);
    }

    /// Whether a request for calls waits for one.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    fn fetch(
        &self,
        message: Message,
        result: Option<oneshot::Sender<Result<Value, String>>>,
    ) -> Value {
        let mut fetched = self.fetched.lock();
        if let (Some(result), true) = (result, fetched.len() < FETCHED) {
            fetched.insert(message.id().to_owned(), result);
        }
        let Message { args, data, kwargs, meta } = message;
        let call = [
            ("args", Value::List(args)),
            ("data", data),
            ("kwargs", Value::Map(kwargs)),
            ("meta", Value::Map(meta)),
        ];
        Value::Map(call.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// Takes a result back: the id of the call, and its result or what went wrong.
    pub(crate) fn answered(&self, args: &[Value]) -> Result<Value, String> {
        let [id, data, error] = args else {
            return Err("answer_call takes 3 arguments: id, result and error".to_owned());
        };
        let result = self.fetched.lock().remove(id.as_str().unwrap_or_default());
        let told = match error.as_str() {
            Some(text) => Err(text.to_owned()),
            None => Ok(data.clone()),
        };
        // Whoever called may have given up.
        Ok(Value::from(result.is_some_and(|it| it.send(told).is_ok())))
    }
}

/// Forgets a call however waiting for it ends.
struct Forget<'a, F: FnOnce()> {
    polled: &'a Polled,
    id: &'a str,
    given_up: GiveUp<F>,
}

impl<F: FnOnce()> Drop for Forget<'_, F> {
    fn drop(&mut self) {
        let fetched = self.polled.fetched.lock().remove(self.id);
        if fetched.is_none() {
            // It was answered, or the client has not heard of it.
            self.given_up.need_not();
        }
    }
}

/// A call that was fetched.
pub(crate) fn read(call: Value) -> Option<Message> {
    let Value::Map(mut call) = call else {
        return None;
    };
    let mut take = |name: &str| call.remove(name).unwrap_or_default();
    let list = |value| if let Value::List(it) = value { it } else { Vec::new() };
    let map = |value| if let Value::Map(it) = value { it } else { BTreeMap::new() };
    let (args, data) = (list(take("args")), take("data"));
    Some(Message { args, data, kwargs: map(take("kwargs")), meta: map(take("meta")) })
}
