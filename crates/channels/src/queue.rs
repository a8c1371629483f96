//! A queue between a task that reads and whoever takes what was read.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use gleis_transport::HighWater;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// A queue with a mark: what can wait is put in [when there is room](Self::push_when_room); what is
/// bounded elsewhere, by the places among the requests in flight, is put in at once.
pub(crate) struct Queue<T> {
    came: Notify,
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
}

impl<T> Queue<T> {
    pub(crate) fn new(mark: HighWater, weigh: fn(&T) -> usize) -> Self {
        // Without room for one item none would ever go in.
        let mark = HighWater { messages: mark.messages.max(1), bytes: mark.bytes.max(1) };
        let items = VecDeque::new();
        let state = State { bytes: 0, closed: false, items, n_takers: 0, n_waiting: 0 };
        let (came, left, len) = Default::default();
        Self { came, left, len, mark, state: Mutex::new(state), weigh }
    }

    fn has_room(&self, state: &State<T>) -> bool {
        state.items.len() < self.mark.messages && state.bytes < self.mark.bytes
    }

    fn put(&self, state: &mut State<T>, item: T) {
        state.bytes += (self.weigh)(&item);
        state.items.push_back(item);
    }

    /// Puts all of `items` in, if there is room for all.
    fn put_all(&self, state: &mut State<T>, items: &mut VecDeque<T>) {
        let bytes = state.bytes + items.iter().map(self.weigh).sum::<usize>();
        if state.items.len() + items.len() <= self.mark.messages && bytes <= self.mark.bytes {
            state.bytes = bytes;
            state.items.append(items);
        }
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

    /// Tells one of those that wait for items.
    fn tell(&self, state: MutexGuard<'_, State<T>>) {
        self.len.store(state.items.len(), Ordering::Release);
        let is_awaited = 0 < state.n_takers;
        drop(state);
        if is_awaited {
            self.came.notify_one();
        }
    }

    /// Puts `item` in if less waits than the mark allows; a closed queue drops it.
    ///
    /// # Errors
    /// It is full: the item comes back.
    pub(crate) fn try_push(&self, item: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.closed {
            return Ok(());
        }
        if !self.has_room(&state) {
            return Err(item);
        }
        self.put(&mut state, item);
        self.tell(state);
        Ok(())
    }

    /// Puts all of `items` in, in order, as soon as there is room for each.
    pub(crate) async fn push_all_when_room(&self, items: &mut VecDeque<T>) {
        while !items.is_empty() {
            {
                let mut state = self.state.lock();
                if state.closed {
                    items.clear();
                }
                self.put_all(&mut state, items);
                while self.has_room(&state)
                    && let Some(item) = items.pop_front()
                {
                    self.put(&mut state, item);
                }
                self.tell(state);
            }
            if !items.is_empty() {
                self.room().await;
            }
        }
    }

    /// Puts `item` in as soon as less waits than the mark allows.
    pub(crate) async fn push_when_room(&self, mut item: T) {
        while let Err(back) = self.try_push(item) {
            item = back;
            self.room().await;
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
            self.len.store(state.items.len(), Ordering::Release);
            dropped
        };
        if !dropped.is_empty() {
            self.left.notify_waiters();
        }
    }

    /// The oldest item; `None` once the queue is closed.
    pub(crate) async fn pop(&self) -> Option<T> {
        match self.look() {
            Looked::Item(item) => return Some(item),
            Looked::Closed => return None,
            Looked::Empty => (),
        }
        let _waiting = Waiting::new(self, |it| &mut it.n_takers);
        loop {
            // From here on it is told of what comes.
            let came = self.came.notified();
            match self.look() {
                Looked::Item(item) => return Some(item),
                Looked::Closed => return None,
                Looked::Empty => came.await,
            }
        }
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
            self.len.store(0, Ordering::Release);
            std::mem::take(&mut state.items)
        };
        drop(items);
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
        self.len.store(state.items.len(), Ordering::Release);
        // Several may have come with one notice, for several that wait.
        let has_more = 0 < state.n_takers && !state.items.is_empty();
        let is_wanted = 0 < state.n_waiting;
        drop(state);
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
            queue.try_push(n).unwrap();
        }
        assert_eq!(queue.try_push(0), Err(0));
        queue.pop().await;
        queue.try_push(2).unwrap();
        queue.retain(|it| *it != 9);
        queue.try_push(7).unwrap();
        queue.try_push(7).unwrap();
        assert_eq!((queue.len(), queue.try_push(7)), (3, Err(7)));
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
        let mut pushing = pin!(queue.push_when_room(2));
        assert!(pushing.as_mut().now_or_never().is_none());
        assert_eq!(queue.pop().await, Some(1));
        pushing.await;
        assert_eq!(queue.pop().await, Some(2));
    }

    #[tokio::test]
    async fn closing_wakes_all_that_wait() {
        let queue = narrow(usize::MAX);
        queue.push(1);
        let mut pushing = pin!(queue.push_when_room(2));
        assert!(pushing.as_mut().now_or_never().is_none());
        queue.close();
        pushing.await;
        assert_eq!((queue.pop().await, queue.pop().await), (None, None));
    }
}
