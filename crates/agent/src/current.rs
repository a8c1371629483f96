//! Which agent is at work in this task, and on whose behalf.

use std::future::Future;
use std::sync::Arc;

use gleis_core::Name;
use tokio::task_local;

task_local! {
    static CURRENT: Arc<Frame>;
}

/// An agent at work, and the one that waits for it, and so on.
#[derive(Debug)]
pub(crate) struct Frame {
    agent: Name,
    caller: Option<Arc<Self>>,
}

impl Frame {
    /// The agent with this identity at work for `caller`.
    pub(crate) fn new(agent: Name, caller: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { agent, caller })
    }

    /// The frame in which we run, if an agent is at work here.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// The frame of callers that are known by their identities, the first one last.
    pub(crate) fn from_identities(identities: Vec<Name>) -> Option<Arc<Self>> {
        identities.into_iter().rev().fold(None, |caller, agent| Some(Self::new(agent, caller)))
    }

    /// The identities of all who wait, from here outwards.
    pub(crate) fn identities(&self) -> Vec<Name> {
        self.chain().map(|it| it.agent.clone()).collect()
    }

    /// True when this agent waits for what is done here.
    pub(crate) fn contains(&self, agent: &Name) -> bool {
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
