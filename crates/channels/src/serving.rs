//! Handlers that answer requests, one at a time.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_codec::Message;
use gleis_transport::TaskGuard;

use crate::case::{Case, End};
use crate::handler::{Handler, guarded};
use crate::office::Office;
use crate::reply::Reply;
use crate::wire::{self, Why};

/// So many answers wait for requesters that do not take them; then handling waits, too.
const LATE: usize = 1_000;

/// A channel whose requests are answered by a handler. Dropping it ends both.
///
/// Requests are handled one at a time, in the order they came. A requester that does not take its
/// answers delays nobody: they wait apart, as long as the [patience](crate::Builder::patience) says.
#[must_use = "dropping it ends the channel"]
pub struct Serving<C> {
    channel: C,
    _task: TaskGuard,
}

impl<C> Serving<C> {
    pub(crate) fn new(channel: C, task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { channel, _task: TaskGuard::spawn(task) }
    }
}

impl<C> Deref for Serving<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.channel
    }
}

impl<C: fmt::Debug> fmt::Debug for Serving<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Serving").field(&self.channel).finish()
    }
}

/// Answers that wait for requesters.
type Late = FuturesUnordered<BoxFuture<'static, ()>>;

/// Answers each request with what the handler returns.
pub(crate) async fn values<Q: Message, R: Message>(office: Arc<Office>, handler: Handler<(Q,), R>) {
    let mut late = Late::new();
    while let Some((request, reply)) = next::<Q, R>(&office, &mut late).await {
        let case = reply.case().clone();
        let value = beside(guarded(|| handler((request,))), &mut late).await;
        if let Err(text) = &value {
            tell(&case, text);
        }
        late.extend(reply.send_now(value));
        tokio::task::coop::consume_budget().await;
    }
}

/// Hands each request to the handler, with the means to answer it.
pub(crate) async fn asked<Q: Message, R: Message>(
    office: Arc<Office>,
    handler: Handler<(Q, Reply<R>), ()>,
) {
    let mut late = Late::new();
    while let Some((request, reply)) = next::<Q, R>(&office, &mut late).await {
        let case = reply.case().clone();
        case.hold();
        let handled = beside(guarded(|| handler((request, reply))), &mut late).await;
        let let_go = case.release();
        if let Err(text) = &handled {
            tell(&case, text);
        }
        if let_go {
            let (message, end) = match handled {
                Ok(()) => (wire::failure(case.id, Why::NoReply, String::new()), End::Unanswered),
                Err(text) => (wire::failure(case.id, Why::Failed, text), End::Failed),
            };
            office.answer_now(&case, message, end);
        }
        tokio::task::coop::consume_budget().await;
    }
}

async fn next<Q: Message, R: Message>(
    office: &Arc<Office>,
    late: &mut Late,
) -> Option<(Q, Reply<R>)> {
    while LATE <= late.len() {
        late.next().await;
    }
    beside(office.take(), late).await.ok()
}

/// Does something while answers wait beside it.
async fn beside<T>(work: impl Future<Output = T>, late: &mut Late) -> T {
    if late.is_empty() {
        return work.await;
    }
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            res = &mut work => return res,
            Some(()) = late.next() => (),
        }
    }
}

fn tell(case: &Case, error: &str) {
    tracing::error!(
        target: "gleis::channels", id = case.id, peer = %case.peer, error,
        "a handler of requests failed"
    );
}
