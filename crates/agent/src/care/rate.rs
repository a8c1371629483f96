//! So many calls in a time, and no more.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often something may be done. A clone shares what is left, so that several may keep to one limit.
///
/// What comes too early is refused, with the time after which it may be tried again; nobody waits.
///
/// ```
/// # use std::time::Duration;
/// use gleis_agent::RateLimit;
///
/// // Ten a second, and five at once after a pause.
/// let limit = RateLimit::new(10, Duration::from_secs(1)).burst(5);
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// The time of one call.
    pause: Duration,
    /// How many pauses may be saved up.
    saved: u32,
    /// When all that was saved up will be there again.
    full_at: Arc<Mutex<Option<Instant>>>,
}

impl RateLimit {
    /// So many in this time, spread over it. Nobody may do more than one each nanosecond, or none at all.
    pub fn new(n: u32, time: Duration) -> Self {
        let pause = (time / n.max(1)).max(Duration::from_nanos(1));
        Self { pause, saved: 0, full_at: Arc::default() }
    }

    /// How many may be done at once after a pause that was long enough; 1 by default.
    pub fn burst(self, n: u32) -> Self {
        Self { saved: n.saturating_sub(1), ..self }
    }

    /// Takes a turn; how long there will be none.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock();
        let begun = full_at.map_or(now, |it| it.max(now));
        let debt = begun.saturating_duration_since(now);
        let allowed = self.pause.saturating_mul(self.saved);
        if allowed < debt {
            return Err(debt - allowed);
        }
        // A pause beyond all time never ends.
        *full_at = begun.checked_add(self.pause).or(Some(begun));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[track_caller]
    fn check(limit: &RateLimit, now: Instant, n: usize, then: Duration) {
        for n in 0..n {
            assert_eq!(limit.take(now), Ok(()), "{n}");
        }
        assert_eq!(limit.take(now), Err(then));
    }

    #[test]
    fn turns_are_spread_over_the_time() {
        let (limit, now) = (RateLimit::new(10, SECOND), Instant::now());
        check(&limit, now, 1, SECOND / 10);
        check(&limit, now + SECOND / 20, 0, SECOND / 20);
        check(&limit, now + SECOND / 10, 1, SECOND / 10);
        // Nothing is saved up.
        check(&limit, now + 10 * SECOND, 1, SECOND / 10);
    }

    #[test]
    fn a_pause_saves_up_a_burst_and_no_more() {
        let (limit, now) = (RateLimit::new(10, SECOND).burst(3), Instant::now());
        check(&limit, now, 3, SECOND / 10);
        check(&limit, now + SECOND / 5, 2, SECOND / 10);
        check(&limit, now + 100 * SECOND, 3, SECOND / 10);
        // A clone has no turns of its own.
        check(&limit.clone(), now + 100 * SECOND, 0, SECOND / 10);
    }

    #[test]
    fn odd_limits_are_limits_all_the_same() {
        let now = Instant::now();
        check(&RateLimit::new(0, SECOND), now, 1, SECOND);
        check(&RateLimit::new(1, Duration::ZERO), now, 1, Duration::from_nanos(1));
        check(&RateLimit::new(1, SECOND).burst(0), now, 1, SECOND);
        let long = RateLimit::new(1, Duration::MAX).burst(u32::MAX);
        for _ in 0..10 {
            assert_eq!(long.take(now), Ok(()));
        }
    }
}
