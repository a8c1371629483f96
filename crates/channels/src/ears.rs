//! What the asking side of a channel hears, in the task that reads it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use gleis_codec::{AnyCodec, Limits};
use gleis_patterns::{Framed, Hearer};

use crate::desk::{Answered, Desk, Ended, Job, Over, Way};
use crate::feed::{Feed, Item};
use crate::queue::Queue;
use crate::wire::{self, Down};

/// What whoever asks keeps beside its links.
pub(crate) struct Ears {
    /// Where it connects to or listens, for whoever reads the log.
    pub(crate) at: String,
    pub(crate) codec: AnyCodec,
    pub(crate) desk: Desk,
    /// Of a channel that publications come in on.
    pub(crate) feed: Option<Arc<Feed>>,
    pub(crate) limits: Limits,
    /// What handlers have to do, in order.
    pub(crate) work: Queue<Job>,
}

impl Ears {
    /// Nothing comes any more, and what is in flight is over.
    pub(crate) fn end(&self) {
        self.tell(self.desk.close());
        if let Some(feed) = &self.feed {
            feed.close();
        }
    }

    /// The next peer is told all that is wanted.
    pub(crate) fn wish(&self) {
        if let Some(feed) = &self.feed {
            feed.wish_all();
            self.desk.wish();
        }
    }

    /// Tells whoever asked what became of requests.
    pub(crate) fn tell(&self, ended: Ended) {
        let mut ready = VecDeque::new();
        self.tell_before(ended, &mut ready);
        self.feed_ready(&mut ready);
    }

    /// As [`tell`](Self::tell); what is received by hand is put into `ready`.
    fn tell_before(&self, ended: Ended, ready: &mut VecDeque<Item>) {
        let Ended { late, over, wakers } = ended;
        wakers.into_iter().for_each(Waker::wake);
        for Over { answered, id, place, teller } in over {
            match teller {
                Way::Feed => ready.push_back(Item::Reply(id, answered, place)),
                Way::Handler(handler) => {
                    let work = handler(id, answered);
                    let work = Box::pin(async move {
                        work.await;
                        drop(place);
                    });
                    self.work.push(Job { bytes: 0, work });
                }
            }
        }
        for id in late {
            let peer = &self.at;
            tracing::warn!(target: "gleis::channels", id, %peer, "ignored a reply to an unknown request");
        }
    }

    fn feed_ready(&self, ready: &mut VecDeque<Item>) {
        if let Some(feed) = self.feed.as_ref().filter(|_| !ready.is_empty()) {
            feed.ready(ready);
        }
    }

    /// Hears answers alone.
    fn hear_answers(&self, peer: u64, messages: &mut dyn Iterator<Item = Framed>) {
        let (mut ended, mut n_unreadable) = (Ended::default(), 0);
        let answers = messages.filter_map(|message| match wire::read_down(message, &self.codec) {
            Some(Down::Answer { id, body }) => Some((id, Ok(body))),
            Some(Down::Failure { id, why, text }) => Some((id, Err(why.error(text)))),
            Some(Down::Done { .. } | Down::Told { .. }) | None => {
                n_unreadable += 1;
                None
            }
        });
        self.desk.answered(peer, answers, &mut ended);
        self.count_unreadable(n_unreadable);
        self.tell(ended);
    }

    /// Hears publications, and what else there is among them, in order.
    fn hear_feed(&self, feed: &Arc<Feed>, peer: u64, messages: &mut dyn Iterator<Item = Framed>) {
        let (mut ready, mut n_unreadable) = (VecDeque::new(), 0);
        let answered = |id: u64, answered: Answered, ready: &mut VecDeque<Item>| {
            let mut ended = Ended::default();
            self.desk.answered(peer, std::iter::once((id, answered)), &mut ended);
            self.tell_before(ended, ready);
        };
        for message in messages {
            match wire::read_down(message, &feed.codec) {
                Some(Down::Told { missed, told }) => {
                    feed.told(missed, told, &self.work, &mut ready);
                }
                Some(Down::Answer { id, body }) => answered(id, Ok(body), &mut ready),
                Some(Down::Failure { id, why, text }) => {
                    answered(id, Err(why.error(text)), &mut ready);
                }
                Some(Down::Done { mark }) => feed.done(mark),
                None => n_unreadable += 1,
            }
        }
        self.count_unreadable(n_unreadable);
        self.feed_ready(&mut ready);
    }

    fn count_unreadable(&self, messages: u64) {
        if 0 < messages {
            self.desk.unreadable(messages);
        }
    }

    /// The task in which handlers run, one at a time.
    pub(crate) async fn handle(self: Arc<Self>) {
        while let Some(job) = self.work.pop().await {
            // Handlers catch their panics, but what reads an answer may panic, too.
            if AssertUnwindSafe(job.work).catch_unwind().await.is_err() {
                tracing::error!(target: "gleis::channels", "what reads an answer panicked");
            }
            // A long row of handlers that do not wait leaves the runtime time for others.
            tokio::task::coop::consume_budget().await;
        }
    }
}

impl Hearer for Ears {
    fn came(&self, _: u64) {
        self.wish();
    }

    fn gone(&self, peer: u64) {
        self.tell(self.desk.lose(peer));
    }

    fn hear(&self, peer: u64, messages: &mut dyn Iterator<Item = Framed>) {
        match &self.feed {
            Some(feed) => self.hear_feed(feed, peer, messages),
            None => self.hear_answers(peer, messages),
        }
    }

    fn has_room(&self) -> bool {
        // An answer is taken by its request or dropped: nothing waits without a place.
        self.feed.as_ref().is_none_or(|it| it.has_room() && !self.work.is_full())
    }

    fn narrow(&self) {
        if let Some(feed) = &self.feed {
            feed.narrow();
        }
    }

    fn widen(&self) {
        if let Some(feed) = &self.feed {
            feed.widen();
        }
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(feed) = &self.feed else {
            return Poll::Ready(());
        };
        // Both are asked, so that each wakes the task.
        let polled = [feed.poll_room(cx), self.work.poll_room(cx)];
        if polled.iter().all(Poll::is_ready) { Poll::Ready(()) } else { Poll::Pending }
    }
}
