//! Handlers that answer requests, one at a time.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_codec::Message;
use gleis_patterns::PeerId;
use gleis_transport::TaskGuard;

use crate::case::{Case, End};
use crate::error::BoxError;
use crate::handler::{Handler, guarded};
use crate::intake::Intake;
use crate::office::{Fresh, Office, Saying};
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

/// Answers each request with what the handler returns: where it was read, if the handler does not wait.
pub(crate) async fn values<Q, R, Fut>(office: Arc<Office>, handler: impl Fn(Q) -> Fut + Send + Sync)
where
    Q: Message,
    R: Message,
    Fut: Future<Output = Result<R, BoxError>> + Send,
{
    let Some(mut desk) = Desk::open(&office).await else { return };
    while let Some(next) = desk.next::<Q>().await {
        match next {
            Next::Fresh(request, fresh) => {
                let mut doing = pin!(guarded(|| handler(request)));
                // Most need not be polled twice, and are never noted.
                match poll_fn(|cx| Poll::Ready(doing.as_mut().poll(cx))).await {
                    Poll::Ready(value) => desk.answer(&fresh, value),
                    Poll::Pending => {
                        let case = office.keep(&fresh);
                        let value = desk.beside(doing).await;
                        desk.settle(case, value);
                    }
                }
            }
            Next::Noted(request, case) => {
                let value = desk.beside(pin!(guarded(|| handler(request)))).await;
                desk.settle(case, value);
            }
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// Hands each request to the handler, with the means to answer it.
pub(crate) async fn asked<Q: Message, R: Message>(
    office: Arc<Office>,
    handler: Handler<(Q, Reply<R>), ()>,
) {
    let Some(mut desk) = Desk::open(&office).await else { return };
    while let Some(next) = desk.next::<Q>().await {
        let (request, case) = match next {
            Next::Fresh(request, fresh) => (request, office.keep(&fresh)),
            Next::Noted(request, case) => (request, case),
        };
        let reply = Reply::new(&office, case.clone());
        case.hold();
        let handled = desk.beside(pin!(guarded(|| handler((request, reply))))).await;
        let let_go = case.release();
        if let Err(text) = &handled {
            tell(case.id, &case.peer, text);
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

/// A request to be handled.
enum Next<Q> {
    /// It was just read.
    Fresh(Q, Fresh),
    /// It had to wait.
    Noted(Q, Arc<Case>),
}

/// Where requests are read and answered by whoever serves.
struct Desk<'a> {
    intake: Intake,
    late: Late,
    office: &'a Arc<Office>,
}

impl<'a> Desk<'a> {
    /// `None` if the office is closed.
    async fn open(office: &'a Arc<Office>) -> Option<Self> {
        Some(Self { intake: office.take_over().await?, late: Late::new(), office })
    }

    /// The next request in the order they came; `None` once the office is closed.
    async fn next<Q: Message>(&mut self) -> Option<Next<Q>> {
        let office = self.office;
        loop {
            if LATE <= self.late.len() {
                self.less_late().await;
            }
            if let Some((request, case)) = office.take_waiting() {
                return Some(Next::Noted(request, case));
            }
            let since = self.intake.since();
            match self.intake.next_request() {
                Some((route, message)) => {
                    if let Some((request, fresh)) = office.begin(route, message, since) {
                        return Some(Next::Fresh(request, fresh));
                    }
                    tokio::task::coop::consume_budget().await;
                }
                None if self.intake.has_heard() => self.intake.note_all(office),
                None if office.is_closed() => return None,
                None => {
                    let Self { intake, late, .. } = self;
                    let mut reading = pin!(intake.read(office));
                    let is_open = loop {
                        tokio::select! {
                            biased;
                            is_open = &mut reading => break is_open,
                            Some(()) = late.next() => (),
                        }
                    };
                    if !is_open {
                        return None;
                    }
                }
            }
        }
    }

    /// Waits until an answer less waits.
    async fn less_late(&mut self) {
        let Self { intake, late, office } = self;
        tokio::select! {
            biased;
            _ = late.next() => (),
            () = listen(intake, office) => (),
        }
    }

    /// Does something while answers wait beside it, and what comes is noted.
    async fn beside<T>(&mut self, mut work: Pin<&mut (impl Future<Output = T> + Send)>) -> T {
        let Self { intake, late, office } = self;
        let mut listening = pin!(listen(intake, office));
        loop {
            tokio::select! {
                biased;
                res = &mut work => return res,
                Some(()) = late.next() => (),
                () = &mut listening => (),
            }
        }
    }

    /// Answers what is not noted.
    fn answer<R: Message>(&mut self, fresh: &Fresh, value: Result<R, String>) {
        let office = self.office;
        let saying = match value {
            Ok(value) => office.say(&fresh.codec, fresh.id, &value),
            Err(text) => {
                tell(fresh.id, fresh.route.peer(), &text);
                Saying::Failure(text)
            }
        };
        if let Err(case) = office.answer_fresh(fresh, &saying) {
            let office = office.clone();
            self.late.push(Box::pin(async move {
                // Whether in vain or not, it is counted.
                drop(office.answer(&case, &saying).await);
            }));
        }
    }

    /// Answers what is noted.
    fn settle<R: Message>(&mut self, case: Arc<Case>, value: Result<R, String>) {
        if let Err(text) = &value {
            tell(case.id, &case.peer, text);
        }
        self.late.extend(Reply::new(self.office, case).send_now(value));
    }
}

/// Notes what comes, for ever.
async fn listen(intake: &mut Intake, office: &Office) {
    intake.listen(office).await;
    std::future::pending::<()>().await;
}

fn tell(id: u64, peer: &PeerId, error: &str) {
    tracing::error!(target: "gleis::channels", id, %peer, error, "a handler of requests failed");
}
