//! Readers, each of which has a place of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::Log;
use crate::correlated::error::ChannelError;
use crate::correlated::message::ChannelMessage;

/// How far a reader is.
#[derive(Default)]
pub(super) struct Reader {
    /// The number of the next message.
    next: u64,
    /// Messages that were claimed when it passed them: it gets them when they are given back.
    passed: BTreeSet<u64>,
}

impl Log {
    /// Up to `limit` messages that `reader` has not read; a new one begins with the oldest. With `after`
    /// it goes on behind that message, wherever it was.
    ///
    /// # Errors
    /// [`ChannelError::TooManyReaders`] and [`ChannelError::UnknownMessage`].
    pub(crate) fn read(
        &mut self,
        reader: &str,
        limit: usize,
        after: Option<&str>,
        now: Instant,
    ) -> Result<Vec<Arc<ChannelMessage>>, ChannelError> {
        self.maintain(now);
        let mut place = match self.readers.remove(reader) {
            Some(place) => place,
            None if self.rules.max_readers <= self.readers.len() => {
                return Err(ChannelError::TooManyReaders { limit: self.rules.max_readers });
            }
            None => Reader::default(),
        };
        let moved = after.map(|id| self.place_after(id)).transpose();
        let read = moved.map(|moved| {
            if let Some(next) = moved {
                place = Reader { next, passed: BTreeSet::new() };
            }
            self.read_on(reader, &mut place, limit)
        });
        self.readers.insert(reader.to_owned(), place);
        read
    }

    /// Lets go of a reader; it begins anew when it reads again. False if there is none.
    pub(crate) fn forget(&mut self, reader: &str) -> bool {
        self.readers.remove(reader).is_some()
    }

    fn place_after(&self, id: &str) -> Result<u64, ChannelError> {
        let seq =
            self.ids.get(id).ok_or_else(|| ChannelError::UnknownMessage { id: id.to_owned() });
        seq.map(|it| it + 1)
    }

    fn read_on(&self, reader: &str, place: &mut Reader, limit: usize) -> Vec<Arc<ChannelMessage>> {
        let mut messages = Vec::new();
        let is_mine = |it: &ChannelMessage| {
            !self.rules.kind.is_personal() || it.recipient.as_ref().is_none_or(|it| it == reader)
        };
        let passed: Vec<u64> = place.passed.iter().copied().collect();
        for seq in passed {
            if limit <= messages.len() {
                return messages;
            }
            match self.entry(seq) {
                Some(entry) if entry.held.is_some() => continue,
                Some(entry) => messages.push(entry.message.clone()),
                None => (),
            }
            place.passed.remove(&seq);
        }
        place.next = place.next.max(self.first);
        while messages.len() < limit && place.next < self.end() {
            match self.entry(place.next) {
                Some(entry) if !is_mine(&entry.message) => (),
                Some(entry) if entry.held.is_some() => drop(place.passed.insert(place.next)),
                Some(entry) => messages.push(entry.message.clone()),
                None => (),
            }
            place.next += 1;
        }
        messages
    }
}
