//! The clock of name servers and their clients.

use std::time::Instant;

/// The clock of the runtime, which tests may stop and move. Without tokio's `test-util` it is the
/// system's.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
