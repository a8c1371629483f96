//! Whoever has an agent do something, and what it hears of it.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use pin_project_lite::pin_project;
use tokio::sync::oneshot;

use crate::{
    Agent, BoxError, CallError, Context, Fault,
    guarded::{Guarded, guarded},
    text::chain,
};

/// Whoever has an agent do something: waits for the answer, or has only told.
pub struct Caller<R>(Form<R>);

enum Form<R> {
    Asks(oneshot::Sender<Result<R, Failure>>),
    /// What was told, for the log.
    Tells(Cow<'static, str>),
}

/// Why there is no answer. Boxed, since answers are moved about and these are rare.
pub(crate) enum Failure {
    /// The work failed.
    Fault(Box<Fault>),
    /// It was not begun, or its answer cannot travel.
    Call(Box<CallError>),
}

impl<R> Caller<R> {
    /// A caller, and where it waits.
    pub(crate) fn asks() -> (Self, oneshot::Receiver<Result<R, Failure>>) {
        let (reply, answer) = oneshot::channel();
        (Self(Form::Asks(reply)), answer)
    }

    /// A caller that does not wait.
    pub(crate) fn tells(what: Cow<'static, str>) -> Self {
        Self(Form::Tells(what))
    }

    /// Does the work and takes what comes of it to the caller: what the functions made by `#[agent]` do.
    ///
    /// The future gives the panic of the work, which the caller hears of too.
    pub fn answer<'a, A: Agent>(
        self,
        cx: &'a Context<A>,
        work: impl Future<Output = Result<R, BoxError>> + Send + 'a,
    ) -> impl Future<Output = Result<(), Fault>> + Send + 'a
    where
        R: Send + 'a,
    {
        self.settle(cx, work)
    }

    /// As [`answer`](Self::answer), of work that may also fail before it begins.
    pub(crate) fn settle<'a, A: Agent, W: Future>(
        self,
        cx: &'a Context<A>,
        work: W,
    ) -> Settle<'a, A, R, W> {
        let caller = Some(self).filter(|it| !it.has_left());
        Settle { work: guarded(work), cx, caller }
    }

    /// Nobody waits any more.
    fn has_left(&self) -> bool {
        matches!(&self.0, Form::Asks(reply) if reply.is_closed())
    }

    fn tell<A: Agent, E: Into<Failure>>(
        self,
        cx: &Context<A>,
        done: Result<Result<R, E>, Fault>,
    ) -> Result<(), Fault> {
        let (answer, done) = match done {
            Ok(answer) => (answer.map_err(Into::into), Ok(())),
            Err(fault) => (Err(Failure::Fault(fault.clone().into())), Err(fault)),
        };
        match (self.0, answer) {
            (Form::Asks(reply), answer) => {
                // A caller that has given up meanwhile wants no answer.
                let _ = reply.send(answer);
            }
            (Form::Tells(_), Ok(_)) => (),
            (Form::Tells(what), Err(failure)) => {
                tracing::warn!(target: "gleis::agent", agent = %cx.name(), %what, error = %failure, "what was told failed");
            }
        }
        done
    }
}

pin_project! {
    /// Work that tells its caller. No `async fn`, which would hold the work twice.
    pub(crate) struct Settle<'a, A: 'static, R, W> {
        #[pin]
        work: Guarded<W>,
        cx: &'a Context<A>,
        // Without one the work is not even begun.
        caller: Option<Caller<R>>,
    }
}

impl<A, R, W, E> Future for Settle<'_, A, R, W>
where
    A: Agent,
    W: Future<Output = Result<R, E>>,
    E: Into<Failure>,
{
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, ctx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.caller.is_none() {
            return Poll::Ready(Ok(()));
        }
        let done = ready!(this.work.poll(ctx));
        Poll::Ready(this.caller.take().map_or(Ok(()), |it| it.tell(this.cx, done)))
    }
}

impl<R> fmt::Debug for Caller<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Asks(_) => f.write_str("Caller::Asks"),
            Form::Tells(what) => f.debug_tuple("Caller::Tells").field(what).finish(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Call(error) => f.write_str(&chain(&**error)),
        }
    }
}

impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        Self::Fault(Fault::error(&error).into())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error.into())
    }
}
