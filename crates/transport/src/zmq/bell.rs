//! How the halves of links call the driver of their socket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::zmq::link::Link;

/// Links that want to be looked at; each stands in it once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// The listener is gone: no more peers.
    is_closed: AtomicBool,
    /// Weak, since every link holds its bell: what is listed when the driver has gone must still end.
    links: Mutex<VecDeque<Weak<Link>>>,
    rung: Notify,
}

impl Bell {
    /// Lists a link, whose own flag says that it was not listed.
    pub(super) fn ring(&self, link: Weak<Link>) {
        self.links.lock().push_back(link);
        self.rung.notify_one();
    }

    /// Waits until somebody has called. Cancel-safe.
    pub(super) async fn heard(&self) {
        self.rung.notified().await;
    }

    /// The link that called first.
    pub(super) fn next(&self) -> Option<Arc<Link>> {
        loop {
            let link = self.links.lock().pop_front()?;
            let Some(link) = link.upgrade() else { continue };
            // Before the driver looks: whoever calls from now on is heard again. A swap, not a store,
            // so that the driver sees all that was done before the call.
            link.is_listed.swap(false, Ordering::AcqRel);
            return Some(link);
        }
    }

    /// Somebody may still stand in the list.
    pub(super) fn again(&self) {
        self.rung.notify_one();
    }

    /// The listener is gone.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.rung.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }
}
