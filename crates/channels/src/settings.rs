//! Everything a builder collects.

use std::time::Duration;

use gleis_codec::{AnyCodec, Limits};
use gleis_transport::Options;

/// How long a request waits unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many requests are in flight at a time, unless told otherwise.
const IN_FLIGHT: usize = 10_000;
/// How long an answer waits for a requester that does not take its answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was chosen for a channel. It is public in name only: see [`Builder`](crate::Builder).
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) codec: Option<AnyCodec>,
    pub(crate) max_in_flight: usize,
    pub(crate) options: Options,
    pub(crate) patience: Duration,
    pub(crate) ready: Option<Duration>,
    pub(crate) timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codec: None,
            max_in_flight: IN_FLIGHT,
            options: Options::default(),
            patience: PATIENCE,
            ready: None,
            timeout: TIMEOUT,
        }
    }
}

impl Settings {
    /// What one encoded message may cost: no frame is longer than the link allows.
    pub(crate) fn limits(&self) -> Limits {
        Limits { bytes: self.options.limits.frame, ..Limits::default() }
    }
}
