//! A supervisor: an agent that begins other agents, and begins them anew when they fail.

use std::fmt;
use std::sync::Arc;

use gleis_core::Name;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

use super::{
    Child, ChildInfo, ChildKind, End, Restart,
    kid::{Kid, Status},
    leash::{Nest, Report},
    restart::Restarts,
};
use crate::{
    Agent, AgentRef, BoxError, CallError, Context, Fault, Result, agent,
    cell::Cell,
    job::{Job, What},
    node::Host,
    text::{Instead, instead},
};

/// Which children begin anew when one of them fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Strategy {
    /// All of them: the others are ended in order, the last one first.
    OneForAll,
    /// The one that failed.
    OneForOne,
    /// The one that failed, and those that began after it.
    RestForOne,
}

/// An agent that looks after others: its children begin with it, in order, begin anew when they fail, and end with
/// it, the last one first.
///
/// A child that begins anew is the same agent with a fresh state: what waits in its mailbox waits on, references
/// to it and its name stay good, and its sockets are kept as [`RunAgent::restart`](crate::RunAgent::restart) says.
/// One that is [killed](AgentRef::kill) counts as failed. A permanent child that shuts down is another agent when it
/// begins again, since the one before is gone; to end a child for good, tell its supervisor.
///
/// If its children fail too often, it ends them and fails itself. A supervisor may be a child of another one, which
/// then begins it anew with fresh children. Children of a supervisor that fails otherwise or is killed are ended at
/// once.
///
/// Others list, start and stop its children by calling it: see [`SupervisorCalls`].
///
/// ```
/// # use gleis_agent::*;
/// #[derive(Default)]
/// struct Divider;
///
/// #[agent]
/// impl Divider {
///     #[method]
///     fn divide(&mut self, a: u32, b: u32) -> u32 {
///         a / b
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let node = Node::local();
/// let supervisor = Supervisor::new(Strategy::OneForOne)
///     .child(Child::new("one", Divider::default))
///     .child(Child::new("two", Divider::default));
/// let root = node.run_agent("root", supervisor).await?;
/// let one: AgentRef<Divider> = root.child("one").await?;
/// assert!(one.divide(1, 0).await.is_err());
/// assert_eq!(one.divide(6, 2).await?, 3);
/// assert_eq!(root.children().await?[0].restarts, 1);
/// root.shutdown().await?;
/// assert!(node.agents().is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use = "it runs as an agent"]
pub struct Supervisor {
    strategy: Strategy,
    plan: Restart,
    /// In the order in which they begin.
    kids: Vec<Kid>,
    restarts: Restarts,
    watch: Option<Watch>,
    next_id: u64,
}

impl Supervisor {
    /// One without children.
    pub fn new(strategy: Strategy) -> Self {
        let (plan, restarts) = (Restart::new(), Restarts::new(Restart::new()));
        Self { strategy, plan, kids: Vec::new(), restarts, watch: None, next_id: 0 }
    }

    /// How often its children may fail, all together, and how long each pauses before it begins anew.
    pub fn restart(mut self, plan: Restart) -> Self {
        (self.plan, self.restarts) = (plan, Restarts::new(plan));
        self
    }

    /// Has a child, which begins after those that it has.
    pub fn child<A: Agent>(mut self, child: Child<A>) -> Self {
        self.kids.push(Kid::new(Box::new(child), self.plan));
        self
    }

    /// Reads what has happened, and does what is due.
    async fn look(&mut self, host: &Arc<Host>) -> Result {
        let reports = self.watch.as_ref().map(|it| it.nest.reports()).unwrap_or_default();
        for report in reports {
            self.hear(host, report).await?;
        }
        self.begin_due(host).await
    }

    async fn hear(&mut self, host: &Arc<Host>, report: Report) -> Result {
        let found = self.kids.iter().position(|it| it.is_concerned(&report));
        let Some((at, kid)) = found.and_then(|at| Some((at, self.kids.get_mut(at)?))) else {
            return Ok(());
        };
        match (kid.child.kind(), report.end) {
            (ChildKind::Temporary, _) => {
                kid.end(host).await;
                self.kids.remove(at);
            }
            (ChildKind::Transient, End::Shutdown) => kid.status = Status::Down,
            (_, end) => self.failed(host, at, end.into_fault()).await?,
        }
        Ok(())
    }

    /// A child has failed: it is to begin anew, and others with it.
    async fn failed(&mut self, host: &Arc<Host>, at: usize, fault: Fault) -> Result {
        let now = Instant::now();
        let Some(kid) = self.kids.get_mut(at) else {
            return Ok(());
        };
        if host.is_closing() {
            kid.status = Status::Down;
            return Ok(());
        }
        let name = kid.child.name().to_owned();
        if self.restarts.fail(now, 0.0).is_none() {
            self.end_all(host).await;
            if let Some(watch) = &self.watch {
                watch.nest.set_due(None);
            }
            return Err(format!("children fail too often; `{name}`: {fault}").into());
        }
        let due = kid.put_off(now);
        tracing::warn!(target: "gleis::agent", child = name, %fault, pause = ?due.saturating_duration_since(now), "a child begins anew");
        let group = match self.strategy {
            Strategy::OneForAll => 0..self.kids.len(),
            Strategy::OneForOne => return Ok(()),
            Strategy::RestForOne => at..self.kids.len(),
        };
        for kid in self.kids.get_mut(group.clone()).unwrap_or_default().iter_mut().rev() {
            match (kid.status, kid.child.kind()) {
                (Status::Up, ChildKind::Temporary) => kid.end(host).await,
                (Status::Up, _) => {
                    kid.rest(host).await;
                    kid.status = Status::Due(due);
                }
                (Status::Due(_), _) => kid.status = Status::Due(due),
                (Status::Down, _) => (),
            }
        }
        self.forget_temporary();
        Ok(())
    }

    /// Begins those that are due, in order.
    async fn begin_due(&mut self, host: &Arc<Host>) -> Result {
        loop {
            let now = Instant::now();
            let Some(at) = self.kids.iter().position(|it| it.is_due(now)) else {
                break;
            };
            if let Err(fault) = self.begin(host, at).await {
                self.failed(host, at, fault).await?;
            }
        }
        let due = self.kids.iter().filter_map(Kid::due).min();
        if let Some(watch) = &self.watch {
            watch.nest.set_due(due);
        }
        Ok(())
    }

    async fn begin(&mut self, host: &Arc<Host>, at: usize) -> Result<(), Fault> {
        self.next_id += 1;
        let leash = self.watch.as_ref().map(|it| it.nest.leash(self.next_id));
        match (self.kids.get_mut(at), leash) {
            (Some(kid), Some(leash)) => kid.begin(host, leash).await,
            _ => Ok(()),
        }
    }

    /// Ends all, the last one first.
    async fn end_all(&mut self, host: &Arc<Host>) {
        for kid in self.kids.iter_mut().rev() {
            kid.end(host).await;
        }
    }

    /// Those that were ended and do not come again.
    fn forget_temporary(&mut self) {
        self.kids.retain(|it| it.status != Status::Down || it.child.kind() != ChildKind::Temporary);
    }

    async fn add<A: Agent>(&mut self, cx: &Context<Self>, child: Child<A>) -> Result<Arc<Cell<A>>> {
        let host = host(cx)?;
        let name = Name::new(child.name())?;
        if LIMIT <= self.kids.len() {
            return Err(format!("no more than {LIMIT} children").into());
        }
        if self.position(name.as_str()).is_ok() {
            return Err(format!("there is a child `{name}` already").into());
        }
        self.kids.push(Kid::new(Box::new(child), self.plan));
        let at = self.kids.len() - 1;
        if let Err(fault) = self.begin(&host, at).await {
            self.kids.remove(at);
            return Err(fault.into());
        }
        self.typed(name.as_str())
    }

    /// The child of this name, with its type.
    fn typed<A: Agent>(&self, name: &str) -> Result<Arc<Cell<A>>> {
        let kid = self.kids.get(self.position(name)?);
        let cell = kid.and_then(|it| it.child.cell());
        let cell = cell.ok_or_else(|| format!("`{name}` has not begun"))?;
        cell.downcast().map_err(|_| format!("`{name}` is an agent of another type").into())
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.kids.iter().position(|it| it.child.name() == name).ok_or_else(|| {
            let (near, known) = instead(name, self.kids.iter().map(|it| it.child.name()));
            let rest = Instead { near: &near, known: &known, none: "there is none" };
            format!("no child `{name}`{rest}").into()
        })
    }
}

#[agent]
impl Supervisor {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        let host = host(cx)?;
        self.watch = Some(Watch::new(cx));
        for at in 0..self.kids.len() {
            if let Err(fault) = self.begin(&host, at).await {
                let name = self.kids.get(at).map(|it| it.child.name().to_owned());
                self.end_all(&host).await;
                return Err(format!("`{}` did not start: {fault}", name.unwrap_or_default()).into());
            }
        }
        Ok(())
    }

    async fn on_stop(&mut self, cx: &Context<Self>) -> Result {
        self.end_all(&host(cx)?).await;
        Ok(())
    }

    /// Its children, in the order in which they begin.
    #[method]
    pub fn children(&mut self) -> Vec<ChildInfo> {
        self.kids.iter().map(Kid::info).collect()
    }

    /// Begins a child that was stopped or is done; it is an error if it does not begin.
    #[method]
    pub async fn start_child(&mut self, cx: &Context<Self>, name: String) -> Result {
        let at = self.position(&name)?;
        match self.kids.get(at).map(|it| it.status) {
            Some(Status::Down) => Ok(self.begin(&host(cx)?, at).await?),
            _ => Err(format!("`{name}` has begun").into()),
        }
    }

    /// Ends a child, by force if it takes too long; it does not begin again before it is started.
    #[method]
    pub async fn stop_child(&mut self, cx: &Context<Self>, name: String) -> Result {
        let at = self.position(&name)?;
        if let Some(kid) = self.kids.get_mut(at) {
            kid.end(&host(cx)?).await;
        }
        self.forget_temporary();
        Ok(())
    }

    /// Ends a child and forgets it.
    #[method]
    pub async fn remove_child(&mut self, cx: &Context<Self>, name: String) -> Result {
        let at = self.position(&name)?;
        let mut kid = self.kids.remove(at);
        kid.end(&host(cx)?).await;
        Ok(())
    }
}

impl AgentRef<Supervisor> {
    /// Gives it another child, which begins now and is the last one.
    ///
    /// # Errors
    /// [`CallError::Failed`]: it does not begin, or there is a child of this name; otherwise as any call.
    ///
    /// # Cancel safety
    /// When the future is dropped, it may have the child.
    pub async fn add_child<A: Agent>(&self, child: Child<A>) -> Result<AgentRef<A>, CallError> {
        let added = self.call_typed("add_child", move |supervisor, cx, caller| {
            Box::pin(caller.answer(cx, async move { supervisor.add(cx, child).await }))
        });
        Ok(AgentRef::new(added.await?, self.host().clone()))
    }

    /// The child of this name.
    ///
    /// # Errors
    /// [`CallError::Failed`]: there is none, or it is of another type; otherwise as any call.
    pub async fn child<A: Agent>(&self, name: &str) -> Result<AgentRef<A>, CallError> {
        let name = name.to_owned();
        let found = self.call_typed("child", move |supervisor, cx, caller| {
            Box::pin(caller.answer(cx, async move { supervisor.typed(&name) }))
        });
        Ok(AgentRef::new(found.await?, self.host().clone()))
    }
}

/// Has the supervisor look when there is something to see. Dropping it lets go of the children.
struct Watch {
    nest: Arc<Nest>,
    task: JoinHandle<()>,
}

impl Watch {
    fn new(cx: &Context<Supervisor>) -> Self {
        let nest = Nest::new(cx.cell.identity.clone());
        let task = tokio::spawn(watch(nest.clone(), Arc::downgrade(&cx.cell)));
        Self { nest, task }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Nobody looks any more.
        self.nest.close();
        self.task.abort();
    }
}

async fn watch(nest: Arc<Nest>, supervisor: std::sync::Weak<Cell<Supervisor>>) {
    loop {
        nest.news().await;
        let Some(cell) = supervisor.upgrade() else {
            return;
        };
        let (done, seen) = oneshot::channel();
        let job = Job::new(What::Call("look".into()), move |supervisor: &mut Supervisor, cx| {
            Box::pin(async move {
                let host = host(cx).map_err(|it| Fault::error(&it))?;
                let looked = supervisor.look(&host).await;
                let _ = done.send(());
                looked.map_err(|it| Fault::error(&it))
            })
        });
        let sent = cell.mail.send(job).await;
        drop(cell);
        // One look at a time, and none once the supervisor handles nothing more.
        if sent.is_err() || seen.await.is_err() {
            return;
        }
    }
}

fn host(cx: &Context<Supervisor>) -> Result<Arc<Host>, BoxError> {
    cx.cell.host.upgrade().ok_or_else(|| "its node is no more".into())
}

/// How many children a supervisor has at most that it was given while it runs.
const LIMIT: usize = 10_000;

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.kids.iter().map(|it| it.child.name()).collect();
        f.debug_struct("Supervisor")
            .field("strategy", &self.strategy)
            .field("children", &names)
            .finish_non_exhaustive()
    }
}
