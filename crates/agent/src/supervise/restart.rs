//! How often, and how soon, what has failed begins anew.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How often, and how soon, what has failed begins anew.
///
/// By default at most 5 times within 30 seconds, and not at once: about 50 ms after the first failure, twice as
/// long after each further one, never longer than 10 seconds. Each pause is shortened by up to a half, at random, so
/// that what failed together does not come back together. Failures that are older than the window are forgotten, also
/// for the length of the pause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Restart {
    first: Duration,
    longest: Duration,
    limit: usize,
    window: Duration,
}

impl Restart {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(10),
            limit: 5,
            window: Duration::from_secs(30),
        }
    }

    /// How long the pause is after the first failure, and how long it becomes at most. Zero is no pause.
    #[must_use]
    pub fn back_off(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest.max(first));
        self
    }

    /// How often within which time; more failures than that are the end. No more than 10,000 times.
    #[must_use]
    pub fn at_most(mut self, n: usize, window: Duration) -> Self {
        (self.limit, self.window) = (n.min(REMEMBERED), window);
        self
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::new()
    }
}

/// The failures that count still.
#[derive(Debug)]
pub(crate) struct Restarts {
    plan: Restart,
    /// Invariant: no more than the limit.
    times: VecDeque<Instant>,
}

impl Restarts {
    pub(crate) fn new(plan: Restart) -> Self {
        Self { plan, times: VecDeque::new() }
    }

    /// Notes a failure at `now`: how long to pause, or `None` if it was one too many. `chance` is from 0 to 1.
    pub(crate) fn fail(&mut self, now: Instant, chance: f64) -> Option<Duration> {
        let is_old = |it: &Instant| self.plan.window <= now.saturating_duration_since(*it);
        let n_old = self.times.iter().take_while(|it| is_old(it)).count();
        self.times.drain(..n_old);
        let n = self.times.len();
        if self.plan.limit <= n {
            return None;
        }
        self.times.push_back(now);
        Some(self.plan.pause(n, chance))
    }
}

impl Restart {
    /// The same pauses, as often as can be.
    pub(crate) fn without_limit(self) -> Self {
        Self { limit: REMEMBERED, ..self }
    }

    /// The pause after `n` other failures.
    fn pause(self, n: usize, chance: f64) -> Duration {
        let factor = u32::try_from(n).ok().and_then(|n| 2_u32.checked_pow(n));
        let whole = factor.and_then(|it| self.first.checked_mul(it));
        let whole = whole.map_or(self.longest, |it| it.min(self.longest));
        let whole = if self.first.is_zero() { Duration::ZERO } else { whole };
        whole - (whole / 2).mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// How many failures are remembered at most.
const REMEMBERED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest() {
        let plan = Restart::new().back_off(SECOND, SECOND * 5).at_most(100, SECOND * 100);
        let mut restarts = Restarts::new(plan);
        let pauses = [(); 5].map(|()| restarts.fail(Instant::now(), 0.0).unwrap());
        assert_eq!(pauses, [1, 2, 4, 5, 5].map(|it| SECOND * it));
        for _ in 5..100 {
            assert_eq!(restarts.fail(Instant::now(), 1.0), Some(SECOND * 5 / 2));
        }
        assert_eq!(restarts.fail(Instant::now(), 0.0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_count_as_long_as_the_window() {
        let plan = Restart::new().back_off(SECOND, SECOND * 9).at_most(2, SECOND * 10);
        let mut restarts = Restarts::new(plan);
        let begin = Instant::now();
        let mut fail = |at: u32| restarts.fail(begin + SECOND * at, 0.0);
        assert_eq!(fail(0), Some(SECOND));
        assert_eq!(fail(5), Some(SECOND * 2));
        assert_eq!(fail(9), None);
        assert_eq!(fail(10), Some(SECOND * 2));
        assert_eq!(fail(14), None);
        assert_eq!(fail(30), Some(SECOND));
    }

    #[test]
    fn no_plan_is_beyond_what_can_be_counted() {
        let now = Instant::now();
        let never = Restart::new().at_most(0, SECOND);
        assert_eq!(Restarts::new(never).fail(now, 0.0), None);
        let at_once = Restart::new().back_off(Duration::ZERO, SECOND);
        assert_eq!(Restarts::new(at_once).fail(now, 0.5), Some(Duration::ZERO));
        let longest =
            Restart::new().back_off(Duration::MAX, SECOND).at_most(usize::MAX, Duration::MAX);
        let mut restarts = Restarts::new(longest);
        for _ in 0..REMEMBERED {
            assert!(restarts.fail(now, 1.0).is_some());
        }
        assert_eq!(restarts.fail(now, 0.0), None);
    }
}
