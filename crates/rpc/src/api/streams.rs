//! The streams that callers have open here.
//!
//! Nothing is sent that was not asked for: a caller grants so many items, and asks with `next_items` for what
//! there is of them. That is answered as soon as there is one, with all that there are, or with none after a
//! while, so that each side knows of the other.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use futures::stream::StreamExt;
use futures::{FutureExt, poll};
use gleis_core::Value;
use gleis_patterns::Asker;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::api::builder::Hooks;
use crate::api::running::{gone, within};
use crate::api::streaming::Items;
use crate::events::Received;
use crate::message::Message;

/// Asks for items of a stream.
pub(crate) const NEXT: &str = "next_items";
/// Said by a caller who wants a stream: how many items he takes before he asks for more.
pub(crate) const CREDIT: &str = "credit";
/// So many streams one caller may have open, if not said otherwise.
pub(crate) const OPEN: usize = 32;
/// So many items are granted at once.
pub(crate) const MOST: usize = 1_024;
/// So many bytes, more or less, wait on each side; one item may be larger.
pub(crate) const BYTES: usize = 1 << 20;

/// So many bytes, more or less, go at once; one item may be larger.
const BATCH: usize = 256 << 10;
/// A stream of which nobody asks for items so long is dropped.
const LEASE: Duration = Duration::from_secs(60);
/// How long whoever asks waits at most, if there is nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long at least.
const PACE: Duration = Duration::from_millis(1);
/// So many requests for items of one stream wait to be looked at.
const PULLS: usize = 4;

/// The streams of each caller: by the connection that they were asked for on, if there is one, and the id of
/// the call.
pub(crate) struct Streams {
    /// So many of one caller.
    most: usize,
    open: Mutex<HashMap<Option<Asker>, HashMap<String, Open>>>,
}

struct Open {
    pulls: mpsc::Sender<Pull>,
    _task: TaskGuard,
}

/// A request for items.
struct Pull {
    back: Back,
    /// So many more items may be taken; `None` if whoever asks wants none now, and is still there.
    credit: Option<usize>,
    heartbeat: Duration,
}

/// Where items go.
pub(crate) enum Back {
    Fetched(oneshot::Sender<Result<Value, String>>),
    Received(Received),
}

/// Whether a method that gives a stream, or none, is asked for what it gives.
pub(crate) fn fits(name: &str, streams: bool, message: &Message) -> Result<(), String> {
    match (streams, message.meta.contains_key(CREDIT)) {
        (true, false) => Err(format!("{name} gives a stream: call it as one")),
        (false, true) => Err(format!("{name} gives no stream")),
        _ => Ok(()),
    }
}

impl Streams {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Opens a stream for whoever called it; its id is that of the call.
    pub(crate) fn open(
        self: &Arc<Self>,
        asker: Option<&Asker>,
        message: &Message,
        items: Items,
        hooks: Hooks,
    ) -> Result<Value, String> {
        let id = message.id();
        let credit = message.meta.get(CREDIT).and_then(Value::as_u64).unwrap_or_default();
        let asker = asker.cloned();
        let mut all = self.open.lock();
        let open = all.get(&asker);
        if self.most <= open.map_or(0, HashMap::len) {
            return Err(format!("too many open streams: {} are allowed", self.most));
        }
        if id.is_empty() || open.is_some_and(|it| it.contains_key(id)) {
            return Err("a stream needs an id of its own".to_owned());
        }
        let place =
            Place { asker: asker.clone(), id: id.to_owned(), streams: Arc::downgrade(self) };
        let (pulls, asked) = mpsc::channel(PULLS);
        let stream = Stream {
            credit: granted(credit),
            hooks,
            over: None,
            pulls: asked,
            ready: VecDeque::new(),
            source: Some(items),
            until: Instant::now() + LEASE,
            waiting: None,
            weight: 0,
        };
        let _task = TaskGuard::spawn(async move { stream.run(&place).await });
        let open = all.entry(asker).or_default();
        open.insert(id.to_owned(), Open { pulls, _task });
        Ok(Value::from(id))
    }

    /// Ends a stream; false if there is none of this id (any more).
    pub(crate) fn end(&self, asker: Option<&Asker>, id: &str) -> bool {
        let mut all = self.open.lock();
        let asker = asker.cloned();
        let Some(open) = all.get_mut(&asker) else {
            return false;
        };
        let ended = open.remove(id);
        if open.is_empty() {
            all.remove(&asker);
        }
        drop(all);
        ended.is_some()
    }

    /// Passes a request for items on to its stream.
    pub(crate) async fn pull(
        &self,
        asker: Option<&Asker>,
        message: &Message,
        back: Back,
        hooks: &Hooks,
    ) {
        let id = message.args.first().and_then(Value::as_str).unwrap_or_default();
        let credit = message.args.get(1).and_then(Value::as_u64).map(granted);
        let heartbeat = within(message).map_or(HEARTBEAT, |it| it / 2).clamp(PACE, HEARTBEAT);
        let pull = Pull { back, credit, heartbeat };
        let pulls = {
            let all = self.open.lock();
            let open = all.get(&asker.cloned()).and_then(|it| it.get(id));
            open.map(|it| it.pulls.clone())
        };
        let refused = match pulls {
            Some(pulls) => pulls.try_send(pull).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(pull),
        };
        if let Some(pull) = refused {
            let text = "there is no such stream (any more), or it is asked too often";
            pull.back.answer(Err(text.to_owned()), hooks).await;
        }
    }
}

fn granted(credit: u64) -> usize {
    usize::try_from(credit).map_or(MOST, |it| it.min(MOST))
}

/// The place of a stream among those that are open.
struct Place {
    asker: Option<Asker>,
    id: String,
    streams: Weak<Streams>,
}

impl Drop for Place {
    fn drop(&mut self) {
        // However the stream ends.
        if let Some(streams) = self.streams.upgrade() {
            streams.end(self.asker.as_ref(), &self.id);
        }
    }
}

/// One stream: what was taken from its source and not sent.
struct Stream {
    /// So many more items may be taken.
    credit: usize,
    hooks: Hooks,
    /// Nothing comes any more, or an error.
    over: Option<Result<(), String>>,
    pulls: mpsc::Receiver<Pull>,
    ready: VecDeque<(Value, usize)>,
    source: Option<Items>,
    /// When nothing is to be said, or nobody asks any more.
    until: Instant,
    waiting: Option<Pull>,
    weight: usize,
}

impl Stream {
    async fn run(mut self, place: &Place) {
        let mut gone = pin!(gone(place.asker.as_ref()));
        loop {
            let may_take = self.may_take();
            let is_there = !self.ready.is_empty() || self.over.is_some();
            tokio::select! {
                biased;
                () = &mut gone => return,
                pull = self.pulls.recv() => match pull {
                    Some(pull) => self.asked(pull).await,
                    None => return,
                },
                // Whoever asks has all that is there without waiting.
                () = std::future::ready(()), if is_there && self.waiting.is_some() => {
                    self.take_ready().await;
                    if self.send().await {
                        return;
                    }
                }
                item = next(&mut self.source), if may_take => self.take(item),
                // Nobody asks any more, or nothing is there for whoever does.
                () = sleep_until(self.until) => if self.waiting.is_none() || self.send().await {
                    return;
                },
            }
        }
    }

    fn may_take(&self) -> bool {
        self.over.is_none() && 0 < self.credit && self.weight < BYTES
    }

    async fn asked(&mut self, pull: Pull) {
        let none = || Ok(Batch::default().write());
        // Whoever asks again has lost what it asked before.
        if let Some(older) = self.waiting.take() {
            older.back.answer(none(), &self.hooks).await;
        }
        let Some(credit) = pull.credit else {
            self.until = Instant::now() + LEASE;
            pull.back.answer(none(), &self.hooks).await;
            return;
        };
        self.credit = (self.credit + credit).min(MOST);
        self.until = Instant::now() + pull.heartbeat;
        self.waiting = Some(pull);
    }

    fn take(&mut self, item: Option<Result<Value, String>>) {
        match item {
            Some(Ok(value)) => {
                let weight = weight(&value);
                self.credit -= 1;
                self.weight += weight;
                self.ready.push_back((value, weight));
            }
            Some(Err(text)) => self.over = Some(Err(text)),
            None => self.over = Some(Ok(())),
        }
        if self.over.is_some() {
            self.source = None;
        }
    }

    /// Takes what needs no waiting for.
    async fn take_ready(&mut self) {
        while self.may_take() {
            let item = poll!(pin!(next(&mut self.source)));
            match item {
                Poll::Ready(item) => self.take(item),
                Poll::Pending => return,
            }
        }
    }

    /// Answers whoever asks with what there is; true if that was the last.
    async fn send(&mut self) -> bool {
        let Some(pull) = self.waiting.take() else {
            return false;
        };
        let (mut items, mut sum) = (Vec::new(), 0);
        while sum < BATCH
            && let Some((value, weight)) = self.ready.pop_front()
        {
            items.push(value);
            sum += weight;
        }
        self.weight -= sum;
        self.until = Instant::now() + LEASE;
        let over = if self.ready.is_empty() { self.over.take() } else { None };
        let is_over = over.is_some();
        let is_told = pull.back.answer(Ok(Batch { items, over }.write()), &self.hooks).await;
        is_over || !is_told
    }
}

/// The next item; a source that panics is over.
async fn next(source: &mut Option<Items>) -> Option<Result<Value, String>> {
    let item = AssertUnwindSafe(source.as_mut()?.next()).catch_unwind().await;
    item.unwrap_or_else(|_| Some(Err("the handler panicked".to_owned())))
}

impl Back {
    /// Answers; false if that was not told, or not what was to be told.
    async fn answer(self, told: Result<Value, String>, hooks: &Hooks) -> bool {
        let received = match self {
            Self::Fetched(back) => return back.send(told).is_ok(),
            Self::Received(received) => received,
        };
        let mut answer = told.map_or_else(Message::error, Message::new);
        let hooked = hooks.outgoing_caught(&mut answer);
        let sent = received.answer(answer).await;
        hooked && sent.is_ok()
    }
}

/// Items as they are told.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Value>,
    /// What comes after them if nothing more does: the end, or an error.
    pub(crate) over: Option<Result<(), String>>,
}

impl Batch {
    fn write(self) -> Value {
        let over = match self.over {
            Some(Ok(())) => Some(("end", Value::from(true))),
            Some(Err(text)) => Some(("error", Value::from(text))),
            None => None,
        };
        let told = [("items", Value::List(self.items))].into_iter().chain(over);
        Value::Map(told.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// How many bytes a value takes, more or less.
pub(crate) fn weight(value: &Value) -> usize {
    const EACH: usize = 8;
    EACH + match value {
        Value::Bytes(it) => it.len(),
        Value::List(it) => it.iter().map(weight).sum(),
        Value::Map(it) => it.iter().map(|it| EACH + it.0.len() + weight(it.1)).sum(),
        Value::String(it) => it.len(),
        _ => 0,
    }
}
