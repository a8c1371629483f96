//! What all that is done for an agent has in common: who it is, what it does and for whom it waits.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

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
    /// Whether this is the agent and not what is told of it.
    is_here: bool,
}

impl Home {
    /// That of an agent of this program.
    pub(crate) fn new(identity: Identity, name: Name) -> Arc<Self> {
        let hand = Hand::new();
        let home = Arc::new(Self::with(identity, Some(name), hand, true));
        if let Some(n) = home.identity.number() {
            HOMES.lock().insert(n, Arc::downgrade(&home));
        }
        home
    }

    /// That of one who waits in another program, or somewhere in this one.
    pub(crate) fn told(identity: Identity, name: Option<Name>) -> Arc<Self> {
        Arc::new(Self::with(identity, name, Hand::for_ever(), false))
    }

    fn with(identity: Identity, name: Option<Name>, hand: Hand, is_here: bool) -> Self {
        let (timer, waits) = Default::default();
        Self { identity, name, timer, hand, waits, is_here }
    }

    /// The agent of this program that has this number.
    pub(crate) fn find(n: u64) -> Option<Arc<Self>> {
        HOMES.lock().get(&n)?.upgrade()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nobody can find it any more.
        if let Some(n) = self.identity.number().filter(|_| self.is_here) {
            HOMES.lock().remove(&n);
        }
    }
}
