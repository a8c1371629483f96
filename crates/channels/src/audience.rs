//! Who listens to a publisher, and to what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gleis_patterns::{Filter, PeerId, Route};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::interests::Interests;
use crate::wire::Change;

/// What one subscriber may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WishLimits {
    /// The length of a filter, in bytes.
    pub(crate) bytes: usize,
    /// How many filters.
    pub(crate) filters: usize,
}

impl WishLimits {
    fn apply(&self, change: Change, interests: &mut Interests<()>) -> Result<(), String> {
        match change {
            Change::Add(filter) if self.bytes < length(&filter) => {
                return Err(format!("a filter of more than {} bytes", self.bytes));
            }
            Change::Add(filter) => drop(interests.insert(filter, ())),
            Change::Clear => interests.clear(),
            Change::Remove(filter) => drop(interests.remove(&filter)),
        }
        if self.filters < interests.len() {
            return Err(format!("more than {} subscriptions", self.filters));
        }
        Ok(())
    }
}

pub(crate) struct Audience {
    /// Told when a listener comes, goes, or changes its mind.
    changed: Notify,
    limits: WishLimits,
    /// Replaced, never changed: a publisher walks over it without the lock.
    listeners: Mutex<Arc<[Arc<Listener>]>>,
}

/// A subscriber.
pub(crate) struct Listener {
    /// It wants whatever is published, so that the interests need not be asked.
    everything: AtomicBool,
    interests: Mutex<Interests<()>>,
    /// It asked for what it cannot have, and is being disconnected.
    is_refused: AtomicBool,
    /// Publications dropped since it was last told.
    missed: AtomicU64,
    pub(crate) route: Route,
}

impl Listener {
    pub(crate) fn id(&self) -> &PeerId {
        self.route.peer()
    }

    pub(crate) fn wants(&self, topic: &[u8]) -> bool {
        self.everything.load(Ordering::Relaxed) || self.interests.lock().want(topic)
    }

    fn wants_any(&self) -> bool {
        0 < self.interests.lock().len()
    }

    /// True if there is nothing to be told that it missed.
    #[inline]
    pub(crate) fn missed_nothing(&self) -> bool {
        self.missed.load(Ordering::Relaxed) == 0
    }

    /// What it is to be told that it missed.
    pub(crate) fn take_missed(&self) -> u64 {
        // Most often nothing, which costs less to read.
        match self.missed.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.missed.swap(0, Ordering::Relaxed),
        }
    }

    pub(crate) fn miss(&self, publications: u64) {
        self.missed.fetch_add(publications, Ordering::Relaxed);
    }
}

impl Audience {
    pub(crate) fn new(limits: WishLimits) -> Self {
        Self { changed: Notify::new(), limits, listeners: Mutex::new(Arc::new([])) }
    }

    pub(crate) fn listeners(&self) -> Arc<[Arc<Listener>]> {
        self.listeners.lock().clone()
    }

    /// How many want anything at all.
    pub(crate) fn n_subscribers(&self) -> usize {
        self.listeners().iter().filter(|it| it.wants_any()).count()
    }

    pub(crate) async fn wait_for_subscribers(&self, n: usize) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if n <= self.n_subscribers() {
                return;
            }
            changed.await;
        }
    }

    /// Changes what a subscriber wants.
    ///
    /// # Errors
    /// Why it cannot be served, from then on.
    pub(crate) fn change(&self, route: &Route, changes: Vec<Change>) -> Result<(), String> {
        let listener = self.listener(route);
        let mut interests = listener.interests.lock();
        // Until all is done the interests decide.
        listener.everything.store(false, Ordering::Relaxed);
        let changed = match listener.is_refused.load(Ordering::Relaxed) {
            true => Err("refused before".to_owned()),
            false => changes.into_iter().try_for_each(|it| self.limits.apply(it, &mut interests)),
        };
        listener.is_refused.store(changed.is_err(), Ordering::Relaxed);
        let wants_everything = changed.is_ok() && interests.want_everything();
        listener.everything.store(wants_everything, Ordering::Relaxed);
        drop(interests);
        self.changed.notify_waiters();
        changed
    }

    /// Lets go of all but those of whom it holds.
    pub(crate) fn keep(&self, stays: impl Fn(&PeerId) -> bool) {
        {
            let mut listeners = self.listeners.lock();
            if listeners.iter().all(|it| stays(it.id())) {
                return;
            }
            *listeners = listeners.iter().filter(|it| stays(it.id())).cloned().collect();
        }
        self.changed.notify_waiters();
    }

    fn listener(&self, route: &Route) -> Arc<Listener> {
        let mut listeners = self.listeners.lock();
        if let Some(listener) = listeners.iter().find(|it| it.id() == route.peer()) {
            return listener.clone();
        }
        let (everything, is_refused) = (AtomicBool::default(), AtomicBool::default());
        let (interests, missed, route) = (Mutex::default(), AtomicU64::default(), route.clone());
        let new = Listener { everything, interests, is_refused, missed, route };
        let new = Arc::new(new);
        *listeners = listeners.iter().cloned().chain([new.clone()]).collect();
        new
    }
}

fn length(filter: &Filter) -> usize {
    match filter {
        Filter::Exact(topic) | Filter::Prefix(topic) => topic.len(),
        Filter::Path(pattern) => pattern.as_str().len(),
    }
}
