//! Which timers an agent has, and which is next.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, select};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::set::{Missed, TimerId, TimerInfo, TimerKey};
use crate::{Action, Agent, BoxError, Context, TimerError, job::What};

/// How many timers an agent may have at a time.
const LIMIT: usize = 10_000;

/// An action whose shape is forgotten.
pub(crate) type AnyAction<A> = Arc<
    dyn for<'a> Fn(&'a mut A, &'a Context<A>) -> BoxFuture<'a, Result<(), BoxError>> + Send + Sync,
>;

/// Forgets the shape of an action.
pub(crate) fn forget_action<A: Agent, S>(action: impl Action<A, S>) -> AnyAction<A> {
    Arc::new(move |agent, cx| action.act(agent, cx))
}

/// When a timer runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rhythm {
    Each { period: Duration, missed: Missed },
    Once,
}

/// A timer that is due now.
pub(crate) struct Due<A: 'static> {
    pub(crate) id: TimerId,
    pub(crate) action: AnyAction<A>,
    alias: Option<Arc<str>>,
    /// When it should have run.
    at: Instant,
    started: Instant,
}

/// The timers of one agent.
pub(crate) struct Timers<A: 'static> {
    table: Mutex<Table<A>>,
    changed: Notify,
}

struct Table<A: 'static> {
    // Invariant: every id in `queue` is in `timers`; a periodic timer that is running is not in
    // `queue`.
    queue: BTreeSet<(Instant, TimerId)>,
    timers: HashMap<TimerId, Timer<A>>,
    /// The aliases of those that have one.
    aliases: HashMap<String, TimerId>,
    next_id: u64,
    is_closed: bool,
}

struct Timer<A: 'static> {
    action: AnyAction<A>,
    alias: Option<Arc<str>>,
    at: Instant,
    /// Whether the agent has set it itself.
    is_own: bool,
    rhythm: Rhythm,
}

impl<A: 'static> Timers<A> {
    pub(crate) fn new() -> Self {
        let (queue, timers, aliases) = Default::default();
        let table = Table { queue, timers, aliases, next_id: 0, is_closed: false };
        Self { table: Mutex::new(table), changed: Notify::new() }
    }

    /// Runs `action` at `at`, and then as `rhythm` says.
    pub(crate) fn add(
        &self,
        at: Instant,
        rhythm: Rhythm,
        alias: Option<String>,
        action: AnyAction<A>,
        is_own: bool,
    ) -> Result<TimerId, TimerError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(TimerError::Stopped);
        }
        if LIMIT <= table.timers.len() {
            return Err(TimerError::TooMany { limit: LIMIT });
        }
        let id = TimerId(table.next_id);
        if let Some(alias) = &alias {
            if table.aliases.contains_key(alias) {
                return Err(TimerError::AliasTaken { alias: alias.clone() });
            }
            table.aliases.insert(alias.clone(), id);
        }
        table.next_id += 1;
        table.queue.insert((at, id));
        let alias = alias.map(Arc::from);
        table.timers.insert(id, Timer { action, alias, at, is_own, rhythm });
        drop(table);
        self.changed.notify_one();
        Ok(id)
    }

    /// Ends a timer; false if there is none.
    pub(crate) fn stop(&self, key: &TimerKey) -> bool {
        let mut table = self.table.lock();
        let id = match key {
            TimerKey::Alias(alias) => table.aliases.get(alias).copied(),
            TimerKey::Id(id) => Some(*id),
        };
        let timer = id.and_then(|id| table.remove(id));
        drop(table);
        // What the action captured may run code when it is dropped: not under the lock.
        timer.is_some()
    }

    /// Ends all timers; returns how many there were.
    pub(crate) fn stop_all(&self) -> usize {
        let mut table = self.table.lock();
        let timers = table.clear();
        drop(table);
        timers.len()
    }

    /// Ends the timers that the agent has set itself.
    pub(crate) fn stop_own(&self) {
        let mut table = self.table.lock();
        let own: Vec<_> =
            table.timers.iter().filter(|(_, it)| it.is_own).map(|(id, _)| *id).collect();
        let timers: Vec<_> = own.into_iter().filter_map(|id| table.remove(id)).collect();
        drop(table);
        // What the actions captured may run code when it is dropped: not under the lock.
        drop(timers);
    }

    /// Ends all timers for good.
    pub(crate) fn close(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        let timers = table.clear();
        drop(table);
        // What the actions captured may run code when it is dropped: not under the lock.
        drop(timers);
    }

    /// All timers, the next one first.
    pub(crate) fn list(&self) -> Vec<TimerInfo> {
        let now = Instant::now();
        let table = self.table.lock();
        let mut all: Vec<_> = table.timers.iter().map(|(id, it)| it.info(*id, now)).collect();
        all.sort_by_key(|it| (it.due_in, it.id));
        all
    }

    /// Waits for the next timer. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&self) -> Due<A> {
        loop {
            let changed = self.changed.notified();
            let first = self.table.lock().queue.first().map(|(at, _)| *at);
            match first {
                None => changed.await,
                Some(at) if Instant::now() < at => {
                    // Boxed, as most agents have no timers, and each waits here.
                    select(Box::pin(sleep_until(at)), pin!(changed)).await;
                }
                Some(at) => {
                    if let Some(due) = self.take(at) {
                        return due;
                    }
                }
            }
        }
    }

    fn take(&self, now: Instant) -> Option<Due<A>> {
        let mut table = self.table.lock();
        let &(at, id) = table.queue.first()?;
        if now < at {
            return None;
        }
        table.queue.pop_first();
        let timer = table.timers.get(&id)?;
        let (action, alias) = match timer.rhythm {
            Rhythm::Each { .. } => (timer.action.clone(), timer.alias.clone()),
            Rhythm::Once => table.remove(id).map(|it| (it.action, it.alias))?,
        };
        Some(Due { id, action, alias, at, started: Instant::now() })
    }

    /// Plans the next run of a timer that has run.
    pub(crate) fn again(&self, due: &Due<A>, now: Instant) {
        let mut table = self.table.lock();
        let Some(timer) = table.timers.get_mut(&due.id) else {
            return;
        };
        let Rhythm::Each { period, missed } = timer.rhythm else {
            return;
        };
        let at = due.next(period, missed, now);
        timer.at = at;
        table.queue.insert((at, due.id));
    }
}

impl<A> Table<A> {
    /// Takes a timer out, wherever it is mentioned.
    fn remove(&mut self, id: TimerId) -> Option<Timer<A>> {
        let timer = self.timers.remove(&id)?;
        self.queue.remove(&(timer.at, id));
        if let Some(alias) = &timer.alias {
            self.aliases.remove(&**alias);
        }
        Some(timer)
    }

    fn clear(&mut self) -> HashMap<TimerId, Timer<A>> {
        self.queue.clear();
        self.aliases.clear();
        std::mem::take(&mut self.timers)
    }
}

impl<A> Timer<A> {
    fn info(&self, id: TimerId, now: Instant) -> TimerInfo {
        let period = match self.rhythm {
            Rhythm::Each { period, .. } => Some(period),
            Rhythm::Once => None,
        };
        let due_in = self.at.saturating_duration_since(now);
        TimerInfo { id, alias: self.alias.as_deref().map(str::to_owned), period, due_in }
    }
}

impl<A> Due<A> {
    /// What it is called.
    pub(crate) fn what(&self) -> What {
        What::Timer(self.alias.clone().ok_or(self.id.0))
    }

    /// When it runs next, after it has run until `now`.
    fn next(&self, period: Duration, missed: Missed, now: Instant) -> Instant {
        let at = match missed {
            Missed::Burst => self.at.checked_add(period),
            Missed::Delay => self.started.checked_add(period).map(|it| it.max(now)),
            Missed::Skip => beat(self.at, period, now),
        };
        // Beyond what a clock can tell is never.
        at.unwrap_or_else(|| now + period.min(YEAR))
    }
}

/// The first of the beats after `last` that is not over at `now`.
fn beat(last: Instant, period: Duration, now: Instant) -> Option<Instant> {
    let next = last.checked_add(period)?;
    let late = now.saturating_duration_since(next).as_nanos();
    let n_missed = late.div_ceil(period.as_nanos().max(1));
    let missed = period.checked_mul(u32::try_from(n_missed).ok()?)?;
    Some(next.checked_add(missed)?.max(now))
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);
