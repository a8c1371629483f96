//! The last messages, numbered.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gleis_broker::Json;
use gleis_patterns::Pattern;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::cursor::Cursor;

pub(crate) struct Log {
    /// How many messages there were; told when there is one more.
    count: watch::Sender<u64>,
    epoch: u64,
    kept: Mutex<Kept>,
    most: Most,
}

/// What is kept at most; the last message always is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    /// The number of the last message.
    last: u64,
    // Invariant: the numbers rise. One is missing only where messages were lost.
    messages: VecDeque<Arc<Entry>>,
}

/// A message in the log.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Behind it.
    pub(crate) cursor: Cursor,
    /// As it is written for readers of events, once for all of them, when the first one wants it.
    pub(crate) event: OnceLock<Bytes>,
    pub(crate) message: Json,
}

impl Entry {
    fn new(cursor: Cursor, message: Json) -> Arc<Self> {
        Arc::new(Self { cursor, event: OnceLock::new(), message })
    }

    /// The cursor of whoever has all but this.
    fn before(&self) -> Cursor {
        Cursor { number: self.cursor.number - 1, ..self.cursor }
    }
}

/// What is behind a cursor.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Where the reader is now.
    pub(crate) cursor: Cursor,
    /// Where it was after what it missed.
    pub(crate) from: Cursor,
    pub(crate) messages: Vec<Arc<Entry>>,
    pub(crate) missed: Missed,
}

/// What a reader did not get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Missed {
    Nothing,
    /// So many messages of this log.
    Some(u64),
    /// The cursor is of another log, or of none: nobody knows.
    Unknown,
}

impl Missed {
    /// Both, as one gap.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Nothing, it) | (it, Self::Nothing) => it,
            (Self::Some(one), Self::Some(two)) => Self::Some(one + two),
        }
    }
}

impl Log {
    pub(crate) fn new(most: Most) -> Self {
        let (count, kept) = (watch::Sender::new(0), Mutex::default());
        Self { count, epoch: fastrand::u64(..), kept, most }
    }

    pub(crate) fn push(&self, message: Json) {
        let last = {
            let mut kept = self.kept.lock();
            let cursor = self.at(kept.last + 1);
            kept.push(Entry::new(cursor, message), self.most);
            kept.last
        };
        self.count.send_replace(last);
    }

    /// Notes that so many messages were lost before they came here: all readers have a gap.
    pub(crate) fn skip(&self, missed: u64) {
        let last = {
            let mut kept = self.kept.lock();
            kept.last += missed;
            kept.last
        };
        self.count.send_replace(last);
    }

    /// How many messages there were.
    pub(crate) fn count(&self) -> u64 {
        self.kept.lock().last
    }

    /// Where the next message will be behind.
    pub(crate) fn end(&self) -> Cursor {
        self.at(self.count())
    }

    /// How many messages there were, the last one that is kept, and where that was.
    pub(crate) fn last(&self) -> (u64, Cursor, Option<Json>) {
        let kept = self.kept.lock();
        match kept.messages.back() {
            None => (kept.last, self.at(kept.last), None),
            Some(it) => (kept.last, it.cursor, Some(it.message.clone())),
        }
    }

    /// What is behind `after` up to where messages are missing, no more than `most`, and of these what
    /// `filter` wants.
    pub(crate) fn behind(&self, after: Cursor, most: usize, filter: &Filter) -> Behind {
        let kept = self.kept.lock();
        let is_ours = after.epoch == self.epoch && after.number <= kept.last;
        let seen = if is_ours { after.number } else { 0 };
        let next = kept.messages.partition_point(|it| it.cursor.number <= seen);
        let from = kept.messages.get(next).map_or(self.at(kept.last), |it| it.before());
        let missed = match from.number.saturating_sub(after.number) {
            _ if !is_ours => Missed::Unknown,
            0 => Missed::Nothing,
            number => Missed::Some(number),
        };
        let mut cursor = from;
        let mut messages = Vec::new();
        for entry in kept.messages.range(next..).take(most) {
            if entry.before() != cursor {
                break;
            }
            cursor = entry.cursor;
            if filter.wants(&entry.message) {
                messages.push(entry.clone());
            }
        }
        Behind { cursor, from, messages, missed }
    }

    /// Waits until there is something behind `after`.
    pub(crate) async fn wait(&self, after: Cursor) {
        if after.epoch == self.epoch {
            // The log lives as long as whoever waits.
            let _ = self.count.subscribe().wait_for(|it| after.number < *it).await;
        }
    }

    fn at(&self, number: u64) -> Cursor {
        Cursor { epoch: self.epoch, number }
    }
}

impl Kept {
    fn push(&mut self, entry: Arc<Entry>, most: Most) {
        self.bytes += weight(&entry);
        self.last = entry.cursor.number;
        self.messages.push_back(entry);
        while 1 < self.messages.len()
            && (most.messages < self.messages.len() || most.bytes < self.bytes)
        {
            let oldest = self.messages.pop_front();
            self.bytes -= oldest.as_deref().map_or(0, weight);
        }
    }
}

fn weight(entry: &Entry) -> usize {
    entry.message.bytes().len()
}

/// Which messages a reader wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter(pub(crate) Option<Pattern>);

impl Filter {
    fn wants(&self, message: &Json) -> bool {
        let fits = |it: &Pattern| message.kind().is_some_and(|kind| it.matches(kind.as_bytes()));
        self.0.as_ref().is_none_or(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(n: u64) -> Log {
        let log = Log::new(Most { bytes: 1_000, messages: 3 });
        for n in 1..=n {
            log.push(Json::parse(format!("{{\"type\":\"t.{n}\"}}")).unwrap());
        }
        log
    }

    fn behind(log: &Log, number: u64) -> (Vec<u64>, Missed) {
        let behind = log.behind(log.at(number), 100, &Filter::default());
        (behind.messages.iter().map(|it| it.cursor.number).collect(), behind.missed)
    }

    #[test]
    fn a_reader_gets_what_is_behind_its_cursor_or_is_told_what_is_gone() {
        let log = log(5);
        assert_eq!(behind(&log, 5), (vec![], Missed::Nothing));
        assert_eq!(behind(&log, 3), (vec![4, 5], Missed::Nothing));
        assert_eq!(behind(&log, 2), (vec![3, 4, 5], Missed::Nothing));
        assert_eq!(behind(&log, 0), (vec![3, 4, 5], Missed::Some(2)));
        // Of the future, and of another log.
        assert_eq!(behind(&log, 6), (vec![3, 4, 5], Missed::Unknown));
        let other = Cursor { epoch: log.epoch.wrapping_add(1), number: 5 };
        assert_eq!(log.behind(other, 100, &Filter::default()).missed, Missed::Unknown);
    }

    #[test]
    fn what_was_lost_before_the_log_is_a_gap_of_all() {
        let log = log(2);
        log.skip(3);
        assert_eq!(behind(&log, 2), (vec![], Missed::Some(3)));
        assert_eq!(behind(&log, 5), (vec![], Missed::Nothing));
        // What came before is still there for whoever has not got it.
        assert_eq!(behind(&log, 1), (vec![2], Missed::Nothing));
        log.push(Json::parse("{}").unwrap());
        assert_eq!(behind(&log, 0), (vec![1, 2], Missed::Nothing));
        assert_eq!(behind(&log, 2), (vec![6], Missed::Some(3)));
        assert_eq!(behind(&log, 4), (vec![6], Missed::Some(1)));
    }

    #[test]
    fn a_filter_moves_the_cursor_over_what_it_does_not_want() {
        let log = log(3);
        let filter = Filter(Some(Pattern::new("t.2").unwrap()));
        let behind = log.behind(log.at(0), 100, &filter);
        assert_eq!((behind.messages.len(), behind.cursor.number), (1, 3));
        assert_eq!(log.behind(log.at(0), 1, &filter).cursor.number, 1);
    }

    #[test]
    fn bytes_are_bounded_but_the_last_message_is_kept() {
        let log = Log::new(Most { bytes: 100, messages: 100 });
        for _ in 0..10 {
            log.push(Json::parse(format!("{{\"text\":\"{}\"}}", "x".repeat(40))).unwrap());
        }
        assert_eq!(log.kept.lock().messages.len(), 1);
        log.push(Json::parse(format!("{{\"text\":\"{}\"}}", "x".repeat(400))).unwrap());
        assert_eq!(log.kept.lock().messages.len(), 1);
    }
}
