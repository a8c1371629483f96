//! Peers that are connected but have not said HELLO: bounded in number and time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Who waits in front of the door, oldest first.
#[derive(Debug)]
pub(super) struct Lobby {
    most: usize,
    /// In the order of their coming; those that have left since are skipped.
    order: VecDeque<(Instant, Bytes)>,
    patience: Duration,
    visitors: HashMap<Bytes, Visitor>,
}

#[derive(Debug)]
struct Visitor {
    address: String,
    deadline: Instant,
}

impl Lobby {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { most: most.max(1), order: VecDeque::new(), patience, visitors: HashMap::new() }
    }

    /// Takes in a peer. Returns the oldest one if there are too many now.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        id: Bytes,
        address: String,
    ) -> Option<(Bytes, String)> {
        let deadline = now + self.patience;
        self.visitors.insert(id.clone(), Visitor { address, deadline });
        self.order.push_back((deadline, id));
        if self.order.len() > 2 * self.visitors.len() + 64 {
            let visitors = &self.visitors;
            self.order.retain(|(at, id)| visitors.get(id).is_some_and(|it| it.deadline == *at));
        }
        if self.visitors.len() <= self.most {
            return None;
        }
        self.oldest().and_then(|(_, id)| self.leave(&id).map(|address| (id, address)))
    }

    /// A peer goes: it has said something, or is gone. Returns its address if it was here.
    pub(super) fn leave(&mut self, id: &Bytes) -> Option<String> {
        self.visitors.remove(id).map(|it| it.address)
    }

    /// The oldest peer and its deadline.
    fn oldest(&mut self) -> Option<(Instant, Bytes)> {
        while let Some((at, id)) = self.order.front() {
            if self.visitors.get(id).is_some_and(|it| it.deadline == *at) {
                return Some((*at, id.clone()));
            }
            self.order.pop_front();
        }
        None
    }

    /// When the next one has waited too long.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        self.oldest().map(|(at, _)| at)
    }

    /// A peer that has waited too long.
    pub(super) fn expired(&mut self, now: Instant) -> Option<(Bytes, String)> {
        let (at, id) = self.oldest()?;
        if now < at {
            return None;
        }
        self.leave(&id).map(|address| (id, address))
    }

    /// Everybody.
    pub(super) fn clear(&mut self) -> Vec<Bytes> {
        self.order.clear();
        self.visitors.drain().map(|(id, _)| id).collect()
    }
}
