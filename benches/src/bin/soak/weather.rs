//! When which fault happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The faults' clock and dice; stormy until it clears up.
pub(crate) struct Weather {
    clear: watch::Sender<bool>,
    faults: AtomicU64,
    seeds: Mutex<Rng>,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Self {
        let seeds = Mutex::new(Rng::with_seed(seed));
        Self { clear: watch::Sender::new(false), faults: AtomicU64::new(0), seeds }
    }

    /// Dice for one task.
    pub(crate) fn dice(&self) -> Rng {
        self.seeds.lock().fork()
    }

    pub(crate) fn is_clear(&self) -> bool {
        *self.clear.borrow()
    }

    /// No more faults: everybody comes to an end.
    pub(crate) fn clear_up(&self) {
        self.clear.send_replace(true);
    }

    pub(crate) async fn clears_up(&self) {
        // The sender is ours: this cannot fail.
        let _ = self.clear.subscribe().wait_for(|it| *it).await;
    }

    /// Waits some milliseconds for the next fault; false once there are no more.
    pub(crate) async fn next_fault(&self, dice: &mut Rng, millis: std::ops::Range<u64>) -> bool {
        let pause = Duration::from_millis(dice.u64(millis));
        tokio::select! {
            biased;
            () = self.clears_up() => return false,
            () = tokio::time::sleep(pause) => (),
        }
        self.faults.fetch_add(1, Ordering::Relaxed);
        true
    }

    pub(crate) fn n_faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }
}
