//! Calls that a client fetches: the way back over the connection that it has.
//!
//! A client that exposes something always has one request open, `next_call`, which is answered with a call
//! when there is one, or with nothing after a while, so that each side knows of the other; `answer_call`
//! takes the result back.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gleis_core::Value;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::RpcError;
use crate::message::Message;

/// So many calls wait to be fetched by one client.
const WAITING: usize = 256;
/// So many were fetched and have no result yet.
const FETCHED: usize = 1_024;

/// Calls that wait to be fetched, and those that were.
pub(crate) struct Polled {
    calls: mpsc::Sender<Waiting>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Waiting>>,
    fetched: Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>,
}

struct Waiting {
    message: Message,
    result: oneshot::Sender<Result<Value, String>>,
}

impl Polled {
    pub(crate) fn new() -> Self {
        let (calls, waiting) = mpsc::channel(WAITING);
        let waiting = tokio::sync::Mutex::new(waiting);
        Self { calls, waiting, fetched: Mutex::default() }
    }

    /// Calls the client.
    pub(crate) async fn call(
        &self,
        path: String,
        mut message: Message,
        within: Duration,
    ) -> Result<Value, RpcError> {
        let id = message.id().to_owned();
        let what = message.data.as_str().unwrap_or_default().to_owned();
        message.meta.insert("path".to_owned(), Value::from(path));
        let (result, answered) = oneshot::channel();
        let until = Instant::now() + within;
        let _forgotten = Forget { polled: self, id: &id };
        let work = async {
            self.calls.send(Waiting { message, result }).await.map_err(|_| RpcError::Closed)?;
            answered.await.map_err(|_| RpcError::Closed)
        };
        match timeout_at(until, work).await {
            Ok(answered) => answered?.map_err(|text| RpcError::Remote { text }),
            Err(_) => Err(RpcError::TimedOut { what, within }),
        }
    }

    /// The next call, as the client reads it; nothing if there is none for a while.
    pub(crate) async fn next(&self, within: Duration) -> Result<Value, String> {
        let next = async {
            let mut waiting = self.waiting.lock().await;
            loop {
                let Some(Waiting { message, result }) = waiting.recv().await else {
                    return Value::Null;
                };
                // Whoever called may have given up.
                if !result.is_closed() {
                    return self.fetch(message, result);
                }
            }
        };
        Ok(timeout(within, next).await.unwrap_or(Value::Null))
    }

    fn fetch(&self, message: Message, result: oneshot::Sender<Result<Value, String>>) -> Value {
        let mut fetched = self.fetched.lock();
        if fetched.len() < FETCHED {
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
struct Forget<'a> {
    polled: &'a Polled,
    id: &'a str,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.polled.fetched.lock().remove(self.id);
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
