//! How a socket was opened: an agent that begins anew finds its sockets by that.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use gleis_core::Endpoint;
use parking_lot::Mutex;

use super::{Kind, make::Options};

/// How an agent has opened a socket itself.
pub(super) struct Origin {
    wanted: Wanted,
    /// Whether it is of an earlier life, and not opened again yet.
    is_left: AtomicBool,
    /// What it has subscribed to, as often as it has.
    topics: Mutex<Vec<Bytes>>,
}

/// What was asked for when a socket was opened.
#[derive(Clone, PartialEq)]
pub(super) struct Wanted {
    /// What the agent calls it, if it says so.
    pub(super) alias: Option<String>,
    pub(super) at: Endpoint,
    pub(super) codec: &'static str,
    pub(super) is_bound: bool,
    /// Whether a handler receives from it.
    pub(super) is_handled: bool,
    pub(super) kind: Kind,
    /// Without what it waits for, and what it subscribes to: that may change.
    pub(super) options: Options,
}

impl Origin {
    pub(super) fn new(wanted: Wanted, topics: Vec<Bytes>) -> Self {
        Self { wanted, is_left: AtomicBool::new(false), topics: Mutex::new(topics) }
    }

    /// Its life is over.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Release);
    }

    pub(super) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Acquire)
    }

    /// Whether it is left, and what this asks for.
    pub(super) fn is_meant(&self, wanted: &Wanted) -> bool {
        self.is_left() && self.wanted == *wanted
    }

    /// It is opened again, with these subscriptions; gives those that it had.
    pub(super) fn take(&self, topics: Vec<Bytes>) -> Vec<Bytes> {
        let old = std::mem::replace(&mut *self.topics.lock(), topics);
        self.is_left.store(false, Ordering::Release);
        old
    }

    pub(super) fn subscribed(&self, topic: &Bytes) {
        self.topics.lock().push(topic.clone());
    }

    pub(super) fn unsubscribed(&self, topic: &Bytes) {
        let mut topics = self.topics.lock();
        if let Some(at) = topics.iter().position(|it| it == topic) {
            topics.swap_remove(at);
        }
    }
}
