//! The last messages, numbered.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gleis_broker::Json;
use gleis_patterns::Pattern;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::cursor::Cursor;

#[derive(Debug)]
pub(crate) struct Log {
    /// How many messages there were; told when there is one more.
    count: watch::Sender<u64>,
    epoch: u64,
    /// How many messages there were before this run.
    first: u64,
    kept: Mutex<Kept>,
    most: Most,
    /// Runs before this one, the oldest first.
    past: Vec<Run>,
}

/// What an earlier run of the bridge left. Between two runs nobody knows what was missed.
#[derive(Debug)]
struct Run {
    epoch: u64,
    /// How many messages there were before it.
    first: u64,
    /// The number of the last message that is known of.
    last: u64,
}

/// What is kept at most; the last message always is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
}

/// As many as may be whatever they weigh.
impl From<usize> for Most {
    fn from(messages: usize) -> Self {
        Self { bytes: usize::MAX, messages }
    }
}

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    /// The number of the last message.
    last: u64,
    // Invariant: the numbers rise, from one run to the next as well. One is missing only where messages
    // were lost.
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
    /// The cursor is of another log, or of none, or the bridge was away: nobody knows.
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

/// What a log begins with.
#[derive(Debug)]
pub(crate) struct Past {
    kept: Kept,
    most: Most,
    runs: Vec<Run>,
}

impl Past {
    pub(crate) fn new(most: Most) -> Self {
        Self { kept: Kept::default(), most, runs: Vec::new() }
    }

    /// Notes that a run began, or went on, here. `None` if that cannot be.
    pub(crate) fn begin(&mut self, at: Cursor) -> Option<()> {
        let number = at.number;
        if LAST < number {
            return None;
        }
        self.kept.last = self.kept.last.max(number);
        match self.runs.last_mut() {
            Some(run) if run.epoch == at.epoch => run.last = self.kept.last,
            _ => {
                let (first, last) = (self.kept.last, self.kept.last);
                self.runs.push(Run { epoch: at.epoch, first, last });
            }
        }
        if RUNS < self.runs.len() {
            self.runs.remove(0);
        }
        Some(())
    }

    /// The next message of the last run. `None` if that cannot be.
    pub(crate) fn push(&mut self, number: u64, message: Json) -> Option<()> {
        let run = self.runs.last_mut()?;
        if number <= self.kept.last || LAST < number {
            return None;
        }
        run.last = number;
        let cursor = Cursor { epoch: run.epoch, number };
        self.kept.push(Entry::new(cursor, message), self.most);
        Some(())
    }
}

impl Log {
    pub(crate) fn new(most: Most) -> Self {
        Self::going_on(Past::new(most))
    }

    /// A log in which the numbers go on where the last run ended, in an epoch of its own: what that run
    /// gave to readers may not be among what it left.
    pub(crate) fn going_on(past: Past) -> Self {
        let Past { kept, most, runs } = past;
        let mut epoch = fastrand::u64(..);
        while runs.iter().any(|it| it.epoch == epoch) {
            epoch = epoch.wrapping_add(1);
        }
        let (first, count) = (kept.last, watch::Sender::new(kept.last));
        Self { count, epoch, first, kept: Mutex::new(kept), most, past: runs }
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

    /// What is behind `after` up to where messages are missing, no more than `most` and at least one, and of
    /// these what `filter` wants.
    pub(crate) fn behind(&self, after: Cursor, most: impl Into<Most>, filter: &Filter) -> Behind {
        let most = most.into();
        let kept = self.kept.lock();
        let place = self.place(after, kept.last);
        let seen = place.map_or(0, |it| it.number);
        let next = kept.messages.partition_point(|it| it.cursor.number <= seen);
        let from = kept.messages.get(next).map_or(self.at(kept.last), |it| it.before());
        let missed = match place {
            Some(it) if it.epoch == from.epoch => match from.number.saturating_sub(it.number) {
                0 => Missed::Nothing,
                number => Missed::Some(number),
            },
            _ => Missed::Unknown,
        };
        let mut cursor = from;
        let (mut messages, mut n_bytes) = (Vec::new(), 0);
        for entry in kept.messages.range(next..).take(most.messages) {
            if entry.before() != cursor || most.bytes <= n_bytes {
                break;
            }
            cursor = entry.cursor;
            if filter.wants(&entry.message) {
                n_bytes += entry.message.bytes().len();
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

    /// A cursor as this log knows it; `None` if it gave none like that.
    fn place(&self, after: Cursor, last: u64) -> Option<Cursor> {
        let Cursor { epoch, number } = after;
        if epoch == self.epoch {
            return (self.first <= number && number <= last).then_some(after);
        }
        let run = self.past.iter().rfind(|it| it.epoch == epoch)?;
        // What that run gave and did not leave, the reader has.
        (run.first <= number).then_some(Cursor { epoch, number: number.min(run.last) })
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

/// So many earlier runs are remembered. A reader that comes from an older one gets all that is kept.
const RUNS: usize = 1_000;
/// No number is greater: there is always a next one.
const LAST: u64 = 1 << 62;

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

    fn left(log: &Log, past: Cursor) -> (Vec<Cursor>, Missed) {
        let behind = log.behind(past, 100, &Filter::default());
        (behind.messages.iter().map(|it| it.cursor).collect(), behind.missed)
    }

    #[test]
    fn a_reader_of_an_earlier_run_gets_the_rest_of_that_then_a_gap_then_what_is_new() {
        let message = || Json::parse("{}").unwrap();
        let at = |epoch, number| Cursor { epoch, number };
        let mut past = Past::new(Most { bytes: 1_000, messages: 100 });
        past.begin(at(1, 0)).unwrap();
        for number in [1, 2, 3] {
            past.push(number, message()).unwrap();
        }
        // A run in which nothing came, and one in which something was lost.
        past.begin(at(2, 3)).unwrap();
        past.begin(at(3, 3)).unwrap();
        past.push(4, message()).unwrap();
        past.begin(at(3, 6)).unwrap();
        past.push(7, message()).unwrap();
        assert_eq!(past.push(7, message()), None);
        assert_eq!(past.push(u64::MAX, message()), None);
        let log = Log::going_on(past);
        log.push(message());
        let new = log.epoch;
        assert_eq!(left(&log, at(1, 1)), (vec![at(1, 2), at(1, 3)], Missed::Nothing));
        // It had what the run did not leave.
        for end in [at(1, 3), at(1, 9), at(2, 3), at(2, 4)] {
            assert_eq!(left(&log, end), (vec![at(3, 4)], Missed::Unknown), "{end:?}");
        }
        assert_eq!(left(&log, at(3, 3)), (vec![at(3, 4)], Missed::Nothing));
        assert_eq!(left(&log, at(3, 4)), (vec![at(3, 7)], Missed::Some(2)));
        assert_eq!(left(&log, at(3, 7)), (vec![at(new, 8)], Missed::Unknown));
        assert_eq!(left(&log, at(new, 7)), (vec![at(new, 8)], Missed::Nothing));
        assert_eq!(left(&log, at(new, 8)), (vec![], Missed::Nothing));
        // Of nobody.
        for nonsense in [at(3, 2), at(new, 6), at(new, 9), at(5, 1)] {
            let all = left(&log, nonsense);
            assert_eq!((all.0.len(), all.1), (3, Missed::Unknown), "{nonsense:?}");
        }
        assert_eq!(log.last().0, 8);
    }

    #[test]
    fn no_more_runs_are_remembered_than_a_few() {
        let mut past = Past::new(Most { bytes: 1_000, messages: 100 });
        for epoch in 0..2 * RUNS as u64 {
            past.begin(Cursor { epoch, number: 0 }).unwrap();
        }
        assert_eq!(past.runs.len(), RUNS);
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
    fn what_is_taken_at_once_is_bounded_in_bytes_and_at_least_one_message() {
        let log = log(3);
        let take = |bytes| {
            let most = Most { bytes, messages: 100 };
            log.behind(log.at(0), most, &Filter::default()).cursor.number
        };
        assert_eq!([1, 15, usize::MAX].map(take), [1, 2, 3]);
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
