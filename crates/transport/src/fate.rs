//! Whether a link is over, and why; told once, heard by many.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::error::CloseReason;

/// The end of one side of a link.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    reason: OnceLock<CloseReason>,
    ended: Notify,
    /// The peer has said something after the handshake.
    heard: AtomicBool,
}

impl Fate {
    /// Ends it; true if it was not over before.
    pub(crate) fn end(&self, reason: CloseReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        if first {
            self.ended.notify_waiters();
        }
        first
    }

    pub(crate) fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    pub(crate) fn reason(&self) -> Option<CloseReason> {
        self.reason.get().cloned()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.reason.get().is_some()
    }

    pub(crate) async fn wait(&self) {
        let ended = self.ended.notified();
        tokio::pin!(ended);
        ended.as_mut().enable();
        if !self.has_ended() {
            ended.await;
        }
    }
}

/// Waits for the end of a connection without keeping it open.
#[derive(Clone)]
pub struct Closed(pub(crate) Arc<Fate>);

impl Closed {
    /// Whether the peer has said something after the handshake.
    pub(crate) fn has_heard(&self) -> bool {
        self.0.heard.load(Ordering::Relaxed)
    }

    /// Waits until the connection is over, and says why.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait(&self) -> CloseReason {
        self.0.wait().await;
        self.0.reason().unwrap_or(CloseReason::Here)
    }
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.0.reason()).finish()
    }
}
