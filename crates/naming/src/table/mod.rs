//! The names, and those who watch them: what the server keeps, and what its clients copy.

mod feed;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gleis_core::{Name, near};
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::feed::{Feed, Note, Wakers};
use self::state::{State, behind, check, taken, weight};
use crate::{Change, Limits, NamingError, Record, RegisterError, Watch};

/// How many names are compared with one that is unknown: it bounds what a typing error costs.
const COMPARED: usize = 1_024;

/// How many names are looked at for some that may be compared.
const LOOKED_AT: usize = 16 * COMPARED;

/// Which watch.
pub(crate) type FeedId = u64;

/// Whose a name is: the client, and which of its connections said so last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) client: u64,
    pub(crate) session: u64,
}

impl Owner {
    /// This process.
    pub(crate) const HERE: Self = Self { client: 0, session: 0 };
}

/// Names and watches behind one lock, so that every watcher sees every change once and in order.
#[derive(Debug)]
pub(crate) struct Table {
    emptied: Notify,
    limits: Limits,
    state: Mutex<State>,
}

impl Table {
    /// An empty table that is the truth itself.
    pub(crate) fn new(limits: Limits) -> Self {
        let table = Self::copy(limits);
        table.state.lock().is_current = true;
        table
    }

    /// An empty copy of a table elsewhere; it is not current before it is told so.
    pub(crate) fn copy(limits: Limits) -> Self {
        Self { emptied: Notify::new(), limits, state: Mutex::default() }
    }

    /// Gives a free name to its first owner.
    pub(crate) fn claim(
        &self,
        name: &Name,
        record: Record,
        owner: Owner,
    ) -> Result<(), RegisterError> {
        check(&record)?;
        self.change(|state, wakers| {
            if let Some(entry) = state.entries.get(name) {
                return Err(taken(name, entry));
            }
            state.admit(name, &record, owner, &self.limits)?;
            state.insert(name, record, owner, wakers);
            Ok(())
        })
    }

    /// Gives a name to its owner, whether it is free or the owner's already.
    pub(crate) fn renew(
        &self,
        name: &Name,
        record: Record,
        owner: Owner,
    ) -> Result<(), RegisterError> {
        check(&record)?;
        self.change(|state, wakers| {
            let before = state.entries.get(name);
            if let Some(entry) = before.filter(|it| it.owner.client != owner.client) {
                return Err(taken(name, entry));
            }
            state.admit(name, &record, owner, &self.limits)?;
            state.insert(name, record, owner, wakers);
            Ok(())
        })
    }

    /// Copies what was said elsewhere, whatever stands here; false if there is no room for it.
    pub(crate) fn put(&self, name: &Name, record: Record, session: u64) -> bool {
        let owner = Owner { session, ..Owner::HERE };
        self.change(|state, wakers| {
            let has_room = state.has_room(name, &record, self.limits.bytes);
            if has_room {
                state.insert(name, record, owner, wakers);
            }
            has_room
        })
    }

    /// Takes a name away from whoever has it.
    pub(crate) fn release(&self, name: &Name) {
        self.change(|state, wakers| state.remove(name, wakers));
        self.note_if_empty();
    }

    /// Takes a name away from `client`; free names are left alone.
    pub(crate) fn release_by(&self, name: &Name, client: u64) -> Result<(), NamingError> {
        let res = self.change(|state, wakers| match state.entries.get(name) {
            Some(entry) if entry.owner.client != client => {
                Err(NamingError::NotHeld { name: name.clone() })
            }
            Some(_) => {
                state.remove(name, wakers);
                Ok(())
            }
            None => Ok(()),
        });
        self.note_if_empty();
        res
    }

    /// Takes all names away from `client`, but those its connection `keep` has named.
    pub(crate) fn sweep(&self, client: u64, keep: Option<u64>) {
        self.change(|state, wakers| {
            let names: Vec<Name> = state.held.get(&client).into_iter().flatten().cloned().collect();
            for name in names {
                let is_kept =
                    state.entries.get(&name).is_some_and(|it| Some(it.owner.session) == keep);
                if !is_kept {
                    state.remove(&name, wakers);
                }
            }
        });
        self.note_if_empty();
    }

    /// The names that `client` has.
    pub(crate) fn held_by(&self, client: u64) -> Vec<Name> {
        self.state.lock().held.get(&client).into_iter().flatten().cloned().collect()
    }

    /// How many names `client` has.
    pub(crate) fn n_held(&self, client: u64) -> usize {
        self.state.lock().held.get(&client).map_or(0, BTreeSet::len)
    }

    /// What stands under a name.
    pub(crate) fn resolve(&self, name: &Name) -> Result<Record, NamingError> {
        let candidates: Vec<Name> = {
            let state = self.state.lock();
            if state.is_closed {
                return Err(NamingError::Closed);
            }
            if let Some(entry) = state.entries.get(name) {
                return Ok((*entry.record).clone());
            }
            let len = name.as_str().len();
            let is_alike = |it: &&Name| it.as_str().len().abs_diff(len) <= 9;
            state.entries.keys().take(LOOKED_AT).filter(is_alike).take(COMPARED).cloned().collect()
        };
        // Outside the lock: nobody waits for a typing error.
        Err(NamingError::Unknown { name: name.clone(), near: near(name.as_str(), candidates) })
    }

    /// All names and records.
    pub(crate) fn list(&self) -> Result<Vec<(Name, Record)>, NamingError> {
        Ok(self.page(None, usize::MAX)?.0)
    }

    /// The names behind `after` with their records, `budget` bytes or a little more, and whether there are more.
    pub(crate) fn page(
        &self,
        after: Option<&Name>,
        budget: usize,
    ) -> Result<(Vec<(Name, Record)>, bool), NamingError> {
        let state = self.state.lock();
        if state.is_closed {
            return Err(NamingError::Closed);
        }
        let mut left = budget;
        let mut res = Vec::new();
        for (name, entry) in state.entries.range::<Name, _>(behind(after)) {
            if left == 0 {
                return Ok((res, true));
            }
            left = left.saturating_sub(weight(name, &entry.record));
            res.push((name.clone(), (*entry.record).clone()));
        }
        Ok((res, false))
    }

    /// All names.
    pub(crate) fn names(&self) -> Vec<Name> {
        self.state.lock().entries.keys().cloned().collect()
    }

    /// Waits until no name is registered.
    pub(crate) async fn wait_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.state.lock().entries.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Takes in no new names from now on, and tells all watches; again when there is less time.
    pub(crate) fn start_closing(&self, grace: Duration) {
        self.change(|state, wakers| {
            state.n_announced += 1;
            state.closing = Some(grace);
            state.feeds.values_mut().for_each(|it| it.wake(wakers));
        });
    }

    /// Ends all watches and refuses everything from now on.
    pub(crate) fn close(&self) {
        self.change(|state, wakers| {
            state.is_closed = true;
            state.feeds.values_mut().for_each(|it| it.end(wakers));
        });
    }

    /// For a copy whose original has closed: ends all watches.
    pub(crate) fn end_watches(&self) {
        self.change(|state, wakers| state.feeds.values_mut().for_each(|it| it.end(wakers)));
    }

    /// For a copy that has found a new original.
    pub(crate) fn reopen(&self) {
        self.state.lock().closing = None;
    }

    /// Whether the copy shows the present state.
    pub(crate) fn set_current(&self, is_current: bool) {
        self.change(|state, wakers| {
            state.is_current = is_current;
            state.feeds.values_mut().for_each(|it| it.wake(wakers));
        });
    }

    /// A watch that begins with the present state.
    pub(crate) fn watch(self: &Arc<Self>) -> Result<Watch, NamingError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(NamingError::Closed);
        }
        if self.limits.watches <= state.feeds.len() {
            return Err(NamingError::Busy { what: "watches", limit: self.limits.watches });
        }
        let id = state.next_feed;
        state.next_feed += 1;
        state.feeds.insert(id, Feed::default());
        Ok(Watch::new(self.clone(), id))
    }

    pub(crate) fn remove_feed(&self, id: FeedId) {
        let feed = self.state.lock().feeds.remove(&id);
        // Its waker is dropped outside the lock.
        drop(feed);
    }

    /// The next change for one watch.
    pub(crate) fn poll_feed(&self, id: FeedId, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        let mut state = self.state.lock();
        let State { closing, entries, feeds, is_current, n_announced, .. } = &mut *state;
        let Some(feed) = feeds.get_mut(&id) else {
            return Poll::Ready(None);
        };
        if let Some(grace) = *closing
            && feed.tells_closing(*n_announced)
        {
            return Poll::Ready(Some(Change::Closing { grace }));
        }
        let next = |after: Option<&Name>| {
            let (name, entry) = entries.range::<Name, _>(behind(after)).next()?;
            Some(Note { name: name.clone(), record: Some(entry.record.clone()) })
        };
        feed.poll_next(*is_current, next, cx)
    }

    /// Changes the state, and wakes the watchers when the lock is free again.
    fn change<R>(&self, f: impl FnOnce(&mut State, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        let res = f(&mut self.state.lock(), &mut wakers);
        wakers.wake();
        res
    }

    fn note_if_empty(&self) {
        if self.state.lock().entries.is_empty() {
            self.emptied.notify_waiters();
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
