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
    /// A moment of its life.
    Hook(&'static str),
    /// A timer, by its alias or its number.
    Timer(Result<Arc<str>, u64>),
}

impl What {
    /// Tells it from all others whose text stays where it is; 0 if its text does not.
    pub(crate) fn key(&self) -> u64 {
        let (kind, text): (u64, &str) = match self {
            Self::Message(alias) => (0, alias),
            Self::NoAnswer(alias) => (1, alias),
            Self::Call(Cow::Borrowed(name)) | Self::Hook(name) => (2, name),
            Self::Timer(Ok(alias)) => (3, alias),
            Self::Call(Cow::Owned(_)) | Self::Timer(Err(_)) => return 0,
        };
        match u64::try_from(text.len()) {
            // Addresses have 48 bits.
            Ok(length @ 1..0x4000) => ((text.as_ptr() as u64) << 16) | (length << 2) | kind,
            _ => 0,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(alias) => write!(f, "a message from `{alias}`"),
            Self::NoAnswer(alias) => write!(f, "no answer from `{alias}`"),
            Self::Call(name) => f.write_str(name),
            Self::Hook(name) => write!(f, "the hook `{name}`"),
            Self::Timer(Ok(alias)) => write!(f, "the timer `{alias}`"),
            Self::Timer(Err(id)) => write!(f, "timer {id}"),
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
