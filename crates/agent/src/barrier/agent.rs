//! The agent that keeps a barrier for those of other programs.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Arrival, Barrier, BarrierError};
use crate::{
    AgentRef, CallError, Context, RunAgent, TypedProxy, agent,
    caller::Failure,
    cell::{Asker, Asking},
    mailbox::Lane,
    run_agent,
};

/// How much longer than the wait itself its answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// Keeps a [`Barrier`] under a name: see [`run_barrier`].
pub struct BarrierAgent {
    barrier: Barrier,
}

/// Runs an agent that keeps a barrier for so many, who may be anywhere: each waits at it with `wait`, of the reference
/// that `.await` gives here or of a [`TypedProxy`] elsewhere.
///
/// One of another program that is lost while it waits counts as having come until its time is over; the barrier is
/// broken then, unless all have come before. Each of them is a call in progress at the node of the barrier, which has
/// room for 1,000 of all kinds: more than that should wait in groups.
///
/// ```
/// # use std::time::Duration;
/// use gleis_agent::{BarrierAgent, Result, run_barrier, run_nameserver};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let ns = run_nameserver().await?;
/// let here = run_barrier("start", 2).await?;
/// // In another program.
/// let there = ns.typed_proxy::<BarrierAgent>("start").await?;
/// let patience = Duration::from_secs(5);
/// let (here, there) = tokio::join!(here.wait(patience), there.wait(patience));
/// assert_eq!(here?.round, there?.round);
/// # Ok(ns.shutdown(Duration::from_secs(10)).await?)
/// # }
/// ```
pub fn run_barrier(name: impl AsRef<str>, n_parties: usize) -> RunAgent<BarrierAgent> {
    run_agent(name, BarrierAgent::new(Barrier::new(n_parties)))
}

impl BarrierAgent {
    /// An agent that keeps this barrier, at which others of this program may wait without it. It is broken when the
    /// agent ends.
    pub fn new(barrier: Barrier) -> Self {
        Self { barrier }
    }
}

impl Drop for BarrierAgent {
    fn drop(&mut self) {
        // Those of other programs can come no more.
        self.barrier.give_up();
    }
}

/// What came of a wait, as it travels.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Passed(pub Result<Arrival, BarrierError>);

#[agent]
impl BarrierAgent {
    /// Waits until all have come, for so long at most.
    #[method]
    pub async fn pass(cx: &Context<Self>, within: Duration) -> crate::Result<Passed> {
        // The agent has other things to do than to wait.
        let caller = Asker::There(None);
        let how = Asking { caller, within, after_fault: false, lane: Lane::Urgent };
        let barrier = cx.cell.ask("barrier", how, |agent: &mut Self, cx, caller| {
            let barrier = agent.barrier.clone();
            Box::pin(caller.settle(cx, async move { Ok::<_, Failure>(barrier) }))
        });
        Ok(Passed(barrier.await?.wait(within).await))
    }

    /// Makes a barrier that is broken as it was in the beginning; those who wait are told.
    #[method]
    pub fn reset(&mut self) {
        self.barrier.reset();
    }

    /// How many it is for.
    #[method]
    pub fn parties(&mut self) -> usize {
        self.barrier.parties()
    }

    /// How many wait now.
    #[method]
    pub fn waiting(&mut self) -> usize {
        self.barrier.waiting()
    }
}

impl AgentRef<BarrierAgent> {
    /// Waits until as many wait as it is for: see [`Barrier::wait`].
    ///
    /// # Errors
    /// [`BarrierError`]: not all came within this time, somebody else has broken it, or the agent is no more.
    ///
    /// # Cancel safety
    /// None: a future that is dropped while it waits breaks the barrier.
    pub async fn wait(&self, within: Duration) -> Result<Arrival, BarrierError> {
        passed(self.within(within.saturating_add(ANSWER)).pass(within).await)
    }
}

impl TypedProxy<BarrierAgent> {
    /// Waits until as many wait as it is for: see [`Barrier::wait`].
    ///
    /// # Errors
    /// [`BarrierError`]: not all came within this time, somebody else has broken it, or the agent does not answer.
    ///
    /// # Cancel safety
    /// None: one whose future is dropped has come, until its time is over.
    pub async fn wait(&self, within: Duration) -> Result<Arrival, BarrierError> {
        passed(self.within(within.saturating_add(ANSWER)).pass(within).await)
    }
}

fn passed(answer: Result<Passed, CallError>) -> Result<Arrival, BarrierError> {
    answer.map_err(BarrierError::Call)?.0
}

impl fmt::Debug for BarrierAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierAgent").field("barrier", &self.barrier).finish()
    }
}
