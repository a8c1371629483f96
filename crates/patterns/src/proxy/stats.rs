//! What a proxy has done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a proxy has done so far.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ProxyStats {
    /// From the first socket to the second: requests, jobs, publications.
    pub forward: Passage,
    /// From the second socket to the first: answers, subscriptions and their ends.
    pub backward: Passage,
    /// Messages shown to the capture.
    pub captured: u64,
    /// Messages that the capture had no room or no peer for.
    pub uncaptured: u64,
}

/// One direction; `taken = passed + dropped`, and one more while a message waits to be passed on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Passage {
    /// Messages that could not be passed on: their peer had left or took nothing, they were no
    /// answers, or there was no time left.
    pub dropped: u64,
    /// Messages that the socket on the other side took.
    pub passed: u64,
    /// Messages received.
    pub taken: u64,
}

/// The counters behind [`ProxyStats`].
#[derive(Default)]
pub(super) struct Counts {
    pub(super) captured: AtomicU64,
    pub(super) uncaptured: AtomicU64,
    pub(super) ways: [Way; 2],
}

/// The counters of one direction.
#[derive(Default)]
pub(super) struct Way {
    pub(super) dropped: AtomicU64,
    pub(super) passed: AtomicU64,
    pub(super) taken: AtomicU64,
}

impl Counts {
    pub(super) fn stats(&self) -> ProxyStats {
        let [forward, backward] = &self.ways;
        ProxyStats {
            forward: forward.passage(),
            backward: backward.passage(),
            captured: self.captured.load(Relaxed),
            uncaptured: self.uncaptured.load(Relaxed),
        }
    }
}

impl Way {
    fn passage(&self) -> Passage {
        let (dropped, passed) = (self.dropped.load(Relaxed), self.passed.load(Relaxed));
        Passage { dropped, passed, taken: self.taken.load(Relaxed) }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
