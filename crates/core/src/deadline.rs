//! The moment after which nobody waits.

use std::time::{Duration, Instant};

/// A moment after which nobody waits for the answer.
///
/// A deadline travels with a request and only ever shrinks: a hop that adds its own
/// limit keeps the [earliest](Deadline::earliest) of the two.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `timeout` after `now`; a timeout beyond what the clock can tell means decades.
    pub fn after(now: Instant, timeout: Duration) -> Self {
        Self(now.checked_add(timeout).or_else(|| now.checked_add(DECADES)).unwrap_or(now))
    }

    /// The deadline at this very moment.
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The deadline that passes first.
    #[must_use]
    pub fn earliest(self, other: Self) -> Self {
        self.min(other)
    }

    /// Whether the moment is reached: from `now == instant()` on nobody waits.
    pub fn has_passed(self, now: Instant) -> bool {
        self.0 <= now
    }

    /// The moment itself, for a timer.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// The time left, or `None` once the deadline [has passed](Deadline::has_passed).
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        self.0.checked_duration_since(now).filter(|it| !it.is_zero())
    }
}

/// Longer than any program runs, and within reach of every platform's clock.
const DECADES: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_deadline_passes_at_its_very_moment() {
        let now = Instant::now();
        let deadline = Deadline::after(now, SECOND);
        assert!(!deadline.has_passed(now));
        assert_eq!(deadline.remaining(now), Some(SECOND));
        assert!(deadline.has_passed(now + SECOND));
        assert_eq!(deadline.remaining(now + SECOND), None);
        assert_eq!(deadline.remaining(now + 2 * SECOND), None);
    }

    #[test]
    fn the_earliest_of_two_deadlines_counts() {
        let now = Instant::now();
        let (soon, late) = (Deadline::at(now), Deadline::after(now, SECOND));
        assert_eq!(soon.earliest(late), soon);
        assert_eq!(late.earliest(soon), soon);
        assert_eq!(late.instant(), now + SECOND);
    }

    #[test]
    fn an_endless_timeout_does_not_overflow() {
        let now = Instant::now();
        assert!(!Deadline::after(now, Duration::MAX).has_passed(now + SECOND));
    }
}
