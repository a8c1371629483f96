//! Calls that were begun, and calls that build on their results.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use gleis_core::{Value, from_value};
use gleis_transport::TaskGuard;
use serde::{Serialize, Serializer, de::DeserializeOwned};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::api::kept::{KEEP, RESULTS};
use crate::error::RpcError;
use crate::message::Message;

/// A call that is on its way: await it for its result, and give that to other calls of the same client
/// before it has come. Dropped before it is answered it is given up.
#[must_use = "dropping it gives the call up"]
pub struct Begun<R> {
    answer: oneshot::Receiver<Result<Value, RpcError>>,
    id: String,
    method: String,
    result: PhantomData<fn() -> R>,
    _task: TaskGuard,
}

impl<R> Begun<R> {
    /// Begins a call, whose `work` says when it is on its way.
    pub(crate) async fn new<F>(
        mut message: Message,
        work: impl FnOnce(Message, oneshot::Sender<()>) -> F,
    ) -> Result<Self, RpcError>
    where
        F: Future<Output = Result<Value, RpcError>> + Send + 'static,
    {
        message.meta.insert(KEEP.to_owned(), Value::from(true));
        let (id, method) = (message.id().to_owned(), message.data.as_str().unwrap_or_default());
        let (method, result) = (method.to_owned(), PhantomData);
        let ((sent, was_sent), (tell, answer)) = (oneshot::channel(), oneshot::channel());
        let work = work(message, sent);
        let _task = TaskGuard::spawn(async move {
            // Whoever began it may be gone.
            let _ = tell.send(work.await);
        });
        let this = Self { answer, id, method, result, _task };
        match was_sent.await {
            Ok(()) => Ok(this),
            // It has failed before.
            Err(_) => match this.answer.await {
                Ok(Err(error)) => Err(error),
                _ => Err(RpcError::Closed),
            },
        }
    }

    /// Its result, as an argument of another call of the same client: the server puts it there when it has
    /// it. It keeps it for 10 s at least, unless 63 more are to be kept, or 4 MiB.
    pub fn result(&self) -> ResultOf {
        ResultOf(self.id.clone())
    }
}

impl<R: DeserializeOwned> Future for Begun<R> {
    type Output = Result<R, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        let result = answer.unwrap_or(Err(RpcError::Closed))?;
        Poll::Ready(
            from_value(result).map_err(|it| RpcError::Answer {
                method: self.method.clone(),
                reason: it.to_string(),
            }),
        )
    }
}

impl<R> fmt::Debug for Begun<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The result of a call that was [begun](crate::Client::begin), as an argument of another; it is no part of one.
#[derive(Clone, Debug)]
pub struct ResultOf(String);

impl Serialize for ResultOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WRITTEN.set(WRITTEN.get() + 1);
        serializer.collect_str(&format_args!("{}{}", *MARK, self.0))
    }
}

/// What results of other calls begin with until they leave: nobody else can write it.
static MARK: LazyLock<String> = LazyLock::new(|| format!("result {} ", Uuid::new_v4()));

thread_local! {
    /// How many this thread has written.
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
}

/// What `write` gives, and how many results of other calls it has written.
pub(crate) fn counted<T>(write: impl FnOnce() -> T) -> (T, usize) {
    let before = WRITTEN.get();
    let written = write();
    (written, WRITTEN.get() - before)
}

/// The call whose result an argument is.
pub(crate) fn id_of(argument: &Value) -> Option<&str> {
    argument.as_str()?.strip_prefix(MARK.as_str())
}

/// Says which arguments are the results of other calls.
pub(crate) fn name_results(message: &mut Message) {
    let mut results = BTreeMap::new();
    let mut name = |name: &dyn fmt::Display, argument: &mut Value| {
        if let Some(id) = id_of(argument) {
            results.insert(name.to_string(), Value::from(id));
            *argument = Value::Null;
        }
    };
    message.args.iter_mut().enumerate().for_each(|(n, it)| name(&n, it));
    message.kwargs.iter_mut().for_each(|(key, it)| name(key, it));
    if !results.is_empty() {
        message.meta.insert(RESULTS.to_owned(), Value::Map(results));
    }
}
