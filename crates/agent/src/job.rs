//! A piece of work in a mailbox.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Context, Fault, current::Frame};

/// A piece of work in the mailbox. One pointer, since a mailbox holds room for many.
pub(crate) struct Job<A: 'static>(Box<dyn Work<A>>);

impl<A> Job<A> {
    /// Work on behalf of `caller`; its error stops the agent.
    pub(crate) fn new(
        what: impl Into<What>,
        caller: Option<Arc<Frame>>,
        work: impl for<'a> FnOnce(&'a mut A, &'a Context<A>) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> Self {
        let about = About { what: what.into(), caller, after_fault: false };
        Self(Box::new(Entry { about, work }))
    }

    /// The same, and true when it may be done although the agent has stopped after a fault.
    pub(crate) fn after_fault(mut self, after_fault: bool) -> Self {
        self.0.about_mut().after_fault = after_fault;
        self
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
    pub(crate) after_fault: bool,
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

impl From<Cow<'static, str>> for What {
    fn from(name: Cow<'static, str>) -> Self {
        Self::Call(name)
    }
}

impl From<&'static str> for What {
    fn from(name: &'static str) -> Self {
        Self::Call(name.into())
    }
}

impl From<String> for What {
    fn from(name: String) -> Self {
        Self::Call(name.into())
    }
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
    fn about_mut(&mut self) -> &mut About;
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

    fn about_mut(&mut self) -> &mut About {
        &mut self.about
    }

    fn run<'a>(
        self: Box<Self>,
        agent: &'a mut A,
        cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        (self.work)(agent, cx)
    }
}
