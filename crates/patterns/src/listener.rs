//! One subscriber, as its publisher sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use gleis_transport::{Broadcast, Control};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::commands::Word;
use crate::error::SendError;
use crate::filter::Filter;
use crate::filters::Filters;
use crate::options::Overflow;
use crate::peer::Link;
use crate::route::Given;

/// A peer, what it wants and what it missed.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) ear: Arc<Ear>,
    pub(crate) link: Arc<Link>,
}

/// What is known of a listener beside its link.
#[derive(Default)]
pub(crate) struct Ear {
    /// A copy of what the wishes say, for a look without the lock.
    anything: AtomicBool,
    /// The same.
    everything: AtomicBool,
    /// Dropped since it was last told.
    missed: AtomicU64,
    pub(crate) wishes: Mutex<Wishes>,
}

#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) filters: Filters,
    /// The link is over.
    pub(crate) gone: bool,
    /// Why the link is to be ended.
    pub(crate) refused: Option<String>,
    /// From now on the link may be ended from within its inbox.
    pub(crate) settled: bool,
}

impl Ear {
    /// To be called when `wishes`, which are its own and locked, have changed; keeps count of those
    /// that want anything.
    pub(crate) fn note_change(&self, wishes: &Wishes, n_subscribers: &AtomicUsize) {
        self.everything.store(wishes.filters.want_everything(), Ordering::Release);
        let wants_any = !wishes.filters.is_empty();
        match (self.anything.swap(wants_any, Ordering::Relaxed), wants_any) {
            (false, true) => n_subscribers.fetch_add(1, Ordering::AcqRel),
            (true, false) => n_subscribers.fetch_sub(1, Ordering::AcqRel),
            _ => return,
        };
    }
}

impl Listener {
    #[inline]
    pub(crate) fn wants(&self, topic: &[u8]) -> bool {
        let ear = &*self.ear;
        ear.everything.load(Ordering::Acquire) || ear.wishes.lock().filters.want(topic)
    }

    pub(crate) fn wants_any(&self) -> bool {
        self.ear.anything.load(Ordering::Acquire)
    }

    /// Messages are encoded alike for links of one kind.
    pub(crate) fn kind(&self) -> (bool, &'static str) {
        (self.link.is_local(), self.link.codec.name())
    }

    /// Gives it a message that it wants if there is room and nothing to tell first; most messages go
    /// this way.
    #[inline]
    pub(crate) fn give_lightly(&self, message: &Broadcast) -> bool {
        self.ear.missed.load(Ordering::Relaxed) == 0 && self.link.give_lightly(message)
    }

    /// Gives it a message that it wants; false if there was no room, or none until then.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    pub(crate) async fn give(
        &self,
        message: &Broadcast,
        overflow: Overflow,
        until: Option<Instant>,
    ) -> Result<bool, SendError> {
        self.tell_gap();
        let outcome = self.link.give(message, overflow, until).await?;
        self.note(outcome);
        Ok(outcome != Given::Full)
    }

    /// As [`give`](Self::give), at once or not at all.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    pub(crate) fn give_now(
        &self,
        message: &Broadcast,
        overflow: Overflow,
    ) -> Result<bool, SendError> {
        self.tell_gap();
        let outcome = self.link.give_now(message, overflow)?;
        self.note(outcome);
        Ok(outcome != Given::Full)
    }

    fn note(&self, outcome: Given) {
        let n_missed = match outcome {
            Given::Displaced(n_given_up) => n_given_up,
            Given::Full => 1,
            Given::Gone | Given::Taken => 0,
        };
        self.miss(n_missed);
    }

    /// Messages were lost that it might have got: it is told before the next one.
    pub(crate) fn miss(&self, messages: u64) {
        if 0 < messages {
            let more = |it: u64| Some(it.saturating_add(messages));
            let _ = self.ear.missed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        }
    }

    /// Tells it what it missed, as soon as there is room for what comes after that.
    fn tell_gap(&self) {
        let missed = &self.ear.missed;
        if missed.load(Ordering::Relaxed) == 0 || !self.link.sender.has_room() {
            return;
        }
        let missed = missed.swap(0, Ordering::Relaxed);
        if 0 < missed {
            self.link.say(Word::Gap(missed));
        }
    }
}

/// What one subscriber may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WishLimits {
    /// The length of a filter, in bytes.
    pub(crate) bytes: usize,
    /// How many filters.
    pub(crate) filters: usize,
}

/// A change of what a peer wants.
pub(crate) enum Change {
    Add(Filter),
    Remove(Filter),
}

impl Change {
    /// What `control` asks for, if it is such a thing.
    ///
    /// # Errors
    /// Why the peer cannot be served.
    pub(crate) fn read(control: Control, limits: &WishLimits) -> Result<Option<Self>, String> {
        let command = match control {
            // A prefix is a copy already: it pins no read buffer.
            Control::Cancel(prefix) => return Ok(Some(Self::Remove(Filter::Prefix(prefix)))),
            Control::Subscribe(prefix) => return Ok(Some(Self::Add(Filter::Prefix(prefix)))),
            Control::Command(command) => command,
        };
        match Word::read(&command) {
            // One byte says which kind of filter it is.
            Some(Word::Filter(text)) if limits.bytes.saturating_add(1) < text.len() => {
                Err(format!("a filter of more than {} bytes", limits.bytes))
            }
            Some(Word::Filter(text)) => match Filter::read(&text) {
                Some(filter) => Ok(Some(Self::Add(filter))),
                None => Err("a filter that is not known here".to_owned()),
            },
            Some(Word::Unfilter(text)) => Ok(Filter::read(&text).map(Self::Remove)),
            _ => Ok(None),
        }
    }
}
