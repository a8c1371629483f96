//! A child of a supervisor: who it is, and what becomes of it when it ends.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::Name;
use serde::{Deserialize, Serialize};

use super::leash::Leash;
use crate::{
    Agent, AgentState, Fault, RunAgent, RunError,
    cell::{AnyAgent, Cell},
    node::Host,
};

/// What becomes of a child that ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ChildKind {
    /// It begins anew, however it ended.
    #[default]
    Permanent,
    /// It is forgotten, however it ended.
    Temporary,
    /// It begins anew if it failed or was killed; if it shut down, it is done.
    Transient,
}

/// A child as others see it.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChildInfo {
    /// Who.
    pub name: String,
    /// What becomes of it when it ends.
    pub kind: ChildKind,
    /// Where it is in its life; `Gone` if it was ended or is done.
    pub state: AgentState,
    /// How often it has begun anew.
    pub restarts: u32,
}

/// An agent to be looked after by a [`Supervisor`](crate::Supervisor): its name, and how its state is made.
///
/// ```
/// # use std::time::Duration;
/// # use gleis_agent::*;
/// #[derive(Default)]
/// struct Worker;
///
/// #[agent]
/// impl Worker {}
///
/// let child = Child::new("worker", Worker::default)
///     .kind(ChildKind::Transient)
///     .grace(Duration::from_secs(1))
///     .with(|run| run.mailbox(10));
/// ```
#[must_use = "it runs when a supervisor has it"]
pub struct Child<A: 'static> {
    name: String,
    make: Box<dyn FnMut() -> A + Send>,
    with: Option<With<A>>,
    kind: ChildKind,
    grace: Duration,
    within: Duration,
    cell: Option<Arc<Cell<A>>>,
}

/// Says how an agent is run otherwise.
type With<A> = Box<dyn Fn(RunAgent<A>) -> RunAgent<A> + Send>;

impl<A: Agent> Child<A> {
    /// The agent of this name; `make` makes the state of each of its lives. An empty name is replaced by a random
    /// one.
    pub fn new(name: impl Into<String>, make: impl FnMut() -> A + Send + 'static) -> Self {
        let name = Some(name.into()).filter(|it| !it.is_empty());
        Self {
            name: name.unwrap_or_else(|| Name::random().to_string()),
            make: Box::new(make),
            with: None,
            kind: ChildKind::default(),
            grace: Duration::from_secs(5),
            within: Duration::from_secs(30),
            cell: None,
        }
    }

    /// What becomes of it when it ends; [`ChildKind::Permanent`] by default.
    pub fn kind(mut self, kind: ChildKind) -> Self {
        self.kind = kind;
        self
    }

    /// How long it may take to come to an end before it is ended by force; 5 seconds by default. For a supervisor
    /// that is the time of all its children together.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long its beginning may take, or else it counts as failed; 30 seconds by default.
    pub fn within(mut self, patience: Duration) -> Self {
        self.within = patience;
        self
    }

    /// How it is run otherwise: its mailbox, its thread and so on. Where it is run is the supervisor's choice,
    /// and once it runs, only its state and its attributes are set again.
    pub fn with(mut self, with: impl Fn(RunAgent<A>) -> RunAgent<A> + Send + 'static) -> Self {
        self.with = Some(Box::new(with));
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The agent as it is to be run.
    fn prepare(&mut self) -> Result<RunAgent<A>, RunError> {
        let Self { name, make, with, .. } = self;
        let made = catch_unwind(AssertUnwindSafe(|| {
            let run = RunAgent::new(name, make());
            match with {
                Some(with) => with(run),
                None => run,
            }
        }));
        made.map_err(|payload| {
            let fault = Fault::panic(&*payload);
            match Name::new(&*name) {
                Ok(name) => RunError::Start { name, fault },
                Err(source) => RunError::Name { text: name.clone(), source },
            }
        })
    }
}

/// A child whose type is forgotten.
pub(super) trait AnyChild: Send {
    fn name(&self) -> &str;
    fn kind(&self) -> ChildKind;
    fn grace(&self) -> Duration;
    fn within(&self) -> Duration;
    /// The agent that it is, if it has begun.
    fn agent(&self) -> Option<Arc<dyn AnyAgent>>;
    /// The same, with its type.
    fn cell(&self) -> Option<Arc<dyn Any + Send + Sync>>;
    /// Begins another life if it waits for one, or as a new agent on this leash; true if it is a new one.
    fn begin<'a>(
        &'a mut self,
        host: &'a Arc<Host>,
        leash: Leash,
    ) -> BoxFuture<'a, Result<bool, RunError>>;
}

impl<A: Agent> AnyChild for Child<A> {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> ChildKind {
        self.kind
    }

    fn grace(&self) -> Duration {
        self.grace
    }

    fn within(&self) -> Duration {
        self.within
    }

    fn agent(&self) -> Option<Arc<dyn AnyAgent>> {
        self.cell.clone().map(|it| -> Arc<dyn AnyAgent> { it })
    }

    fn cell(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.cell.clone().map(|it| -> Arc<dyn Any + Send + Sync> { it })
    }

    fn begin<'a>(
        &'a mut self,
        host: &'a Arc<Host>,
        leash: Leash,
    ) -> BoxFuture<'a, Result<bool, RunError>> {
        Box::pin(async move {
            let run = self.prepare()?;
            if let Some(cell) = self.cell.as_ref().filter(|it| it.is_parked()) {
                return run.revive(host, cell).await.map(|()| false);
            }
            self.cell = Some(run.run_led(host, leash).await?);
            Ok(true)
        })
    }
}

impl<A> fmt::Debug for Child<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
