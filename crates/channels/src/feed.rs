//! What a subscriber wants and what came for it, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits, Message};
use gleis_core::CorrelationId;
use gleis_patterns::{Filter, Framed, HighWater};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::desk::{Answered, Job, Place};
use crate::error::RecvError;
use crate::handler::{Handler, guarded};
use crate::interests::Interests;
use crate::queue::Queue;
use crate::stats::FeedStats;
use crate::wire::{self, Change, Named};

/// So many changes are told one by one; when there are more, all that is wanted is told anew.
const CHANGES: usize = 1_000;

/// A publication as it came.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) body: Bytes,
    pub(crate) codec: Named,
    pub(crate) topic: Bytes,
}

impl Told {
    fn weight(&self) -> usize {
        self.body.len() + self.topic.len()
    }

    /// The value.
    ///
    /// # Errors
    /// [`RecvError::Decode`] and [`RecvError::UnknownCodec`].
    pub(crate) fn read<P: Message>(&self, limits: &Limits) -> Result<P, RecvError> {
        let unknown = |name: &String| RecvError::UnknownCodec { codec: name.clone() };
        let codec = self.codec.as_ref().map_err(unknown)?;
        codec.decode(&self.body, limits).map_err(RecvError::Decode)
    }
}

/// What came for whoever receives by hand.
pub(crate) enum Item {
    Gap(u64),
    Reply(CorrelationId, Answered, Place),
    /// A publication, and the state of the wishes by which it was wanted.
    Told(Told, u64),
}

impl Item {
    fn weight(&self) -> usize {
        match self {
            Self::Gap(_) | Self::Reply(_, Err(_), _) => 0,
            Self::Reply(_, Ok(body), _) => body.len(),
            Self::Told(told, _) => told.weight(),
        }
    }
}

/// The handler of a topic, if it has one.
pub(crate) type TopicHandler = Option<Handler<Told, ()>>;

pub(crate) struct Feed {
    /// What publications are most likely encoded by.
    pub(crate) codec: AnyCodec,
    came: AtomicU64,
    /// Up to which mark the publisher has done what was asked.
    done: watch::Sender<u64>,
    /// Some topic has, or had, a handler.
    has_handlers: AtomicBool,
    /// All that comes is for whoever receives by hand, so that the interests need not be asked.
    is_plain: AtomicBool,
    missed: AtomicU64,
    queue: Queue<Item>,
    state: Mutex<State>,
    unwanted: AtomicU64,
    /// Counts the changes of what is wanted.
    version: AtomicU64,
}

struct State {
    /// Instead of the changes all that is wanted is to be told.
    all: bool,
    changes: Vec<Change>,
    interests: Interests<TopicHandler>,
    mark: u64,
}

/// Who takes a publication.
#[derive(Default)]
struct Route {
    by_hand: bool,
    handled: bool,
}

impl Feed {
    pub(crate) fn new(
        mark: HighWater,
        codec: AnyCodec,
        wanted: Vec<(Filter, TopicHandler)>,
    ) -> Self {
        let mut interests = Interests::default();
        let has_handlers = wanted.iter().any(|it| it.1.is_some());
        for (filter, handler) in wanted {
            interests.insert(filter, handler);
        }
        let is_plain = !has_handlers && interests.want_everything();
        let state = State { all: true, changes: Vec::new(), interests, mark: 0 };
        Self {
            codec,
            came: AtomicU64::new(0),
            done: watch::Sender::new(0),
            has_handlers: AtomicBool::new(has_handlers),
            is_plain: AtomicBool::new(is_plain),
            missed: AtomicU64::new(0),
            queue: Queue::new(mark, Item::weight),
            state: Mutex::new(state),
            unwanted: AtomicU64::new(0),
            version: AtomicU64::new(0),
        }
    }

    pub(crate) fn stats(&self) -> FeedStats {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        FeedStats {
            came: read(&self.came),
            missed: read(&self.missed),
            unwanted: read(&self.unwanted),
            waiting: self.queue.len() as u64,
        }
    }

    /// From now on `filter` is wanted, too, or has another handler.
    pub(crate) fn add(&self, filter: Filter, handler: TopicHandler) {
        let mut state = self.state.lock();
        self.version.fetch_add(1, Ordering::Relaxed);
        if handler.is_some() {
            self.has_handlers.store(true, Ordering::Relaxed);
        }
        if state.interests.insert(filter.clone(), handler).is_none() {
            state.change(Change::Add(filter));
        }
        self.note_plain(&state);
    }

    /// False if there is no such subscription.
    pub(crate) fn remove(&self, filter: &Filter) -> bool {
        let mut state = self.state.lock();
        self.version.fetch_add(1, Ordering::Relaxed);
        let is_there = state.interests.remove(filter).is_some();
        self.note_plain(&state);
        if is_there {
            state.change(Change::Remove(filter.clone()));
        }
        is_there
    }

    fn note_plain(&self, state: &State) {
        let is_plain =
            !self.has_handlers.load(Ordering::Relaxed) && state.interests.want_everything();
        self.is_plain.store(is_plain, Ordering::Release);
    }

    pub(crate) fn n_filters(&self) -> usize {
        self.state.lock().interests.len()
    }

    /// The next thing to be told is all that is wanted.
    pub(crate) fn wish_all(&self) {
        self.state.lock().all = true;
    }

    /// What is to be told to the publisher now.
    pub(crate) fn wishes(&self) -> Framed {
        let mut state = self.state.lock();
        let mut changes = std::mem::take(&mut state.changes);
        if std::mem::take(&mut state.all) {
            changes = [Change::Clear].into_iter().collect();
            changes.extend(state.interests.filters().map(Change::Add));
        }
        state.mark += 1;
        wire::wish(state.mark, &changes)
    }

    /// The mark that the next wishes will have.
    pub(crate) fn next_mark(&self) -> u64 {
        self.state.lock().mark + 1
    }

    /// The publisher has done what was asked up to this mark.
    pub(crate) fn done(&self, mark: u64) {
        self.done.send_if_modified(|it| {
            let is_new = *it < mark;
            *it = mark.max(*it);
            is_new
        });
    }

    /// Waits until the publisher has done what was asked up to this mark.
    pub(crate) async fn until_done(&self, mark: u64) {
        // It lives as long as the feed.
        let _ = self.done.subscribe().wait_for(|it| mark <= *it).await;
    }

    /// A publication came; what is received by hand is put into `ready`.
    pub(crate) fn told(
        self: &Arc<Self>,
        missed: u64,
        told: Told,
        work: &Queue<Job>,
        ready: &mut VecDeque<Item>,
    ) {
        self.came.fetch_add(1, Ordering::Relaxed);
        let (route, version) = self.route(&told.topic);
        if 0 < missed && self.note_missed(missed, &route) {
            ready.push_back(Item::Gap(missed));
        }
        let Route { by_hand, handled } = route;
        match (by_hand, handled) {
            (true, false) => ready.push_back(Item::Told(told, version)),
            (true, true) => {
                work.push(self.job(told.clone()));
                ready.push_back(Item::Told(told, version));
            }
            (false, true) => work.push(self.job(told)),
            (false, false) => drop(self.unwanted.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Lets what is ready be received by hand.
    pub(crate) fn ready(&self, ready: &mut VecDeque<Item>) {
        self.queue.push_all(ready);
    }

    /// True while more may be read.
    pub(crate) fn has_room(&self) -> bool {
        !self.queue.is_full()
    }

    /// Until it is narrow again, there is room for as many as the mark in bytes allows.
    pub(crate) fn widen(&self) {
        self.queue.widen();
    }

    pub(crate) fn narrow(&self) {
        self.queue.narrow();
    }

    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.queue.poll_room(cx)
    }

    /// True if one task waits for what comes, and no handler.
    pub(crate) fn is_by_hand(&self) -> bool {
        !self.has_handlers.load(Ordering::Relaxed) && self.queue.n_takers() == 0
    }

    /// Counts what was missed; true if whoever receives by hand is to be told.
    fn note_missed(&self, missed: u64, route: &Route) -> bool {
        self.missed.fetch_add(missed, Ordering::Relaxed);
        let by_hand = route.by_hand || !route.handled;
        if !by_hand {
            tracing::warn!(target: "gleis::channels", missed, "publications were missed");
        }
        by_hand
    }

    /// Has all handlers of a publication run.
    fn job(self: &Arc<Self>, told: Told) -> Job {
        let (feed, bytes) = (self.clone(), told.weight());
        Job { bytes, work: Box::pin(async move { feed.handle(told).await }) }
    }

    /// What comes next, and is still wanted; `None` once the feed is closed. Whoever waits may
    /// [read](Queue::pop_by) it.
    pub(crate) async fn next(
        &self,
        mut read: impl FnMut(&mut Context<'_>) -> bool,
    ) -> Option<Item> {
        loop {
            let item = self.queue.pop_by(&mut read).await?;
            if self.keeps(&item) {
                return Some(item);
            }
        }
    }

    /// What is there, and is still wanted.
    pub(crate) fn try_next(&self) -> Option<Item> {
        loop {
            if self.queue.is_idle() {
                return None;
            }
            let item = self.queue.try_pop()?;
            if self.keeps(&item) {
                return Some(item);
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    fn keeps(&self, item: &Item) -> bool {
        let Item::Told(told, version) = item else {
            return true;
        };
        if *version == self.version.load(Ordering::Relaxed) {
            return true;
        }
        let is_wanted = self.route(&told.topic).0.by_hand;
        if !is_wanted {
            self.unwanted.fetch_add(1, Ordering::Relaxed);
        }
        is_wanted
    }

    /// Who takes a publication, as long as nothing changes.
    fn route(&self, topic: &[u8]) -> (Route, u64) {
        if self.is_plain.load(Ordering::Acquire) {
            let route = Route { by_hand: true, handled: false };
            return (route, self.version.load(Ordering::Relaxed));
        }
        let mut route = Route::default();
        let state = self.state.lock();
        state.interests.visit(topic, |handler| match handler {
            Some(_) => route.handled = true,
            None => route.by_hand = true,
        });
        (route, self.version.load(Ordering::Relaxed))
    }

    /// Has all handlers of a topic run, those that it has now.
    async fn handle(&self, told: Told) {
        let handlers: Vec<_> = {
            let state = self.state.lock();
            state.interests.matching(&told.topic).flatten().cloned().collect()
        };
        if handlers.is_empty() {
            self.unwanted.fetch_add(1, Ordering::Relaxed);
        }
        for handler in handlers {
            let again = told.clone();
            if let Err(error) = guarded(move || handler(again)).await {
                let topic = told.topic.escape_ascii().to_string();
                tracing::error!(target: "gleis::channels", topic, error, "a handler of publications failed");
            }
        }
    }
}

impl State {
    fn change(&mut self, change: Change) {
        if self.all || CHANGES <= self.changes.len() {
            self.changes.clear();
            self.all = true;
            return;
        }
        self.changes.push(change);
    }
}
