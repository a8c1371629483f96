//! What an agent can do, as seen from its own hooks, methods, handlers and timers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::Name;

use crate::{
    Action, Agent, AgentState, TimerError, TimerId, TimerInfo, TimerKey, TimerPlan,
    cell::Cell,
    orders::Order,
    timer::{AnyAction, forget_action},
};

/// An agent's access to itself: its name, sockets and timers. A cheap clone.
///
/// A clone may be kept beyond the handler, even in another task; once the agent is gone, what it
/// does is an error.
pub struct Context<A: 'static> {
    pub(crate) cell: Arc<Cell<A>>,
}

impl<A: Agent> Context<A> {
    /// The name of the agent.
    pub fn name(&self) -> &Name {
        &self.cell.name
    }

    /// Where the agent is in its life.
    pub fn state(&self) -> AgentState {
        self.cell.state.borrow().clone()
    }

    /// How often the agent has [begun anew](crate::RunAgent::restart).
    pub fn restarts(&self) -> u32 {
        self.cell.n_restarts()
    }

    /// Tells the agent to stop once it is done with what it does now, and to stay so that it can be looked
    /// at: see [`AgentState::Stopped`]. What waits in its mailbox is not handled any more; callers are told
    /// that the agent has stopped.
    pub fn stop(&self) {
        self.cell.orders.tell(Order::Stop);
    }

    /// Tells the agent to shut down once it is done with what it does now. What waits in its
    /// mailbox is not handled any more; callers are told that the agent is gone.
    pub fn shutdown(&self) {
        self.cell.orders.tell(Order::End);
    }

    /// Does something now and then again each `period`, until it is
    /// [stopped](Self::stop_timer).
    ///
    /// A run begins a period after the last one began. Runs that were missed because the agent
    /// was busy are not made up for, unless a [timer](Self::timer) is told to.
    ///
    /// # Errors
    /// [`TimerError`]: too many, or the agent has stopped.
    pub fn each<S>(
        &self,
        period: Duration,
        action: impl Action<A, S>,
    ) -> Result<TimerId, TimerError> {
        self.timer(action).each(period)
    }

    /// Does something once, after `delay`.
    ///
    /// # Errors
    /// [`TimerError`]: too many, or the agent has stopped.
    pub fn after<S>(
        &self,
        delay: Duration,
        action: impl Action<A, S>,
    ) -> Result<TimerId, TimerError> {
        self.timer(action).after(delay)
    }

    /// A timer with a name or another rhythm.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gleis_agent::*;
    /// # struct Bob { n: u32 }
    /// # impl Agent for Bob {}
    /// # fn init(cx: &Context<Bob>) -> Result {
    /// cx.timer(|bob: &mut Bob| bob.n += 1)
    ///     .alias("count")
    ///     .missed(Missed::Skip)
    ///     .each(Duration::from_secs(1))?;
    /// cx.stop_timer("count");
    /// # Ok(())
    /// # }
    /// ```
    pub fn timer<S>(&self, action: impl Action<A, S>) -> TimerPlan<A> {
        self.timer_for(forget_action(action))
    }

    pub(crate) fn timer_for(&self, action: AnyAction<A>) -> TimerPlan<A> {
        TimerPlan::new(self.clone(), action)
    }

    /// Ends a timer, by its id or its alias; false if it has ended before. What it does right now is
    /// done to the end.
    pub fn stop_timer(&self, timer: impl Into<TimerKey>) -> bool {
        self.cell.timers.stop(&timer.into())
    }

    /// Ends all timers; returns how many there were.
    pub fn stop_all_timers(&self) -> usize {
        self.cell.timers.stop_all()
    }

    /// All timers, the next one first.
    pub fn list_timers(&self) -> Vec<TimerInfo> {
        self.cell.timers.list()
    }
}

impl<A> Clone for Context<A> {
    fn clone(&self) -> Self {
        Self { cell: self.cell.clone() }
    }
}

impl<A> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("name", &self.cell.name).finish_non_exhaustive()
    }
}
