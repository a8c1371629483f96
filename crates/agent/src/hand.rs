//! What an agent has in hand, for others to see while it works.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::job::What;

/// What an agent has in hand.
///
/// The agent writes two numbers for each piece of work, and a text if it is another one than before. It does
/// not look at the clock: those who look note when they saw a piece of work for the first time.
pub(crate) struct Hand {
    /// Grows when work begins and when it is done, so it is odd meanwhile.
    ordinal: AtomicU64,
    /// Whose text `what` has, 0 if that is not known by its place.
    key: AtomicU64,
    // Invariant: it changes only while nothing is in hand.
    what: Mutex<Option<What>>,
    seen: Mutex<Option<Seen>>,
    /// Tells that work has become stuck.
    pub(crate) stuck: Notify,
}

/// The last piece of work that somebody saw.
#[derive(Clone, Copy)]
struct Seen {
    ordinal: u64,
    since: Instant,
    is_told: bool,
}

/// A piece of work, and how long it has been seen.
pub(crate) struct Look {
    pub(crate) what: What,
    pub(crate) lasted: Duration,
}

impl Hand {
    pub(crate) fn new() -> Self {
        Self {
            ordinal: AtomicU64::new(0),
            key: AtomicU64::new(0),
            what: Mutex::new(None),
            seen: Mutex::new(None),
            stuck: Notify::new(),
        }
    }

    /// One piece of work that never ends.
    pub(crate) fn for_ever() -> Self {
        Self { ordinal: AtomicU64::new(1), ..Self::new() }
    }

    /// Takes work in hand, as long as what is returned. Only the agent's own task does, one piece after the other.
    #[inline]
    pub(crate) fn hold(&self, what: &What) -> Held<'_> {
        let key = what.key();
        if key == 0 || key != self.key.load(Ordering::Relaxed) {
            self.name(what, key);
        }
        self.step();
        Held(self)
    }

    #[cold]
    fn name(&self, what: &What, key: u64) {
        *self.what.lock() = Some(what.clone());
        self.key.store(key, Ordering::Relaxed);
    }

    fn step(&self) {
        // No other task writes it.
        self.ordinal.store(self.ordinal.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// Which piece of work it is.
    pub(crate) fn ordinal(&self) -> u64 {
        self.ordinal.load(Ordering::Acquire)
    }

    /// What is in hand, if anything is.
    pub(crate) fn look(&self, now: Instant) -> Option<Look> {
        let (ordinal, lasted) = self.see(now)?;
        let what = self.what.lock().clone()?;
        // Else it is of a later piece, and that has just begun.
        let lasted = if self.ordinal() == ordinal { lasted } else { Duration::ZERO };
        Some(Look { what, lasted })
    }

    /// Whether what is in hand has been so for as long as this, and nobody was told.
    pub(crate) fn becomes_stuck(&self, now: Instant, after: Duration) -> bool {
        let Some((ordinal, lasted)) = self.see(now) else {
            return false;
        };
        let mut seen = self.seen.lock();
        let Some(seen) = seen.as_mut().filter(|it| it.ordinal == ordinal) else {
            return false;
        };
        let is_news = after <= lasted && !seen.is_told;
        seen.is_told |= is_news;
        is_news
    }

    /// Which piece of work is in hand, and how long it has been seen.
    fn see(&self, now: Instant) -> Option<(u64, Duration)> {
        let ordinal = self.ordinal();
        if ordinal.is_multiple_of(2) {
            return None;
        }
        let mut seen = self.seen.lock();
        let seen = match &mut *seen {
            Some(seen) if ordinal <= seen.ordinal => seen,
            seen => seen.insert(Seen { ordinal, since: now, is_told: false }),
        };
        Some((ordinal, now.saturating_duration_since(seen.since)))
    }
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hand").field("ordinal", &self.ordinal).finish_non_exhaustive()
    }
}

/// Work in hand.
#[must_use = "dropping it says that the work is done"]
pub(crate) struct Held<'a>(&'a Hand);

/// What it is.
impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.0.what.lock().clone();
        what.map_or(Ok(()), |it| it.fmt(f))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // However it ended, nobody shall believe that the agent is at it.
        self.0.step();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn call(name: &'static str) -> What {
        What::Call(name.into())
    }

    #[track_caller]
    fn check(hand: &Hand, now: Instant, what: &str, lasted: Duration) {
        let look = hand.look(now).unwrap();
        assert_eq!((look.what.to_string().as_str(), look.lasted), (what, lasted));
    }

    #[test]
    fn work_is_seen_since_somebody_looked_first() {
        let (hand, now) = (Hand::new(), Instant::now());
        assert!(hand.look(now).is_none());
        let held = hand.hold(&call("first"));
        check(&hand, now, "first", Duration::ZERO);
        check(&hand, now + SECOND, "first", SECOND);
        drop(held);
        assert!(hand.look(now + SECOND).is_none());
        let _held = hand.hold(&call("first"));
        check(&hand, now + SECOND * 2, "first", Duration::ZERO);
    }

    #[test]
    fn each_piece_of_work_has_its_own_name() {
        let (hand, now) = (Hand::new(), Instant::now());
        let owned = |text: &str| What::Call(text.to_owned().into());
        for (what, text) in [
            (call("add"), "add"),
            (What::Message("add".into()), "a message from `add`"),
            (What::NoAnswer("add".into()), "no answer from `add`"),
            (owned("one"), "one"),
            (owned("two"), "two"),
            (call("add"), "add"),
        ] {
            let _held = hand.hold(&what);
            check(&hand, now, text, Duration::ZERO);
        }
    }

    #[test]
    fn work_becomes_stuck_once() {
        let (hand, now) = (Hand::new(), Instant::now());
        assert!(!hand.becomes_stuck(now, Duration::ZERO));
        for n in 0..3 {
            let now = now + SECOND * 10 * n;
            let _held = hand.hold(&call("slow"));
            assert!(!hand.becomes_stuck(now, SECOND));
            assert!(hand.becomes_stuck(now + SECOND, SECOND));
            assert!(!hand.becomes_stuck(now + SECOND * 2, SECOND));
        }
    }
}
