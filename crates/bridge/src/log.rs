//! The last messages, numbered.

use std::collections::VecDeque;

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
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    /// The number of the last message.
    last: u64,
    // Invariant: the last ones, without a hole.
    messages: VecDeque<Json>,
}

/// What is behind a cursor.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Where the reader is now.
    pub(crate) cursor: Cursor,
    pub(crate) messages: Vec<(Cursor, Json)>,
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

impl Log {
    pub(crate) fn new(most: Most) -> Self {
        let (count, kept) = (watch::Sender::new(0), Mutex::default());
        Self { count, epoch: fastrand::u64(..), kept, most }
    }

    pub(crate) fn push(&self, message: Json) {
        let last = {
            let mut kept = self.kept.lock();
            kept.bytes += weight(&message);
            kept.last += 1;
            kept.messages.push_back(message);
            while 1 < kept.messages.len()
                && (self.most.messages < kept.messages.len() || self.most.bytes < kept.bytes)
            {
                let oldest = kept.messages.pop_front();
                kept.bytes -= oldest.as_ref().map_or(0, weight);
            }
            kept.last
        };
        self.count.send_replace(last);
    }

    /// Notes that so many messages were lost before they came here: all readers have a gap.
    pub(crate) fn skip(&self, missed: u64) {
        let last = {
            let mut kept = self.kept.lock();
            kept.last += missed;
            (kept.bytes, kept.messages) = Default::default();
            kept.last
        };
        self.count.send_replace(last);
    }

    /// Where the next message will be behind.
    pub(crate) fn end(&self) -> Cursor {
        self.at(self.kept.lock().last)
    }

    /// Where the log begins, as far as it is kept.
    pub(crate) fn last(&self) -> (Cursor, Option<Json>) {
        let kept = self.kept.lock();
        (self.at(kept.last), kept.messages.back().cloned())
    }

    /// What is behind `after`, no more than `most` messages, and of these what `filter` wants.
    pub(crate) fn behind(&self, after: Cursor, most: usize, filter: &Filter) -> Behind {
        let kept = self.kept.lock();
        let first = kept.last - kept.messages.len() as u64;
        let is_ours = after.epoch == self.epoch && after.number <= kept.last;
        let (from, missed) = match after.number {
            _ if !is_ours => (first, Missed::Unknown),
            number if number < first => (first, Missed::Some(first - number)),
            number => (number, Missed::Nothing),
        };
        let skipped = (from - first) as usize;
        let numbered = (from + 1..).zip(kept.messages.iter().skip(skipped)).take(most);
        let mut cursor = self.at(from);
        let mut messages = Vec::new();
        for (number, message) in numbered {
            cursor.number = number;
            if filter.wants(message) {
                messages.push((cursor, message.clone()));
            }
        }
        cursor.epoch = self.epoch;
        Behind { cursor, messages, missed }
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

fn weight(message: &Json) -> usize {
    message.bytes().len()
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
        (behind.messages.iter().map(|it| it.0.number).collect(), behind.missed)
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
