//! The names and their owners, behind the table's lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::Name;

use super::feed::{Feed, Note, Wakers};
use super::{FeedId, Owner};
use crate::{Limits, NamingError, Record, RegisterError};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) closing: Option<Duration>,
    pub(super) entries: BTreeMap<Name, Entry>,
    // In the order in which they came, so that they hear of a change in that order.
    pub(super) feeds: BTreeMap<FeedId, Feed>,
    // Invariant: the names in `entries` by the client of their owner, without empty sets.
    pub(super) held: HashMap<u64, BTreeSet<Name>>,
    pub(super) is_closed: bool,
    /// False while `entries` is an unfinished copy: watches then wait.
    pub(super) is_current: bool,
    /// How often the closing was announced.
    pub(super) n_announced: u64,
    pub(super) next_feed: FeedId,
    // Invariant: the weights of all `entries` together.
    pub(super) weight: usize,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) owner: Owner,
    pub(super) record: Arc<Record>,
}

impl State {
    /// Whether `owner` may register `name` with this record.
    pub(super) fn admit(
        &self,
        name: &Name,
        record: &Record,
        owner: Owner,
        limits: &Limits,
    ) -> Result<(), RegisterError> {
        if self.is_closed {
            return Err(NamingError::Closed.into());
        }
        if !self.has_room(name, record, limits.bytes) {
            return Err(RegisterError::Full { what: "bytes", limit: limits.bytes });
        }
        if self.entries.contains_key(name) {
            return Ok(());
        }
        if self.closing.is_some() {
            return Err(RegisterError::Closing);
        }
        let n_held = self.held.get(&owner.client).map_or(0, BTreeSet::len);
        // This process is trusted with all the room there is.
        let is_here = owner.client == Owner::HERE.client;
        let most = if is_here { limits.names } else { limits.names_per_client };
        match (self.entries.len(), n_held) {
            (all, _) if limits.names <= all => {
                Err(RegisterError::Full { what: "names", limit: limits.names })
            }
            (_, held) if most <= held => Err(RegisterError::Full { what: "names", limit: most }),
            _ => Ok(()),
        }
    }

    /// Whether this record fits under `name` into so many bytes.
    pub(super) fn has_room(&self, name: &Name, record: &Record, bytes: usize) -> bool {
        let freed = self.entries.get(name).map_or(0, |it| weight(name, &it.record));
        self.weight - freed + weight(name, record) <= bytes
    }

    pub(super) fn insert(
        &mut self,
        name: &Name,
        record: Record,
        owner: Owner,
        wakers: &mut Wakers,
    ) {
        let record = Arc::new(record);
        let entry = Entry { owner, record: record.clone() };
        self.weight += weight(name, &record);
        let before = self.entries.insert(name.clone(), entry);
        if let Some(before) = &before {
            self.weight -= weight(name, &before.record);
        }
        if before.as_ref().is_none_or(|it| it.owner.client != owner.client) {
            if let Some(before) = &before {
                self.unhold(name, before.owner.client);
            }
            self.held.entry(owner.client).or_default().insert(name.clone());
        }
        if before.is_none_or(|it| it.record != record) {
            self.tell(&Note { name: name.clone(), record: Some(record) }, wakers);
        }
    }

    pub(super) fn remove(&mut self, name: &Name, wakers: &mut Wakers) {
        let Some(entry) = self.entries.remove(name) else {
            return;
        };
        self.weight -= weight(name, &entry.record);
        self.unhold(name, entry.owner.client);
        self.tell(&Note { name: name.clone(), record: None }, wakers);
    }

    fn unhold(&mut self, name: &Name, client: u64) {
        let Some(names) = self.held.get_mut(&client) else {
            return;
        };
        names.remove(name);
        if names.is_empty() {
            self.held.remove(&client);
        }
    }

    fn tell(&mut self, note: &Note, wakers: &mut Wakers) {
        self.feeds.values_mut().for_each(|it| it.push(note, wakers));
    }
}

pub(super) fn check(record: &Record) -> Result<(), RegisterError> {
    match record.metadata_len() {
        len if Record::MAX_METADATA < len => Err(RegisterError::TooLarge { len }),
        _ => Ok(()),
    }
}

pub(super) fn taken(name: &Name, entry: &Entry) -> RegisterError {
    RegisterError::Taken { name: name.clone(), holder: entry.record.endpoint.clone() }
}

pub(super) fn behind(after: Option<&Name>) -> (Bound<&Name>, Bound<&Name>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// About the bytes an entry takes in a message.
pub(super) fn weight(name: &Name, record: &Record) -> usize {
    64 + name.as_str().len() + record.endpoint.to_string().len() + record.metadata_len()
}
