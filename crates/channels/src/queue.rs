//! A queue between a task that reads and whoever takes what was read.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use gleis_transport::HighWater;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// A queue with a mark: whoever can wait [asks before](Self::has_room_now); what was read at once, and what
/// is bounded elsewhere, by the places among the requests in flight, is put in.
pub(crate) struct Queue<T> {
    came: Notify,
    /// True from the mark until half of it is left, for a look without the lock: whoever reads what is put
    /// in then goes on for a while.
    full: AtomicBool,
    left: Notify,
    /// How many items there are, as those see it that do not lock.
    len: AtomicUsize,
    mark: HighWater,
    state: Mutex<State<T>>,
    /// How many bytes an item keeps.
    weigh: fn(&T) -> usize,
}

struct State<T> {
    /// Of all that waits.
    bytes: usize,
    closed: bool,
    items: VecDeque<T>,
    /// How many wait for items: telling nobody costs more than asking.
    n_takers: usize,
    /// How many wait for room.
    n_waiting: usize,
    /// How many want the mark of items not to count for whoever reads.
    n_wide: usize,
    /// The tasks that read and wait until it is not full any more, each once.
    readers: Vec<Waker>,
}

impl<T> Queue<T> {
    pub(crate) fn new(mark: HighWater, weigh: fn(&T) -> usize) -> Self {
        // Without room for one item none would ever go in.
        let mark = HighWater { messages: mark.messages.max(1), bytes: mark.bytes.max(1) };
        let items = VecDeque::new();
        let readers = Vec::new();
        let (n_takers, n_waiting, n_wide) = Default::default();
        let state = State { bytes: 0, closed: false, items, n_takers, n_waiting, n_wide, readers };
        let (came, full, left, len) = Default::default();
        Self { came, full, left, len, mark, state: Mutex::new(state), weigh }
    }

    fn has_room(&self, state: &State<T>) -> bool {
        state.items.len() < self.mark.messages && state.bytes < self.mark.bytes
    }

    fn put(&self, state: &mut State<T>, item: T) {
        state.bytes += (self.weigh)(&item);
        state.items.push_back(item);
    }

    /// Puts `item` in, whatever the mark says; a closed queue drops it.
    pub(crate) fn push(&self, item: T) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        self.put(&mut state, item);
        self.tell(state);
    }

    /// Puts all of `items` in, in order, whatever the mark says; a closed queue drops them.
    pub(crate) fn push_all(&self, items: &mut VecDeque<T>) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return items.clear();
        }
        state.bytes += items.iter().map(self.weigh).sum::<usize>();
        state.items.append(items);
        self.tell(state);
    }

    /// True if less waits than the mark allows.
    pub(crate) fn has_room_now(&self) -> bool {
        let state = self.state.lock();
        state.closed || self.has_room(&state)
    }

    /// True from the mark until half of it is left.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Ready unless it is full; then the task is woken when it is not any more.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        let mut state = self.state.lock();
        if !self.is_full() {
            return Poll::Ready(());
        }
        if !state.readers.iter().any(|it| it.will_wake(cx.waker())) {
            state.readers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Until it is [narrow](Self::narrow) again, whoever reads has room for as many as the mark in bytes
    /// allows.
    pub(crate) fn widen(&self) {
        self.change_width(|it| it + 1);
    }

    pub(crate) fn narrow(&self) {
        self.change_width(|it| it.saturating_sub(1));
    }

    fn change_width(&self, change: impl FnOnce(usize) -> usize) {
        let mut state = self.state.lock();
        state.n_wide = change(state.n_wide);
        let readers = self.note(&mut state);
        drop(state);
        readers.into_iter().for_each(Waker::wake);
    }

    /// Notes how full it is; gives back whom to wake.
    fn note(&self, state: &mut State<T>) -> Vec<Waker> {
        self.len.store(state.items.len(), Ordering::Release);
        let messages = if 0 < state.n_wide { 0 } else { state.items.len() };
        let bytes = state.bytes;
        if self.mark.messages <= messages || self.mark.bytes <= bytes {
            self.full.store(!state.closed, Ordering::Release);
        } else if messages <= self.mark.messages / 2 && bytes <= self.mark.bytes / 2 {
            self.full.store(false, Ordering::Release);
            return std::mem::take(&mut state.readers);
        }
        Vec::new()
    }

    /// Tells one of those that wait for items.
    fn tell(&self, mut state: MutexGuard<'_, State<T>>) {
        let readers = self.note(&mut state);
        // One more makes no room.
        debug_assert!(readers.is_empty());
        let is_awaited = 0 < state.n_takers;
        drop(state);
        if is_awaited {
            self.came.notify_one();
        }
    }

    /// Waits until less waits than the mark allows, or the queue is closed.
    pub(crate) async fn room(&self) {
        let has_room = |it: &State<T>| it.closed || self.has_room(it);
        if has_room(&self.state.lock()) {
            return;
        }
        let _waiting = Waiting::new(self, |it| &mut it.n_waiting);
        loop {
            let mut left = pin!(self.left.notified());
            left.as_mut().enable();
            if has_room(&self.state.lock()) {
                return;
            }
            left.await;
        }
    }

    /// Drops what does not stay.
    pub(crate) fn retain(&self, stays: impl FnMut(&T) -> bool) {
        let mut stays = stays;
        let dropped = {
            let mut state = self.state.lock();
            let all = std::mem::take(&mut state.items);
            let (kept, dropped): (VecDeque<T>, VecDeque<T>) =
                all.into_iter().partition(|it| stays(it));
            state.bytes -= dropped.iter().map(self.weigh).sum::<usize>();
            state.items = kept;
            let readers = self.note(&mut state);
            drop(state);
            readers.into_iter().for_each(Waker::wake);
            dropped
        };
        if !dropped.is_empty() {
            self.left.notify_waiters();
        }
    }

    /// The oldest item; `None` once the queue is closed.
    pub(crate) async fn pop(&self) -> Option<T> {
        self.pop_by(|_| false).await
    }

    /// As [`pop`](Self::pop), where whoever waits may `read` what is put in: true if something came. If
    /// not, `read` has the task woken when something comes.
    pub(crate) async fn pop_by(&self, mut read: impl FnMut(&mut Context<'_>) -> bool) -> Option<T> {
        loop {
            match self.look() {
                Looked::Item(item) => return Some(item),
                Looked::Closed => return None,
                Looked::Empty => (),
            }
            // What it puts in itself it need not be told of.
            if poll_fn(|cx| Poll::Ready(read(cx))).await {
                continue;
            }
            let _waiting = Waiting::new(self, |it| &mut it.n_takers);
            let mut came = pin!(self.came.notified());
            // From here on it is told of what comes.
            came.as_mut().enable();
            match self.look() {
                Looked::Item(item) => return Some(item),
                Looked::Closed => return None,
                Looked::Empty => (),
            }
            let mut is_woken = false;
            poll_fn(|cx| match std::mem::replace(&mut is_woken, true) {
                // By the queue or by what is read.
                true => Poll::Ready(()),
                false => came.as_mut().poll(cx),
            })
            .await;
        }
    }

    /// How many wait for items.
    pub(crate) fn n_takers(&self) -> usize {
        self.state.lock().n_takers
    }

    /// The oldest item, if there is one.
    pub(crate) fn try_pop(&self) -> Option<T> {
        match self.look() {
            Looked::Item(item) => Some(item),
            Looked::Closed | Looked::Empty => None,
        }
    }

    /// True if nothing was there a moment ago, which costs less to ask than to look.
    pub(crate) fn is_idle(&self) -> bool {
        self.len.load(Ordering::Acquire) == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Drops what waits and wakes all that wait.
    pub(crate) fn close(&self) {
        let items = {
            let mut state = self.state.lock();
            (state.closed, state.bytes) = (true, 0);
            let items = std::mem::take(&mut state.items);
            (items, self.note(&mut state))
        };
        let (items, readers) = items;
        drop(items);
        readers.into_iter().for_each(Waker::wake);
        self.came.notify_waiters();
        self.left.notify_waiters();
        // For one that is about to wait.
        self.came.notify_one();
    }

    fn look(&self) -> Looked<T> {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            // The next one has to see it, too.
            self.came.notify_one();
            return Looked::Closed;
        }
        let Some(item) = state.items.pop_front() else {
            return Looked::Empty;
        };
        state.bytes -= (self.weigh)(&item);
        let readers = self.note(&mut state);
        // Several may have come with one notice, for several that wait.
        let has_more = 0 < state.n_takers && !state.items.is_empty();
        let is_wanted = 0 < state.n_waiting;
        drop(state);
        readers.into_iter().for_each(Waker::wake);
        if has_more {
            self.came.notify_one();
        }
        if is_wanted {
            self.left.notify_waiters();
        }
        Looked::Item(item)
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a, T> {
    count: fn(&mut State<T>) -> &mut usize,
    queue: &'a Queue<T>,
}

impl<'a, T> Waiting<'a, T> {
    fn new(queue: &'a Queue<T>, count: fn(&mut State<T>) -> &mut usize) -> Self {
        *count(&mut queue.state.lock()) += 1;
        Self { count, queue }
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        // Nobody need be told who waits no more.
        *(self.count)(&mut self.queue.state.lock()) -= 1;
    }
}

enum Looked<T> {
    Closed,
    Empty,
    Item(T),
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Room for one item, or for some bytes, of which an item has as many as it says.
    fn narrow(bytes: usize) -> Queue<usize> {
        let messages = if bytes == usize::MAX { 1 } else { usize::MAX };
        Queue::new(HighWater { messages, bytes }, |it| *it)
    }

    #[tokio::test]
    async fn bytes_are_bounded_as_well() {
        let queue = narrow(10);
        for n in [9, 9] {
            assert!(queue.has_room_now());
            queue.push(n);
        }
        assert!(!queue.has_room_now());
        queue.pop().await;
        assert!(queue.has_room_now());
        queue.push(2);
        queue.retain(|it| *it != 9);
        for n in [7, 7] {
            assert!(queue.has_room_now());
            queue.push(n);
        }
        assert_eq!((queue.len(), queue.has_room_now()), (3, false));
    }

    #[tokio::test]
    async fn items_leave_in_the_order_they_came() {
        let queue = narrow(usize::MAX);
        queue.push(1);
        queue.push(2);
        assert_eq!(queue.pop().await, Some(1));
        assert_eq!((queue.try_pop(), queue.try_pop()), (Some(2), None));
    }

    #[tokio::test]
    async fn what_can_wait_waits_for_room() {
        let queue = narrow(usize::MAX);
        queue.push(1);
        assert!(!queue.has_room_now());
        let mut room = pin!(queue.room());
        assert!(room.as_mut().now_or_never().is_none());
        assert_eq!(queue.pop().await, Some(1));
        room.await;
        queue.push(2);
        assert_eq!(queue.pop().await, Some(2));
    }

    #[tokio::test]
    async fn whoever_reads_goes_on_when_half_is_left() {
        let queue = Queue::new(HighWater { messages: 4, bytes: usize::MAX }, |_: &usize| 0);
        queue.push_all(&mut (0..5).collect());
        let mut room = pin!(poll_fn(|cx| queue.poll_room(cx)));
        for n in 0..3 {
            assert!(queue.is_full() && room.as_mut().now_or_never().is_none());
            assert_eq!(queue.pop().await, Some(n));
        }
        assert!(!queue.is_full());
        room.await;
    }

    #[tokio::test]
    async fn a_wide_queue_has_room_as_far_as_the_bytes_allow() {
        let queue = Queue::new(HighWater { messages: 1, bytes: 10 }, |it: &usize| *it);
        queue.push(1);
        assert!(queue.is_full());
        queue.widen();
        assert!(!queue.is_full());
        queue.push(9);
        assert!(queue.is_full());
        queue.pop().await;
        queue.pop().await;
        queue.narrow();
        queue.push(1);
        assert!(queue.is_full());
    }

    #[tokio::test]
    async fn whoever_waits_may_read_itself() {
        let queue = narrow(usize::MAX);
        let mut n_reads = 0;
        let read = |_: &mut Context<'_>| {
            n_reads += 1;
            queue.push(7);
            true
        };
        assert_eq!(queue.pop_by(read).await, Some(7));
        assert_eq!((n_reads, queue.n_takers()), (1, 0));
    }

    #[tokio::test]
    async fn closing_wakes_all_that_wait() {
        let queue = narrow(usize::MAX);
        queue.push(1);
        let mut room = pin!(queue.room());
        let mut reading = pin!(poll_fn(|cx| queue.poll_room(cx)));
        assert!(room.as_mut().now_or_never().is_none());
        assert!(reading.as_mut().now_or_never().is_none());
        queue.close();
        room.await;
        reading.await;
        assert_eq!((queue.pop().await, queue.pop().await), (None, None));
    }
}
