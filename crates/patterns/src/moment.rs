//! Moments after which nobody waits.

use std::time::Duration;

use gleis_core::Deadline;
use tokio::time::Instant;

/// The moment `timeout` from now; a timeout beyond what the clock can tell means decades.
pub(crate) fn after(timeout: Duration) -> Instant {
    Deadline::after(Instant::now().into_std(), timeout).instant().into()
}
