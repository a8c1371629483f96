//! Setting timers, and telling them apart.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::table::{AnyAction, Rhythm};
use crate::{Context, TimerError, current::Frame};

/// A timer of an agent, to stop it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct TimerId(pub(super) u64);

/// Which timer: its id, or its alias.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TimerKey {
    /// By the name that it was given.
    Alias(String),
    /// By its id.
    Id(TimerId),
}

impl From<TimerId> for TimerKey {
    fn from(id: TimerId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for TimerKey {
    fn from(alias: &str) -> Self {
        Self::Alias(alias.to_owned())
    }
}

impl From<String> for TimerKey {
    fn from(alias: String) -> Self {
        Self::Alias(alias)
    }
}

/// What a timer that runs each period does when the agent was busy at its time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Missed {
    /// Makes up for each missed run, one right after the other.
    Burst,
    /// Runs as soon as it can and goes on from then; the missed runs are skipped.
    #[default]
    Delay,
    /// Skips the missed runs and keeps the beat in which it began.
    Skip,
}

/// A timer as others see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TimerInfo {
    /// Which one.
    pub id: TimerId,
    /// What it is called, if it was given a name.
    pub alias: Option<String>,
    /// How often it runs; `None` if once.
    pub period: Option<Duration>,
    /// How long it is until it runs; zero if it is due or runs now.
    pub due_in: Duration,
}

/// A timer about to be set: choose, then say when with [`each`](Self::each) or [`after`](Self::after).
#[must_use = "nothing is set before `each` or `after`"]
pub struct TimerPlan<A: 'static> {
    cx: Context<A>,
    action: AnyAction<A>,
    alias: Option<String>,
    missed: Missed,
}

impl<A> TimerPlan<A> {
    pub(crate) fn new(cx: Context<A>, action: AnyAction<A>) -> Self {
        Self { cx, action, alias: None, missed: Missed::default() }
    }

    /// What the timer is called: no two of an agent may have the same name at a time.
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// What happens to runs for which the agent had no time; [`Missed::Delay`] by default.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Runs now and then again each `period`, until it is stopped.
    ///
    /// # Errors
    /// [`TimerError`]: too many, the alias is taken, or the agent has stopped.
    pub fn each(self, period: Duration) -> Result<TimerId, TimerError> {
        let rhythm = Rhythm::Each { period, missed: self.missed };
        self.set(Instant::now(), rhythm)
    }

    /// Runs once, after `delay`.
    ///
    /// # Errors
    /// [`TimerError`]: too many, the alias is taken, or the agent has stopped.
    pub fn after(self, delay: Duration) -> Result<TimerId, TimerError> {
        self.set(from_now(delay), Rhythm::Once)
    }

    fn set(self, at: Instant, rhythm: Rhythm) -> Result<TimerId, TimerError> {
        let cell = &self.cx.cell;
        let is_own = Frame::is_at_work(&cell.identity);
        cell.timers.add(at, rhythm, self.alias, self.action, is_own)
    }
}

/// So long from now; beyond what a clock can tell is never: a century will do.
fn from_now(delay: Duration) -> Instant {
    after(Instant::now(), delay)
}

/// So long after an instant, in the same way.
pub(crate) fn after(at: Instant, delay: Duration) -> Instant {
    at.checked_add(delay).unwrap_or(at + CENTURY)
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

impl<A> fmt::Debug for TimerPlan<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerPlan").field("alias", &self.alias).finish_non_exhaustive()
    }
}
