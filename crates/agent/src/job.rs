//! A piece of work in a mailbox.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Context, Fault, current::Frame};

/// A piece of work in the mailbox. A box, since a mailbox holds room for many.
pub(crate) struct Job<A: 'static>(Box<dyn Work<A>>);

impl<A> Job<A> {
    /// Work; its error stops the agent.
    pub(crate) fn new(
        about: impl Into<About>,
        work: impl for<'a> FnOnce(&'a mut A, &'a Context<A>) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> Self {
        Self(Box::new(Entry { about: about.into(), work }))
    }

    pub(crate) fn about(&self) -> &About {
        self.0.about()
    }

    pub(crate) fn run<'a>(
        self,
        agent: &'a mut A,
        cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.0.run(agent, cx)
    }
}

/// What is known of a piece of work.
pub(crate) struct About {
    pub(crate) what: What,
    /// Who waits for it.
    pub(crate) caller: Option<Arc<Frame>>,
    /// True when it may be done although the agent has stopped after a fault.
    pub(crate) after_fault: bool,
}

impl From<What> for About {
    /// Nobody waits for it.
    fn from(what: What) -> Self {
        Self { what, caller: None, after_fault: false }
    }
}

/// What a piece of work is, for the log.
#[derive(Clone)]
pub(crate) enum What {
    /// A message from the socket of this alias.
    Message(Arc<str>),
    /// That there is no answer from it.
    NoAnswer(Arc<str>),
    /// A call.
    Call(Cow<'static, str>),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(alias) => write!(f, "a message from `{alias}`"),
            Self::NoAnswer(alias) => write!(f, "no answer from `{alias}`"),
            Self::Call(name) => f.write_str(name),
        }
    }
}

trait Work<A>: Send {
    fn about(&self) -> &About;
    fn run<'a>(
        self: Box<Self>,
        agent: &'a mut A,
        cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

struct Entry<F> {
    about: About,
    work: F,
}

impl<A, F> Work<A> for Entry<F>
where
    F: for<'a> FnOnce(&'a mut A, &'a Context<A>) -> BoxFuture<'a, Result<(), Fault>> + Send,
{
    fn about(&self) -> &About {
        &self.about
    }

    fn run<'a>(
        self: Box<Self>,
        agent: &'a mut A,
        cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        (self.work)(agent, cx)
    }
}
