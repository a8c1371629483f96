//! What ties an agent to its supervisor.

use std::fmt;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{Fault, identity::Identity};

/// Ties an agent to its supervisor, which hears how it ends and decides what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Leash {
    /// Which child it is.
    child: u64,
    nest: Arc<Nest>,
}

/// How a life has ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Failed(Fault),
    /// It was interrupted.
    Killed,
    /// It was told to begin anew.
    Renewed,
    /// It was told to shut down.
    Shutdown,
}

/// Of which child a life has ended.
pub(super) struct Report {
    pub(super) child: u64,
    /// How many lives it had until then.
    pub(super) n_lives: u32,
    pub(super) end: End,
}

/// Where the children of a supervisor tell how they end, and what it has to do when.
pub(crate) struct Nest {
    leader: Identity,
    /// Invariant: no more than one of each child's lives, and it has no other before it was read.
    reports: Mutex<Vec<Report>>,
    /// When something is to be done, whatever is reported.
    due: Mutex<Option<Instant>>,
    changed: Notify,
    is_closed: AtomicBool,
}

impl Nest {
    pub(super) fn new(leader: Identity) -> Arc<Self> {
        Arc::new(Self {
            leader,
            reports: Mutex::default(),
            due: Mutex::new(None),
            changed: Notify::new(),
            is_closed: AtomicBool::new(false),
        })
    }

    pub(super) fn leash(self: &Arc<Self>, child: u64) -> Leash {
        Leash { child, nest: self.clone() }
    }

    /// What was told since the last time.
    pub(super) fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut *self.reports.lock())
    }

    /// From when on there is something to do.
    pub(super) fn set_due(&self, at: Option<Instant>) {
        *self.due.lock() = at;
        self.changed.notify_one();
    }

    /// Waits until there is something to read or to do. Nothing is lost when the future is dropped.
    pub(super) async fn news(&self) {
        loop {
            let changed = self.changed.notified();
            let due = *self.due.lock();
            let is_due = due.is_some_and(|it| it <= Instant::now());
            if is_due || !self.reports.lock().is_empty() {
                return;
            }
            match due {
                Some(at) => _ = timeout_at(at, changed).await,
                None => changed.await,
            }
        }
    }

    /// Nobody reads any more.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }
}

impl Leash {
    /// Whether there is somebody who holds it.
    pub(crate) fn is_held(&self) -> bool {
        !self.nest.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn child(&self) -> u64 {
        self.child
    }

    /// Whether it is of the same supervisor.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.nest, &other.nest)
    }

    /// Whether this agent holds it, or has held it.
    pub(crate) fn is_of(&self, leader: &Identity) -> bool {
        self.nest.leader == *leader
    }

    /// Tells how a life has ended.
    pub(crate) fn report(&self, n_lives: u32, end: End) {
        self.nest.reports.lock().push(Report { child: self.child, n_lives, end });
        self.nest.changed.notify_one();
    }
}

impl fmt::Debug for Nest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nest").field("leader", &self.leader).finish_non_exhaustive()
    }
}

impl End {
    /// As a state tells it.
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::Failed(fault) => fault,
            Self::Killed => Fault::said("killed"),
            Self::Renewed => Fault::said("told to begin anew"),
            Self::Shutdown => Fault::said("shut down"),
        }
    }
}
