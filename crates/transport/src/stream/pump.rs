//! Delivering what arrives: by a task, or by whoever waits for it.
//!
//! A task per connection costs a switch between tasks per message when messages come one by one.
//! So whoever waits may read [directly](Pump::poll_direct): the connection then wakes that task
//! alone. The pump's own task only looks now and then whether somebody still does so, and takes
//! over when not: PINGs are answered and the peer's end is noticed though nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::CloseReason;
use crate::fate::Fate;
use crate::inbox::Inbox;
use crate::message::Inbound;
use crate::stream::reader::StreamReader;

/// How many items are delivered at a time.
const BATCH: usize = 128;
/// A buffer for more items than this is not kept while nothing comes.
const KEEP: usize = 64;
/// How long after the last direct read the pump's task takes over, twice at most.
const WATCH: Duration = Duration::from_millis(10);

/// The reader of a connection and the inbox it fills.
pub(crate) struct Pump {
    /// Wakes the task while somebody reads directly.
    called: Notify,
    fate: Arc<Fate>,
    inbox: Arc<dyn Inbox>,
    /// A copy of what the state knows, for a look without the lock.
    is_direct: AtomicBool,
    state: Mutex<State>,
}

struct State {
    batch: Vec<Inbound>,
    /// Met by a direct reader, for the task to tell.
    ended: Option<CloseReason>,
    /// Somebody else reads; the task only watches.
    is_direct: bool,
    reader: Box<StreamReader>,
    /// The task, while it waits for the connection.
    task: Option<Waker>,
    /// Somebody read directly since the task looked last.
    was_polled: bool,
}

impl Pump {
    pub(crate) fn new(reader: Box<StreamReader>, inbox: Arc<dyn Inbox>) -> Arc<Self> {
        let fate = reader.link().fate.clone();
        let state = State {
            batch: Vec::new(),
            ended: None,
            is_direct: false,
            reader,
            task: None,
            was_polled: false,
        };
        let is_direct = AtomicBool::new(false);
        Arc::new(Self { called: Notify::new(), fate, inbox, is_direct, state: Mutex::new(state) })
    }

    /// The task: delivers until the end.
    pub(crate) async fn run(self: Arc<Self>) {
        let reason = loop {
            self.watch().await;
            if let Err(reason) = self.step().await {
                break reason;
            }
        };
        self.inbox.closed(reason);
    }

    /// One delivery, when there is room for it. `Ok` also when somebody else has begun to read.
    async fn step(&self) -> Result<(), CloseReason> {
        if !self.inbox.has_room() {
            tokio::select! {
                biased;
                () = self.fate.wait() => {
                    return Err(self.fate.reason().unwrap_or(CloseReason::Here));
                }
                waited = std::future::poll_fn(|cx| self.poll_room(cx)) => waited?,
            }
        }
        std::future::poll_fn(|cx| self.poll_deliver(cx)).await
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        match self.inbox.poll_room(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => match self.state.lock().reader.poll_paused(cx) {
                Ok(()) => Poll::Pending,
                Err(reason) => Poll::Ready(Err(reason)),
            },
        }
    }

    fn poll_deliver(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut state = self.state.lock();
        if let Some(reason) = state.ended.take() {
            return Poll::Ready(Err(reason));
        }
        if state.is_direct {
            return Poll::Ready(Ok(()));
        }
        state.task = Some(cx.waker().clone());
        Poll::Ready(ready!(state.poll_deliver(cx, &*self.inbox)))
    }

    /// Waits until nobody reads directly any more.
    async fn watch(&self) {
        while self.is_watching() {
            // Either way it is looked again.
            let _ = tokio::time::timeout(WATCH, self.called.notified()).await;
        }
    }

    fn is_watching(&self) -> bool {
        let mut state = self.state.lock();
        let was_polled = std::mem::take(&mut state.was_polled);
        state.is_direct &= was_polled && state.ended.is_none();
        self.is_direct.store(state.is_direct, Ordering::Relaxed);
        state.is_direct
    }

    /// Delivers what is there from the caller's task; true if something was. If nothing was, the
    /// caller is woken when something comes, and nobody else is, until it stops asking.
    pub(crate) fn poll_direct(&self, cx: &mut Context<'_>) -> bool {
        // Whoever has the lock delivers, and wakes the caller by the inbox.
        let Some(mut state) = self.state.try_lock() else { return false };
        if state.ended.is_some() {
            return false;
        }
        state.was_polled = true;
        let begins = !std::mem::replace(&mut state.is_direct, true);
        self.is_direct.store(true, Ordering::Relaxed);
        let task = if begins { state.task.take() } else { None };
        let polled = state.poll_deliver(cx, &*self.inbox);
        if let Poll::Ready(Err(reason)) = &polled {
            state.ended = Some(reason.clone());
            self.called.notify_one();
        }
        drop(state);
        if let Some(task) = task {
            // It begins to watch.
            task.wake();
        }
        matches!(polled, Poll::Ready(Ok(())))
    }

    /// Hands reading back to the task: several wait now, and the connection wakes only one.
    pub(crate) fn give_up(&self) {
        // Whoever became direct just now is seen next time, at the latest by the watching task.
        if !self.is_direct.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        if std::mem::take(&mut state.is_direct) {
            self.is_direct.store(false, Ordering::Relaxed);
            state.was_polled = false;
            drop(state);
            self.called.notify_one();
        }
    }
}

impl State {
    /// Reads and delivers. Under the lock, so that what two of them deliver stays in order.
    fn poll_deliver(
        &mut self,
        cx: &mut Context<'_>,
        inbox: &dyn Inbox,
    ) -> Poll<Result<(), CloseReason>> {
        let polled = self.reader.poll_recv_many(cx, &mut self.batch, BATCH);
        if polled.is_pending() && KEEP < self.batch.capacity() {
            self.batch = Vec::new();
        }
        ready!(polled)?;
        inbox.deliver_all(&mut self.batch);
        Poll::Ready(Ok(()))
    }
}
