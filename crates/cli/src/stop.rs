//! Ctrl-C, once and twice.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Outcome};

/// Hears that the user, or the system, wants this to end: from when it was made, so make it before
/// anything is said to whoever might.
pub(crate) struct Stop {
    #[cfg(unix)]
    interrupted: Signal,
    #[cfg(unix)]
    terminated: Signal,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn new() -> Outcome<Self> {
        let hear = |kind| signal(kind).map_err(|it| Failure::local(&it));
        let interrupted = hear(SignalKind::interrupt())?;
        Ok(Self { interrupted, terminated: hear(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Outcome<Self> {
        Ok(Self {})
    }

    /// Waits until that is so.
    pub(crate) async fn asked(&mut self) -> Outcome {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupted.recv() => (),
            _ = self.terminated.recv() => (),
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.map_err(|it| Failure::local(&it))?;
        Ok(())
    }

    /// Does the last things, unless it is wanted once more.
    pub(crate) async fn orderly<T>(mut self, work: impl Future<Output = T>) -> Outcome {
        tokio::select! {
            _ = work => Ok(()),
            res = self.asked() => res,
        }
    }
}
