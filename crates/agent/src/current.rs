//! Which agent is at work in this task, and on whose behalf.

use std::future::Future;
use std::sync::Arc;

use gleis_core::Name;
use tokio::task_local;

use crate::{deadline::KeptTimer, identity::Identity};

task_local! {
    static CURRENT: Arc<Frame>;
}

/// An agent at work, and the one that waits for it, and so on.
#[derive(Debug)]
pub(crate) struct Frame {
    agent: Identity,
    caller: Option<Arc<Self>>,
    /// For what the agent asks in its own task.
    timer: Option<KeptTimer>,
}

impl Frame {
    /// The agent with this identity at work for `caller`.
    pub(crate) fn new(agent: Identity, caller: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { agent, caller, timer: None })
    }

    /// The agent with this identity at work by itself, in its own task.
    pub(crate) fn at_home(agent: Identity) -> Arc<Self> {
        Arc::new(Self { agent, caller: None, timer: Some(KeptTimer::default()) })
    }

    /// The timer for what is asked here.
    pub(crate) fn timer(&self) -> Option<&KeptTimer> {
        self.timer.as_ref()
    }

    /// The same agent at work for `caller`; the same frame if it is the same caller.
    pub(crate) fn on_behalf_of(self: &mut Arc<Self>, caller: Option<&Arc<Self>>) -> Arc<Self> {
        let same = match (&self.caller, caller) {
            (None, None) => true,
            (Some(last), Some(caller)) => Arc::ptr_eq(last, caller),
            _ => false,
        };
        if !same {
            let (agent, timer) = (self.agent.clone(), self.timer.clone());
            *self = Arc::new(Self { agent, caller: caller.cloned(), timer });
        }
        self.clone()
    }

    /// The frame in which we run, if an agent is at work here.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Whether it is this agent that is at work here.
    pub(crate) fn is_at_work(agent: &Identity) -> bool {
        CURRENT.try_with(|it| it.agent == *agent).unwrap_or(false)
    }

    /// The frame of callers that are known by their identities, the first one last.
    pub(crate) fn from_identities(identities: Vec<Name>) -> Option<Arc<Self>> {
        identities
            .into_iter()
            .rev()
            .fold(None, |caller, agent| Some(Self::new(agent.into(), caller)))
    }

    /// The identities of all who wait, from here outwards.
    pub(crate) fn identities(&self) -> Vec<Name> {
        self.chain().map(|it| it.agent.to_name()).collect()
    }

    /// True when this agent waits for what is done here.
    pub(crate) fn contains(&self, agent: &Identity) -> bool {
        self.chain().any(|it| it.agent == *agent)
    }

    /// Runs `work` in this frame.
    pub(crate) async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |it| it.caller.as_deref())
    }
}
