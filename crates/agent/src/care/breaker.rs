//! Leaving in peace for a while who fails all the time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::CallError;

/// A circuit breaker: after so many failures in a row nobody calls for a while, and then one call tries whether all
/// is well again. A clone shares what is known, so that several may heed one.
///
/// A failure is that there was no answer ([`DeadlineExceeded`](CallError::DeadlineExceeded),
/// [`Unreachable`](CallError::Unreachable), [`Gone`](CallError::Gone)), or that the agent has
/// [stopped](CallError::NotRunning). An agent that answers with an error has answered, unless it is
/// [said](Self::counts) to count. A call whose future is dropped tells nothing.
#[derive(Clone)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    counts: fn(&CallError) -> bool,
    circuit: Arc<Mutex<Circuit>>,
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BreakerState {
    /// All are let through.
    Closed {
        /// How many have failed in a row.
        failures: u32,
    },
    /// One is let through, or is under way, and decides.
    HalfOpen,
    /// None is let through.
    Open {
        /// For how long.
        retry_in: Duration,
    },
}

impl Breaker {
    /// A breaker that opens after 5 failures in a row, for 5 seconds.
    pub fn new() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(5),
            counts: is_failure,
            circuit: Arc::default(),
        }
    }

    /// After how many failures in a row it opens; 5 by default, at least one.
    pub fn failures(self, n: u32) -> Self {
        Self { failures: n.max(1), ..self }
    }

    /// How long it is open before a call tries whether all is well again, and how long that may take before another
    /// one does; 5 seconds by default. One that fails opens it for as long again.
    pub fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// What is a failure, if not what is one by default.
    pub fn counts(self, counts: fn(&CallError) -> bool) -> Self {
        Self { counts, ..self }
    }

    /// What it does with calls now.
    pub fn state(&self) -> BreakerState {
        self.circuit.lock().state(Instant::now())
    }

    /// Begins a call; how long there may be none.
    pub(super) fn begin(&self, now: Instant) -> Result<Trial<'_>, Duration> {
        let mut circuit = self.circuit.lock();
        let is_trial = match circuit.state(now) {
            BreakerState::Closed { .. } => false,
            BreakerState::Open { retry_in } => return Err(retry_in),
            BreakerState::HalfOpen => match circuit.trial {
                Some(end) if now < end => return Err(end - now),
                _ => {
                    circuit.trial = Some(later(now, self.pause));
                    circuit.epoch += 1;
                    true
                }
            },
        };
        Ok(Trial { breaker: self, epoch: circuit.epoch, is_trial })
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

fn is_failure(error: &CallError) -> bool {
    matches!(
        error,
        CallError::DeadlineExceeded { .. }
            | CallError::Gone { .. }
            | CallError::NotRunning { .. }
            | CallError::Unreachable { .. }
    )
}

/// What is known of the other side.
#[derive(Debug, Default)]
struct Circuit {
    /// Goes up whenever what was begun before says nothing of what is now.
    epoch: u64,
    /// Failures in a row.
    n_failures: u32,
    /// When it may be tried again, if it is open.
    opens_at: Option<Instant>,
    /// Until when the one who tries is waited for.
    trial: Option<Instant>,
}

impl Circuit {
    fn state(&self, now: Instant) -> BreakerState {
        match self.opens_at {
            None => BreakerState::Closed { failures: self.n_failures },
            Some(at) if at <= now => BreakerState::HalfOpen,
            Some(at) => BreakerState::Open { retry_in: at - now },
        }
    }

    fn open(&mut self, until: Instant) {
        let n_failures = self.n_failures;
        *self = Self { epoch: self.epoch + 1, n_failures, opens_at: Some(until), trial: None };
    }

    fn close(&mut self) {
        *self = Self { epoch: self.epoch + 1, ..Self::default() };
    }
}

/// A call that was let through.
pub(super) struct Trial<'a> {
    breaker: &'a Breaker,
    epoch: u64,
    /// Whether it decides what becomes of the breaker.
    is_trial: bool,
}

impl Trial<'_> {
    /// The call is over.
    pub(super) fn end(self, now: Instant, error: Option<&CallError>) {
        let Breaker { failures, pause, counts, .. } = *self.breaker;
        let is_failure = error.is_some_and(counts);
        let mut circuit = self.breaker.circuit.lock();
        if circuit.epoch != self.epoch {
            return;
        }
        match (is_failure, self.is_trial) {
            (false, true) => circuit.close(),
            (false, false) => circuit.n_failures = 0,
            (true, is_trial) => {
                circuit.n_failures = circuit.n_failures.saturating_add(1);
                if is_trial || failures <= circuit.n_failures {
                    circuit.open(later(now, pause));
                }
            }
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        // A trial that was given up has decided nothing: the next call is one.
        let mut circuit = self.breaker.circuit.lock();
        if self.is_trial && circuit.epoch == self.epoch {
            circuit.trial = None;
        }
    }
}

/// Some pauses are longer than there is time.
fn later(now: Instant, pause: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    now.checked_add(pause).unwrap_or(now + YEAR)
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failures, pause, .. } = self;
        f.debug_struct("Breaker")
            .field("failures", failures)
            .field("pause", pause)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gleis_core::Name;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn gone() -> CallError {
        CallError::Gone { agent: Name::new("Al").unwrap() }
    }

    fn fail(breaker: &Breaker, now: Instant) {
        breaker.begin(now).unwrap_or_else(|it| panic!("not for {it:?}")).end(now, Some(&gone()));
    }

    fn succeed(breaker: &Breaker, now: Instant) {
        breaker.begin(now).unwrap_or_else(|it| panic!("not for {it:?}")).end(now, None);
    }

    #[track_caller]
    fn check(breaker: &Breaker, now: Instant, state: BreakerState) {
        assert_eq!(breaker.circuit.lock().state(now), state);
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_that_succeeds_closes_it() {
        let (breaker, now) = (Breaker::new().failures(3).pause(10 * SECOND), Instant::now());
        for n in 0..2 {
            check(&breaker, now, BreakerState::Closed { failures: n });
            fail(&breaker, now);
        }
        succeed(&breaker, now);
        check(&breaker, now, BreakerState::Closed { failures: 0 });
        for _ in 0..3 {
            fail(&breaker, now);
        }
        check(&breaker, now + SECOND, BreakerState::Open { retry_in: 9 * SECOND });
        assert_eq!(breaker.begin(now + SECOND).err(), Some(9 * SECOND));
        check(&breaker, now + 10 * SECOND, BreakerState::HalfOpen);
        // The one that tries fails: as long again, whatever the number of failures.
        fail(&breaker, now + 10 * SECOND);
        check(&breaker, now + 11 * SECOND, BreakerState::Open { retry_in: 9 * SECOND });
        succeed(&breaker, now + 20 * SECOND);
        check(&breaker, now + 20 * SECOND, BreakerState::Closed { failures: 0 });
    }

    #[test]
    fn one_tries_at_a_time_and_one_that_gives_up_leaves_it_to_the_next() {
        let (breaker, now) = (Breaker::new().failures(1).pause(SECOND), Instant::now());
        fail(&breaker, now);
        let then = now + SECOND;
        let trial = breaker.begin(then).unwrap_or_else(|it| panic!("not for {it:?}"));
        assert_eq!(breaker.begin(then).err(), Some(SECOND));
        drop(trial);
        let slow = breaker.begin(then).unwrap_or_else(|it| panic!("not for {it:?}"));
        // It takes too long: another one tries, and the first one decides nothing any more.
        succeed(&breaker, then + SECOND);
        slow.end(then + SECOND, Some(&gone()));
        check(&breaker, then + SECOND, BreakerState::Closed { failures: 0 });
    }

    #[test]
    fn what_began_before_it_opened_changes_nothing() {
        let (breaker, now) = (Breaker::new().failures(1).pause(SECOND), Instant::now());
        let early = [(); 2].map(|()| breaker.begin(now).unwrap_or_else(|it| panic!("{it:?}")));
        fail(&breaker, now);
        let [first, second] = early;
        first.end(now, None);
        second.end(now, Some(&gone()));
        check(&breaker, now, BreakerState::Open { retry_in: SECOND });
    }

    #[test]
    fn what_counts_may_be_said() {
        let value = CallError::Value { what: "it".to_owned(), reason: "no".to_owned() };
        let (breaker, now) = (Breaker::new().failures(1).pause(Duration::MAX), Instant::now());
        let end = |breaker: &Breaker| {
            let trial = breaker.begin(now).unwrap_or_else(|it| panic!("not for {it:?}"));
            trial.end(now, Some(&value));
        };
        end(&breaker);
        check(&breaker, now, BreakerState::Closed { failures: 0 });
        let all = breaker.counts(|_| true);
        end(&all);
        assert!(matches!(all.begin(now).err(), Some(it) if SECOND < it));
    }
}
