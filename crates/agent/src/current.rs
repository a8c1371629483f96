//! Which agent is at work in this task, and on whose behalf.

use std::future::Future;
use std::sync::Arc;

use gleis_core::Name;
use tokio::task_local;

use crate::{deadline::KeptTimer, home::Home, identity::Identity};

task_local! {
    static CURRENT: Arc<Frame>;
}

/// How many of those who wait are told to other programs. A circle of more is not found.
pub(crate) const CALLERS: usize = 16;

/// An agent at work, and the one that waits for it, and so on.
#[derive(Debug)]
pub(crate) struct Frame {
    home: Arc<Home>,
    caller: Option<Arc<Self>>,
    /// Whether it is what another program has told of the agent.
    is_told: bool,
    /// Whether one of those who wait is in another program.
    is_foreign: bool,
}

impl Frame {
    /// This agent at work by itself, in its own task.
    pub(crate) fn at_home(home: Arc<Home>) -> Arc<Self> {
        Arc::new(Self { home, caller: None, is_told: false, is_foreign: false })
    }

    /// The agent.
    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Whether it is what another program has told of the agent.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether one of those who wait is in another program.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// The timer for what is asked here.
    pub(crate) fn timer(&self) -> Option<&KeptTimer> {
        Some(&self.home.timer).filter(|_| !self.is_told)
    }

    /// The same agent at work for `caller`; the same frame if it is the same caller.
    pub(crate) fn on_behalf_of(self: &mut Arc<Self>, caller: Option<&Arc<Self>>) -> Arc<Self> {
        let same = match (&self.caller, caller) {
            (None, None) => true,
            (Some(last), Some(caller)) => Arc::ptr_eq(last, caller),
            _ => false,
        };
        if !same {
            let is_foreign = caller.is_some_and(|it| it.is_foreign);
            let (home, caller) = (self.home.clone(), caller.cloned());
            *self = Arc::new(Self { home, caller, is_told: false, is_foreign });
        }
        self.clone()
    }

    /// The frame in which we run, if an agent is at work here.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Whether it is this agent that is at work here.
    pub(crate) fn is_at_work(agent: &Identity) -> bool {
        CURRENT.try_with(|it| it.home.identity == *agent).unwrap_or(false)
    }

    /// The frame of callers that another program tells of, the first one last. Those of an earlier version tell no
    /// names.
    pub(crate) fn told(identities: Vec<Name>, names: Vec<Name>) -> Option<Arc<Self>> {
        let mut names = names.into_iter();
        let homes: Vec<_> = identities
            .into_iter()
            .take(CALLERS)
            .map(|it| Home::told(it.into(), names.next()))
            .collect();
        homes.into_iter().rev().fold(None, |caller, home| {
            Some(Arc::new(Self { home, caller, is_told: true, is_foreign: true }))
        })
    }

    /// The identities and the names of those who wait, from here outwards, for other programs.
    pub(crate) fn tell(&self) -> (Vec<Name>, Vec<Name>) {
        let waiting = || self.waiting().take(CALLERS);
        let identities = waiting().map(|it| it.identity.to_name()).collect();
        // Behind one that is not known by name no name would be in its place.
        let names = waiting().map_while(|it| it.name.clone()).collect();
        (identities, names)
    }

    /// True when this agent waits for what is done here.
    pub(crate) fn contains(&self, agent: &Identity) -> bool {
        self.waiting().any(|it| it.identity == *agent)
    }

    /// Runs `work` in this frame.
    pub(crate) async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Those who wait, from here outwards, up to the first that has given up.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Arc<Home>> {
        let frames = std::iter::successors(Some(self), |it| {
            let caller = it.caller.as_deref()?;
            let waits = it.is_told || caller.home.is_waiting_for(&it.home);
            Some(caller).filter(|_| waits)
        });
        frames.map(|it| &it.home)
    }
}
