//! What one watcher has not seen yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use gleis_core::Name;

use crate::{Change, Record};

/// How many changes wait for a watcher at most.
const CAPACITY: usize = 1_024;

/// The queue of one watch. The present state is not queued but read off the table, name by name.
#[derive(Debug)]
pub(super) struct Feed {
    /// Which announcement of the closing the watcher has heard.
    heard_closing: u64,
    phase: Phase,
    queue: VecDeque<Note>,
    waker: Option<Waker>,
}

/// A change of one name. All watchers share its record, so all that wait together hold no more
/// than the last changes, however many they are.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) name: Name,
    /// `None`: unregistered.
    pub(super) record: Option<Arc<Record>>,
}

impl From<Note> for Change {
    fn from(Note { name, record }: Note) -> Self {
        match record {
            Some(record) => Self::Registered { name, record: (*record).clone() },
            None => Self::Unregistered { name },
        }
    }
}

#[derive(Debug)]
enum Phase {
    /// Nothing comes any more but what is queued.
    Ended,
    /// The queue overflowed: the present state is told again.
    Lagged,
    /// Everything was told but what is queued.
    Live,
    /// The present state was told up to this name.
    Syncing { told: Option<Name> },
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            heard_closing: 0,
            phase: Phase::Syncing { told: None },
            queue: VecDeque::new(),
            waker: None,
        }
    }
}

impl Feed {
    /// Takes note of a change.
    pub(super) fn push(&mut self, note: &Note, wakers: &mut Wakers) {
        let is_news = match &self.phase {
            Phase::Ended | Phase::Lagged => false,
            Phase::Live => true,
            // A name that was not told yet will be told as it then is.
            Phase::Syncing { told } => told.as_ref().is_some_and(|it| note.name <= *it),
        };
        if !is_news {
            return;
        }
        if self.queue.len() < CAPACITY {
            self.queue.push_back(note.clone());
        } else {
            self.queue = VecDeque::new();
            self.phase = Phase::Lagged;
        }
        self.wake(wakers);
    }

    /// Nothing comes any more.
    pub(super) fn end(&mut self, wakers: &mut Wakers) {
        self.phase = Phase::Ended;
        self.wake(wakers);
    }

    pub(super) fn wake(&mut self, wakers: &mut Wakers) {
        wakers.0.extend(self.waker.take());
    }

    /// True once for each announcement: the watcher hears of the closing before anything that waits.
    pub(super) fn tells_closing(&mut self, announcement: u64) -> bool {
        std::mem::replace(&mut self.heard_closing, announcement) != announcement
    }

    /// The next change; `next` reads the table behind a name.
    pub(super) fn poll_next(
        &mut self,
        is_current: bool,
        next: impl FnOnce(Option<&Name>) -> Option<Note>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Change>> {
        if let Some(note) = self.queue.pop_front() {
            return Poll::Ready(Some(note.into()));
        }
        match &mut self.phase {
            Phase::Ended => Poll::Ready(None),
            Phase::Lagged => {
                self.phase = Phase::Syncing { told: None };
                Poll::Ready(Some(Change::Lagged))
            }
            Phase::Syncing { told } if is_current => {
                let Some(note) = next(told.as_ref()) else {
                    self.phase = Phase::Live;
                    return Poll::Ready(Some(Change::Current));
                };
                *told = Some(note.name.clone());
                Poll::Ready(Some(note.into()))
            }
            Phase::Live | Phase::Syncing { .. } => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Those to wake once the lock is free: a waker may run code that comes back here.
#[derive(Debug, Default)]
pub(super) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(super) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}
