//! Timers: what an agent does later, once or again and again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Action, Agent, BoxError, Context, TimerError};

/// How many timers an agent may have at a time.
const LIMIT: usize = 10_000;

/// A timer of an agent, to stop it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimerId(u64);

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
    Each(Duration),
    Once,
}

/// A timer that is due now.
pub(crate) struct Due<A: 'static> {
    pub(crate) id: TimerId,
    pub(crate) action: AnyAction<A>,
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
    next_id: u64,
    is_closed: bool,
}

struct Timer<A: 'static> {
    action: AnyAction<A>,
    at: Instant,
    rhythm: Rhythm,
}

impl<A: 'static> Timers<A> {
    pub(crate) fn new() -> Self {
        let table =
            Table { queue: BTreeSet::new(), timers: HashMap::new(), next_id: 0, is_closed: false };
        Self { table: Mutex::new(table), changed: Notify::new() }
    }

    /// Runs `action` at `at`, and then as `rhythm` says.
    pub(crate) fn add(
        &self,
        at: Instant,
        rhythm: Rhythm,
        action: AnyAction<A>,
    ) -> Result<TimerId, TimerError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(TimerError::Stopped);
        }
        if LIMIT <= table.timers.len() {
            return Err(TimerError::TooMany { limit: LIMIT });
        }
        let id = TimerId(table.next_id);
        table.next_id += 1;
        table.queue.insert((at, id));
        table.timers.insert(id, Timer { action, at, rhythm });
        drop(table);
        self.changed.notify_one();
        Ok(id)
    }

    /// Ends a timer; false if there is none.
    pub(crate) fn stop(&self, id: TimerId) -> bool {
        let mut table = self.table.lock();
        let Some(timer) = table.timers.remove(&id) else {
            return false;
        };
        table.queue.remove(&(timer.at, id));
        true
    }

    /// Ends all timers for good.
    pub(crate) fn close(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        table.queue.clear();
        let timers = std::mem::take(&mut table.timers);
        drop(table);
        // What the actions captured may run code when it is dropped: not under the lock.
        drop(timers);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().timers.len()
    }

    /// Waits for the next timer. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&self) -> Due<A> {
        loop {
            let changed = self.changed.notified();
            let first = self.table.lock().queue.first().map(|(at, _)| *at);
            match first {
                None => changed.await,
                Some(at) if Instant::now() < at => tokio::select! {
                    () = sleep_until(at) => (),
                    () = changed => (),
                },
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
        let action = match table.timers.get(&id)?.rhythm {
            Rhythm::Each(_) => table.timers.get(&id)?.action.clone(),
            Rhythm::Once => table.timers.remove(&id)?.action,
        };
        Some(Due { id, action, started: Instant::now() })
    }

    /// Plans the next run of a timer that has run: a period after its last start, or now if
    /// that has passed. Missed runs are not made up for.
    pub(crate) fn again(&self, due: &Due<A>, now: Instant) {
        let mut table = self.table.lock();
        let Some(timer) = table.timers.get_mut(&due.id) else {
            return;
        };
        let Rhythm::Each(period) = timer.rhythm else {
            return;
        };
        let at = due.started.checked_add(period).map_or(now, |it| it.max(now));
        timer.at = at;
        table.queue.insert((at, due.id));
    }
}
