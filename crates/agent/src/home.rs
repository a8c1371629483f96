//! What all that is done for an agent has in common: who it is, what it does and for whom it waits.

use std::collections::HashMap;
use std::sync::{
    Arc, LazyLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use gleis_core::Name;
use parking_lot::Mutex;

use crate::{deadline::KeptTimer, hand::Hand, identity::Identity, waits::Waits};

/// The agents of this program by number, for those who follow who waits for whom.
static HOMES: LazyLock<Mutex<HashMap<u64, Weak<Home>>>> = LazyLock::new(Mutex::default);

/// An agent, as others in this program see it; or one of another program, as far as it is known here.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) identity: Identity,
    /// Unknown of one whose program has an earlier version.
    pub(crate) name: Option<Name>,
    /// For what the agent asks in its own task.
    pub(crate) timer: KeptTimer,
    pub(crate) hand: Hand,
    pub(crate) waits: Waits,
    /// Whether others can find it by its number.
    is_listed: AtomicBool,
}

impl Home {
    /// That of an agent of this program.
    pub(crate) fn new(identity: Identity, name: Name) -> Arc<Self> {
        Arc::new(Self::with(identity, Some(name), Hand::new()))
    }

    /// That of one who waits in another program, or somewhere in this one.
    pub(crate) fn told(identity: Identity, name: Option<Name>) -> Arc<Self> {
        Arc::new(Self::with(identity, name, Hand::for_ever()))
    }

    fn with(identity: Identity, name: Option<Name>, hand: Hand) -> Self {
        let (timer, waits, is_listed) = Default::default();
        Self { identity, name, timer, hand, waits, is_listed }
    }

    /// Lets others find an agent of this program: one that waits, or is waited for. Most never do, and are not listed.
    #[inline]
    pub(crate) fn list(self: &Arc<Self>) {
        if !self.is_listed.load(Ordering::Relaxed) {
            self.list_now();
        }
    }

    #[cold]
    fn list_now(self: &Arc<Self>) {
        if let Some(n) = self.identity.number() {
            HOMES.lock().entry(n).or_insert_with(|| Arc::downgrade(self));
            self.is_listed.store(true, Ordering::Relaxed);
        }
    }

    /// The agent of this program that has this number, if it was listed.
    pub(crate) fn find(n: u64) -> Option<Arc<Self>> {
        HOMES.lock().get(&n)?.upgrade()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nobody can find it any more.
        if let Some(n) = self.identity.number().filter(|_| *self.is_listed.get_mut()) {
            HOMES.lock().remove(&n);
        }
    }
}
