//! What the owner of a publisher has yet to hear of subscriptions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::filter::Filter;
use crate::intake::Intake;
use crate::peer::PeerInfo;

/// What changed among the subscriptions of all peers, until somebody takes it, oldest first.
///
/// No more is kept than there is a difference between what holds and what was told: what comes and
/// goes untold leaves nothing behind.
pub(crate) struct News {
    intake: Arc<Intake>,
    state: Mutex<State>,
    /// Whether each subscription is told, and not only the first and the end of the last.
    verbose: bool,
}

/// One piece of it.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) begins: bool,
    pub(crate) filter: Filter,
    pub(crate) peer: PeerInfo,
}

/// A filter; of one peer, if each one's are told.
type Key = (Option<u64>, Filter);

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    last: u64,
    // Invariant: the keys of all entries that are `due`, in the order in which they became so.
    order: BTreeMap<u64, Key>,
}

#[derive(Default)]
struct Entry {
    /// Its place in the order.
    due: Option<u64>,
    /// How many subscriptions there are.
    now: usize,
    /// Who made the change that made it due; while it is.
    peer: Option<PeerInfo>,
    /// How many the owner knows of.
    told: usize,
}

impl News {
    pub(crate) fn new(intake: Arc<Intake>, verbose: bool) -> Self {
        Self { intake, state: Mutex::default(), verbose }
    }

    /// A peer subscribed; `first` if it had no such subscription before.
    pub(crate) fn add(&self, link: u64, peer: PeerInfo, filter: Filter, first: bool) {
        if self.verbose || first {
            self.change(link, peer, filter, |now| now + 1);
        }
    }

    /// A peer ended a subscription; `last` if it has no such subscription any more.
    pub(crate) fn remove(&self, link: u64, peer: PeerInfo, filter: Filter, last: bool) {
        if self.verbose || last {
            self.change(link, peer, filter, |now| now.saturating_sub(1));
        }
    }

    /// All such subscriptions of a peer are over, most often because it left.
    pub(crate) fn leave(&self, link: u64, peer: PeerInfo, filter: Filter) {
        let verbose = self.verbose;
        self.change(link, peer, filter, |now| if verbose { 0 } else { now.saturating_sub(1) });
    }

    fn change(
        &self,
        link: u64,
        peer: PeerInfo,
        filter: Filter,
        count: impl FnOnce(usize) -> usize,
    ) {
        let key = (self.verbose.then_some(link), filter);
        let mut state = self.state.lock();
        let entry = state.entries.entry(key.clone()).or_default();
        entry.now = count(entry.now);
        if entry.due.is_none() {
            entry.peer = Some(peer);
        }
        state.settle(key, self.verbose);
        drop(state);
        self.intake.wake();
    }

    /// The next piece.
    pub(crate) fn next(&self) -> Option<Piece> {
        let mut state = self.state.lock();
        let key = state.order.values().next()?.clone();
        let entry = state.entries.get_mut(&key)?;
        let begins = entry.told < entry.now;
        entry.told = if begins { entry.told + 1 } else { entry.told - 1 };
        let peer = entry.peer.clone()?;
        let filter = key.1.clone();
        state.settle(key, self.verbose);
        Some(Piece { begins, filter, peer })
    }
}

impl State {
    /// Puts an entry where it belongs after it changed.
    fn settle(&mut self, key: Key, verbose: bool) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        let to_tell = if verbose { entry.now } else { entry.now.min(1) };
        if entry.told != to_tell {
            if entry.due.is_none() {
                self.last += 1;
                entry.due = Some(self.last);
                self.order.insert(self.last, key);
            }
            return;
        }
        entry.peer = None;
        if let Some(due) = entry.due.take() {
            self.order.remove(&due);
        }
        if entry.now == 0 {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn news(verbose: bool) -> News {
        News::new(Arc::new(Intake::new(&crate::options::Settings::default())), verbose)
    }

    fn peer(link: u64) -> PeerInfo {
        PeerInfo {
            address: link.to_string(),
            codec: "raw",
            identity: bytes::Bytes::new(),
            queued: 0,
        }
    }

    /// What is told of changes such as `1+a`: peer 1 subscribes to `a` (`-` ends it, `!` leaves).
    /// A bar takes what there is.
    #[track_caller]
    fn check(verbose: bool, changes: &str, expect: &str) {
        let news = news(verbose);
        let mut told = Vec::new();
        for change in changes.split(' ').chain(["|"]) {
            if change == "|" {
                told.extend(std::iter::from_fn(|| news.next()).map(|it| {
                    let sign = if it.begins { '+' } else { '-' };
                    format!("{}{sign}{}", it.peer.address, it.filter)
                }));
                continue;
            }
            let (link, filter) = (change[..1].parse().unwrap(), Filter::exact(&change[2..]));
            match &change[1..2] {
                "+" => news.add(link, peer(link), filter, true),
                "-" => news.remove(link, peer(link), filter, true),
                _ => news.leave(link, peer(link), filter),
            }
        }
        assert_eq!(told.join(" ").replace('"', ""), expect);
        let state = news.state.lock();
        assert!(state.order.is_empty());
        assert!(state.entries.values().all(|it| 0 < it.now && it.peer.is_none()));
    }

    #[test]
    fn the_first_and_the_end_of_the_last_are_told() {
        check(false, "1+a 2+a | 2+b 1-a | 2!a 2!b", "1+a 2+b 2-a 2-b");
        check(false, "1+a 1-a 2+a", "2+a");
        check(false, "1+a | 1-a 2+a", "1+a");
        check(false, "1+a 1-a", "");
    }

    #[test]
    fn each_one_is_told_if_asked_for() {
        check(true, "1+a 2+a 1+a | 1-a 2!a", "1+a 1+a 2+a 1-a 2-a");
        check(true, "1+a 1+a | 1!a", "1+a 1+a 1-a 1-a");
        check(true, "1+a | 1-a 2+a", "1+a 1-a 2+a");
    }

    proptest! {
        #[test]
        fn whatever_happens_what_was_told_is_what_holds_in_the_end(
            verbose in any::<bool>(),
            changes in prop::collection::vec((0..4u64, 0..3u8, 0..3u8), 0..60),
        ) {
            let news = news(verbose);
            let (mut here, mut told) = (Vec::new(), 0i32);
            let mut take = |news: &News| while let Some(it) = news.next() {
                told += if it.begins { 1 } else { -1 };
                assert!(0 <= told);
            };
            for (link, topic, act) in changes {
                let filter = Filter::exact([topic]);
                let key = (link, topic);
                let count = here.iter().filter(|it| **it == key).count();
                match act {
                    0 => {
                        news.add(link, peer(link), filter, count == 0);
                        here.push(key);
                    }
                    1 if 0 < count => {
                        news.remove(link, peer(link), filter, count == 1);
                        here.remove(here.iter().position(|it| *it == key).unwrap());
                    }
                    1 => take(&news),
                    _ if 0 < count => {
                        news.leave(link, peer(link), filter);
                        here.retain(|it| *it != key);
                    }
                    _ => (),
                }
            }
            take(&news);
            if !verbose {
                here.sort_unstable_by_key(|it| it.1);
                here.dedup_by_key(|it| it.1);
            }
            prop_assert_eq!(told, here.len() as i32);
        }
    }
}
