//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use gleis_broker::GenericMessageClient;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use crate::access::Access;
use crate::call::Callee;
use crate::http::{Problem, problem};
use crate::keep::Keeping;
use crate::limits::BridgeLimits;
use crate::log::Log;
use crate::topology::Watchtower;

pub(crate) struct State {
    pub(crate) access: Access,
    pub(crate) books: Books,
    pub(crate) callee: Option<Arc<dyn Callee>>,
    /// True once the bridge is being closed: streams end.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) hub: Option<GenericMessageClient>,
    /// How it goes with the file of the log, if there is one.
    pub(crate) keeping: Option<Keeping>,
    pub(crate) limits: BridgeLimits,
    pub(crate) log: Arc<Log>,
    pub(crate) rate: Bucket,
    pub(crate) waiters: Arc<Semaphore>,
    pub(crate) watchtower: Option<Watchtower>,
}

/// Counts for `/metrics`.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) calls: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) unsent: AtomicU64,
}

pub(crate) fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

impl State {
    /// A place among those that wait.
    ///
    /// # Errors
    /// All are taken.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = |_| problem(StatusCode::SERVICE_UNAVAILABLE, "too many wait already");
        self.waiters.clone().try_acquire_owned().map_err(full)
    }

    /// Lets no more through than the rate says.
    ///
    /// # Errors
    /// There were too many in this second.
    pub(crate) fn pace(&self) -> Result<(), Problem> {
        let too_many = || problem(StatusCode::TOO_MANY_REQUESTS, "too many at once");
        self.rate.take().then_some(()).ok_or_else(too_many)
    }

    /// Waits until the bridge is being closed.
    pub(crate) async fn closed(&self) {
        // The state lives as long as whoever waits.
        let _ = self.closing.subscribe().wait_for(|it| *it).await;
    }
}

/// So many in a second, and as many at once.
pub(crate) struct Bucket {
    rate: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(crate) fn new(rate: u32) -> Self {
        let rate = f64::from(rate.max(1));
        Self { rate, state: Mutex::new((rate, Instant::now())) }
    }

    /// Takes one; false if there is none.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state.lock();
        let (left, since) = *state;
        let now = Instant::now();
        let left = (left + now.duration_since(since).as_secs_f64() * self.rate).min(self.rate);
        let is_there = 1.0 <= left;
        *state = (if is_there { left - 1.0 } else { left }, now);
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_rate() {
        let bucket = Bucket::new(10);
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 10);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 5);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 10);
    }
}
