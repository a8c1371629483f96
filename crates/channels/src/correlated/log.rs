//! The log behind a correlated channel. It has no clock: it is told what time it is.

mod claims;
mod readers;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::claims::Held;
use self::readers::Reader;
use super::error::ChannelError;
use super::message::ChannelMessage;
use super::rules::Rules;

/// The books of a channel; `written = kept + evicted + done + cleared` at every moment.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LogStats {
    /// About how many bytes the messages in the log keep.
    pub bytes: u64,
    /// Messages that are claimed now.
    pub claimed: u64,
    /// Messages that somebody cleared.
    pub cleared: u64,
    /// Messages that were acknowledged, and are gone.
    pub done: u64,
    /// Messages that gave way to newer ones, or became too old.
    pub evicted: u64,
    /// Messages in the log.
    pub kept: u64,
    /// Claims that timed out.
    pub reclaimed: u64,
    /// Messages that were refused for want of room.
    pub refused: u64,
    /// Messages that were written.
    pub written: u64,
}

impl LogStats {
    /// True if every message is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.written == self.kept + self.evicted + self.done + self.cleared
    }
}

/// Proof of a claim: what a message is acknowledged or given back with. It is good once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClaimToken {
    lease: u64,
    seq: u64,
}

/// A message that nobody else gets, until it is acknowledged, given back, or the claim times out.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// How often the message was claimed, this time included.
    pub deliveries: u32,
    /// The message.
    pub message: Arc<ChannelMessage>,
    /// What to acknowledge it with, or give it back.
    pub token: ClaimToken,
}

/// Messages in the order they came, numbered from 0 on; a number is never used again.
pub(crate) struct Log {
    /// Messages of each correlation id, in order.
    correlated: HashMap<String, Vec<u64>>,
    // Invariant: the first one is there; those that are gone in between are `None`.
    entries: VecDeque<Option<Entry>>,
    expiry: BTreeSet<(Instant, u64)>,
    /// The number of the first entry.
    first: u64,
    ids: HashMap<String, u64>,
    last_lease: u64,
    readers: HashMap<String, Reader>,
    /// What may be claimed.
    free: BTreeSet<u64>,
    pub(crate) rules: Rules,
    stats: LogStats,
}

struct Entry {
    came: Instant,
    deliveries: u32,
    held: Option<Held>,
    message: Arc<ChannelMessage>,
    weight: usize,
}

/// Messages from some number on.
pub(crate) struct Since {
    pub(crate) messages: Vec<Arc<ChannelMessage>>,
    /// How many were gone before.
    pub(crate) missed: u64,
    /// Where to go on.
    pub(crate) next: u64,
}

/// How a message left the log.
#[derive(Clone, Copy)]
enum Left {
    Cleared,
    Done,
    Evicted,
}

impl Log {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            correlated: HashMap::new(),
            entries: VecDeque::new(),
            expiry: BTreeSet::new(),
            first: 0,
            ids: HashMap::new(),
            last_lease: 0,
            readers: HashMap::new(),
            free: BTreeSet::new(),
            rules,
            stats: LogStats::default(),
        }
    }

    pub(crate) fn stats(&self) -> LogStats {
        let claimed = self.expiry.len() as u64;
        LogStats { claimed, ..self.stats.clone() }
    }

    /// The number of the oldest message.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next message will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Appends a message; older ones give way.
    ///
    /// # Errors
    /// [`ChannelError::DuplicateId`] and [`ChannelError::Full`].
    pub(crate) fn append(
        &mut self,
        message: Arc<ChannelMessage>,
        now: Instant,
    ) -> Result<u64, ChannelError> {
        if self.ids.contains_key(&message.id) {
            return Err(ChannelError::DuplicateId { id: message.id.clone() });
        }
        let weight = message.weight();
        self.make_room(weight, now)?;
        let seq = self.end();
        self.ids.insert(message.id.clone(), seq);
        if let Some(id) = &message.correlation_id {
            self.correlated.entry(id.clone()).or_default().push(seq);
        }
        if self.rules.kind.claims() {
            self.free.insert(seq);
        }
        self.stats.bytes += weight as u64;
        self.stats.kept += 1;
        self.stats.written += 1;
        self.entries.push_back(Some(Entry {
            came: now,
            deliveries: 0,
            held: None,
            message,
            weight,
        }));
        Ok(seq)
    }

    /// A message of this correlation that is not `except`.
    pub(crate) fn correlated(&self, id: &str, except: &str) -> Option<Arc<ChannelMessage>> {
        let mut seqs = self.correlated.get(id)?.iter();
        seqs.find_map(|it| self.entry(*it).filter(|it| it.message.id != except))
            .map(|it| it.message.clone())
    }

    /// Up to `limit` messages from the number `from` on.
    pub(crate) fn since(&self, from: u64, limit: usize) -> Since {
        let begin = from.max(self.first);
        let mut since =
            Since { messages: Vec::new(), missed: begin - from.min(begin), next: begin };
        let at = (begin - self.first) as usize;
        for entry in self.entries.range(at.min(self.entries.len())..) {
            if limit <= since.messages.len() {
                break;
            }
            since.messages.extend(entry.as_ref().map(|it| it.message.clone()));
            since.next += 1;
        }
        since
    }

    /// Lets go of what is too old, and of claims that time out.
    pub(crate) fn maintain(&mut self, now: Instant) {
        self.reclaim(now);
        if let Some(age) = self.rules.max_age {
            while self.oldest().is_some_and(|it| it.came + age <= now) {
                self.evict();
            }
        }
    }

    /// When there is something to maintain.
    pub(crate) fn next_moment(&self) -> Option<Instant> {
        let too_old = self.rules.max_age.and_then(|age| self.oldest()?.came.checked_add(age));
        let claim = self.expiry.first().map(|(at, _)| *at);
        too_old.into_iter().chain(claim).min()
    }

    /// Lets go of all messages. Readers stay where they are: they have missed nothing.
    pub(crate) fn clear(&mut self) {
        for seq in self.first..self.end() {
            self.remove(seq, Left::Cleared);
        }
        self.trim();
    }

    fn make_room(&mut self, weight: usize, now: Instant) -> Result<(), ChannelError> {
        self.maintain(now);
        let (most, bytes) = (self.rules.max_count.max(1) as u64, self.rules.max_bytes as u64);
        let fits = |it: &LogStats| it.kept < most && it.bytes + weight as u64 <= bytes;
        while !fits(&self.stats) {
            let is_empty = self.stats.kept == 0;
            if is_empty || !self.rules.kind.evicts() {
                self.stats.refused += 1;
                return Err(ChannelError::Full);
            }
            self.evict();
        }
        Ok(())
    }

    fn oldest(&self) -> Option<&Entry> {
        self.entries.front().and_then(Option::as_ref)
    }

    fn evict(&mut self) {
        self.remove(self.first, Left::Evicted);
        self.trim();
    }

    fn remove(&mut self, seq: u64, left: Left) {
        let Some(at) = self.index(seq) else {
            return;
        };
        let Some(entry) = self.entries[at].take() else {
            return;
        };
        self.ids.remove(&entry.message.id);
        self.forget_correlation(seq, &entry.message);
        self.free.remove(&seq);
        if let Some(held) = entry.held {
            self.expiry.remove(&(held.until, seq));
        }
        let stats = &mut self.stats;
        stats.bytes -= entry.weight as u64;
        stats.kept -= 1;
        *match left {
            Left::Cleared => &mut stats.cleared,
            Left::Done => &mut stats.done,
            Left::Evicted => &mut stats.evicted,
        } += 1;
    }

    fn forget_correlation(&mut self, seq: u64, message: &ChannelMessage) {
        let Some(id) = &message.correlation_id else {
            return;
        };
        if let Some(seqs) = self.correlated.get_mut(id) {
            seqs.retain(|it| *it != seq);
            if seqs.is_empty() {
                self.correlated.remove(id);
            }
        }
    }

    /// Lets the first entry be one that is there.
    fn trim(&mut self) {
        while let Some(None) = self.entries.front() {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    fn index(&self, seq: u64) -> Option<usize> {
        let at = seq.checked_sub(self.first)? as usize;
        (at < self.entries.len()).then_some(at)
    }

    fn entry(&self, seq: u64) -> Option<&Entry> {
        self.entries[self.index(seq)?].as_ref()
    }

    fn entry_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let at = self.index(seq)?;
        self.entries[at].as_mut()
    }
}

#[cfg(test)]
mod tests;
