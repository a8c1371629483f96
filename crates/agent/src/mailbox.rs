//! The queue of what an agent has to do: bounded, and first come first served, also among those who
//! wait for room. What is urgent has a short lane of its own.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use tokio::{
    sync::{self, Notify},
    task::coop::poll_proceed,
};

/// For how many items an empty queue keeps the memory.
const KEPT: usize = 1_024;

/// How many urgent items may wait besides; more go the way of all others.
const URGENT: usize = 64;

/// How many urgent items overtake the others in a row, at most.
const IN_A_ROW: u32 = 8;

/// A queue for `capacity` items, at least one.
pub(crate) fn mailbox<T>(capacity: usize) -> (Mail<T>, Mailbox<T>) {
    let queue = Queue {
        items: VecDeque::new(),
        urgent: VecDeque::new(),
        has_lane: true,
        n_in_a_row: 0,
        receiver: None,
        n_waiting: 0,
        is_closed: false,
    };
    let shared = Arc::new(Shared {
        queue: Mutex::new(queue),
        capacity: capacity.max(1),
        line: sync::Mutex::new(()),
        room: Notify::new(),
    });
    (Mail(shared.clone()), Mailbox(shared))
}

/// The end of those who put something in. A cheap clone.
pub(crate) struct Mail<T>(Arc<Shared<T>>);

/// The end of the agent. The queue is closed when it is dropped, and what is in it dropped.
pub(crate) struct Mailbox<T>(Arc<Shared<T>>);

/// Which way an item goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Lane {
    #[default]
    Ordinary,
    /// It overtakes what is ordinary, if there is room in the lane for it.
    Urgent,
}

/// Why an item is not in the queue.
pub(crate) enum Refused<T> {
    Closed,
    /// There is no room, or others wait for it.
    Full(T),
}

/// The agent takes no more.
#[derive(Debug)]
pub(crate) struct Closed;

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    capacity: usize,
    /// Whoever holds it is the first to get room.
    line: sync::Mutex<()>,
    /// Tells the first of the line.
    room: Notify,
}

struct Queue<T> {
    items: VecDeque<T>,
    /// Whether what is urgent may still overtake them.
    has_lane: bool,
    /// What overtakes them.
    urgent: VecDeque<T>,
    /// How many have overtaken them since the last one of them was taken.
    n_in_a_row: u32,
    /// Whom the next item wakes.
    receiver: Option<Waker>,
    /// How many wait for room.
    n_waiting: usize,
    is_closed: bool,
}

impl<T> Mail<T> {
    /// Puts an item in if there is room.
    pub(crate) fn try_send(&self, item: T) -> Result<(), Refused<T>> {
        self.0.put(item, |it| it.n_waiting == 0)
    }

    /// Puts an item in if there is room in its lane or, if it is urgent, among the others.
    pub(crate) fn try_send_by(&self, lane: Lane, item: T) -> Result<(), Refused<T>> {
        match lane {
            Lane::Ordinary => self.try_send(item),
            Lane::Urgent => match self.0.put_urgent(item) {
                Err(Refused::Full(item)) => self.try_send(item),
                put => put,
            },
        }
    }

    /// Puts an item in once there is room.
    ///
    /// # Cancel safety
    /// When the future is dropped, the item is dropped, or in the queue.
    pub(crate) async fn send(&self, item: T) -> Result<(), Closed> {
        match self.try_send(item) {
            Ok(()) => Ok(()),
            Err(Refused::Closed) => Err(Closed),
            Err(Refused::Full(item)) => self.0.wait_in_line(item).await,
        }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.queue.lock().is_closed
    }
}

impl<T> Mailbox<T> {
    /// The next item; `None` when the queue has been closed and is empty.
    pub(crate) fn poll_recv(&mut self, ctx: &mut Context<'_>) -> Poll<Option<T>> {
        let coop = ready!(poll_proceed(ctx));
        let next = self.0.take_or_wait(ctx);
        if next.is_ready() {
            coop.made_progress();
        }
        next
    }

    /// The next item; `None` when the queue has been closed and is empty.
    ///
    /// # Cancel safety
    /// When the future is dropped, no item is lost.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        poll_fn(|ctx| self.poll_recv(ctx)).await
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// From now on what comes comes last, urgent or not; how many items there are until then.
    pub(crate) fn end_lane(&mut self) -> usize {
        self.0.queue.lock().has_lane = false;
        self.len()
    }

    /// Takes in no more, and gives what is there.
    pub(crate) fn close(&mut self) -> VecDeque<T> {
        let items = {
            let mut queue = self.0.queue.lock();
            queue.is_closed = true;
            let mut items = std::mem::take(&mut queue.urgent);
            items.append(&mut queue.items);
            items
        };
        self.0.room.notify_waiters();
        items
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl<T> Shared<T> {
    fn len(&self) -> usize {
        let queue = self.queue.lock();
        queue.urgent.len() + queue.items.len()
    }

    fn put(&self, item: T, may: impl FnOnce(&Queue<T>) -> bool) -> Result<(), Refused<T>> {
        let receiver = {
            let mut queue = self.queue.lock();
            if queue.is_closed {
                return Err(Refused::Closed);
            }
            if self.capacity <= queue.items.len() || !may(&queue) {
                return Err(Refused::Full(item));
            }
            queue.items.push_back(item);
            queue.receiver.take()
        };
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    #[cold]
    fn put_urgent(&self, item: T) -> Result<(), Refused<T>> {
        let receiver = {
            let mut queue = self.queue.lock();
            if queue.is_closed {
                return Err(Refused::Closed);
            }
            if !queue.has_lane || URGENT <= queue.urgent.len() {
                return Err(Refused::Full(item));
            }
            queue.urgent.push_back(item);
            queue.receiver.take()
        };
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        Ok(())
    }

    async fn wait_in_line(&self, mut item: T) -> Result<(), Closed> {
        let _waiting = Waiting::new(&self.queue);
        let _first = self.line.lock().await;
        loop {
            let mut room = pin!(self.room.notified());
            // Before the look: room that comes after it is heard of.
            room.as_mut().enable();
            item = match self.put(item, |_| true) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed) => return Err(Closed),
                Err(Refused::Full(item)) => item,
            };
            room.await;
        }
    }

    fn take_or_wait(&self, ctx: &Context<'_>) -> Poll<Option<T>> {
        let mut queue = self.queue.lock();
        if !queue.urgent.is_empty()
            && let Some(item) = queue.overtake()
        {
            return Poll::Ready(Some(item));
        }
        if let Some(item) = queue.items.pop_front() {
            queue.n_in_a_row = 0;
            let is_awaited = queue.n_waiting != 0;
            drop(queue);
            if is_awaited {
                self.room.notify_one();
            }
            return Poll::Ready(Some(item));
        }
        if queue.is_closed {
            return Poll::Ready(None);
        }
        if KEPT < queue.items.capacity() {
            queue.items = VecDeque::new();
        }
        let last = queue.receiver.replace(ctx.waker().clone());
        // A waker of others may do anything when it is dropped.
        drop(queue);
        drop(last);
        Poll::Pending
    }
}

impl<T> Queue<T> {
    /// An urgent item, unless it is the turn of the others.
    #[cold]
    fn overtake(&mut self) -> Option<T> {
        if self.items.is_empty() {
            self.n_in_a_row = 0;
        } else if IN_A_ROW <= self.n_in_a_row {
            self.n_in_a_row = 0;
            return None;
        } else {
            self.n_in_a_row += 1;
        }
        let item = self.urgent.pop_front();
        if self.urgent.is_empty() {
            // It is hardly ever used.
            self.urgent = VecDeque::new();
        }
        item
    }
}

/// One who waits for room: nobody who comes later overtakes it.
struct Waiting<'a, T>(&'a Mutex<Queue<T>>);

impl<'a, T> Waiting<'a, T> {
    fn new(queue: &'a Mutex<Queue<T>>) -> Self {
        queue.lock().n_waiting += 1;
        Self(queue)
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        self.0.lock().n_waiting -= 1;
    }
}

impl<T> Clone for Mail<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "Closed",
            Self::Full(_) => "Full",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use futures::poll;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn items_come_out_in_their_order() {
        let (mail, mut mailbox) = mailbox(10);
        for n in 0..10 {
            mail.try_send(n).unwrap();
        }
        assert!(matches!(mail.try_send(10), Err(Refused::Full(10))));
        for n in 0..10 {
            assert_eq!(mailbox.recv().await, Some(n));
        }
        assert!(poll!(pin!(mailbox.recv())).is_pending());
    }

    #[tokio::test]
    async fn what_is_urgent_overtakes_but_not_for_ever() {
        let (mail, mut mailbox) = mailbox(3);
        for n in 0..3 {
            mail.try_send(n).unwrap();
        }
        let urgent = |n| mail.try_send_by(Lane::Urgent, n);
        // Also if there is no room for others.
        for n in 0..URGENT {
            urgent(100 + n).unwrap();
        }
        assert!(matches!(urgent(999), Err(Refused::Full(999))));
        assert_eq!(mailbox.len(), 3 + URGENT);
        let mut order = Vec::new();
        while mailbox.len() != 0 {
            let taken = mailbox.recv().await.unwrap();
            order.push(taken);
            // The lane is full until all others were taken.
            if 3 <= taken && order.len() < 3 * IN_A_ROW as usize {
                urgent(1_000).unwrap();
            }
        }
        let ordinary: Vec<_> = (0..order.len()).filter(|&it| order[it] < 3).collect();
        assert_eq!(ordinary, [8, 17, 26]);
        assert_eq!([order[8], order[17], order[26]], [0, 1, 2]);
        let urgent_ones: Vec<_> = order.iter().filter(|&&it| 100 <= it).copied().collect();
        assert!(urgent_ones.is_sorted());
    }

    #[tokio::test]
    async fn what_is_urgent_goes_with_the_others_if_its_lane_is_full() {
        let (mail, mut mailbox) = mailbox(1);
        for n in 0..=URGENT {
            mail.try_send_by(Lane::Urgent, n).unwrap();
        }
        assert!(matches!(mail.try_send(0), Err(Refused::Full(0))));
        assert_eq!(mailbox.recv().await, Some(0));
        assert_eq!(mailbox.close().len(), URGENT);
        assert!(matches!(mail.try_send_by(Lane::Urgent, 0), Err(Refused::Closed)));
    }

    #[tokio::test]
    async fn those_who_wait_for_room_get_it_in_their_order() {
        let (mail, mut mailbox) = mailbox(1);
        mail.try_send(0).unwrap();
        let mut sends: Vec<_> = (1..4).map(|n| Box::pin(mail.send(n))).collect();
        for send in &mut sends {
            assert!(poll!(send).is_pending());
        }
        for n in 0..3 {
            assert_eq!(mailbox.recv().await, Some(n));
            // Whoever comes now waits behind the others.
            assert!(matches!(mail.try_send(10), Err(Refused::Full(10))));
            assert!(poll!(&mut sends[2]).is_pending() || n == 2);
            let (Poll::Ready(sent), _) =
                (poll!(sends.remove(0)), sends.push(Box::pin(mail.send(9))))
            else {
                panic!("no room for {n}");
            };
            sent.unwrap();
        }
        drop(sends);
        assert_eq!(mailbox.recv().await, Some(3));
        mail.try_send(4).unwrap();
        assert_eq!(mailbox.recv().await, Some(4));
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_leaves_its_room_to_the_next() {
        for is_called in [false, true] {
            let (mail, mut mailbox) = mailbox(1);
            mail.try_send(0).unwrap();
            let mut first = Box::pin(mail.send(1));
            let mut next = Box::pin(mail.send(2));
            assert!(poll!(&mut first).is_pending() && poll!(&mut next).is_pending());
            if is_called {
                assert_eq!(mailbox.recv().await, Some(0));
            }
            drop(first);
            if !is_called {
                assert!(poll!(&mut next).is_pending());
                assert_eq!(mailbox.recv().await, Some(0));
            }
            next.await.unwrap();
            assert_eq!(mailbox.recv().await, Some(2));
            mail.try_send(3).unwrap();
        }
    }

    #[tokio::test]
    async fn a_closed_mailbox_refuses_all_and_drops_what_it_has() {
        let item = Arc::new(());
        let (mail, mut mailbox) = mailbox(1);
        mail.try_send(item.clone()).unwrap();
        let mut sends: Vec<_> = (0..3).map(|_| Box::pin(mail.send(item.clone()))).collect();
        for send in &mut sends {
            assert!(poll!(send).is_pending());
        }
        assert_eq!(mailbox.close().len(), 1);
        assert!(join_all(sends).await.iter().all(Result::is_err));
        assert!(mail.is_closed() && mail.send(item.clone()).await.is_err());
        assert!(matches!(mail.try_send(item.clone()), Err(Refused::Closed)));
        assert!(mailbox.recv().await.is_none());
        assert_eq!(Arc::strong_count(&item), 1);

        let (mail, mailbox) = super::mailbox(1);
        mail.try_send(item.clone()).unwrap();
        drop(mailbox);
        assert!(mail.is_closed());
        assert_eq!(Arc::strong_count(&item), 1);
    }

    #[tokio::test]
    async fn a_mailbox_that_was_full_gives_back_its_memory() {
        let (mail, mut mailbox) = mailbox(usize::MAX);
        for n in 0..10 * KEPT {
            mail.try_send(n).unwrap();
        }
        for n in 0..10 * KEPT {
            assert_eq!(mailbox.recv().await, Some(n));
        }
        // A task that has used up its turn gets nothing.
        yield_now().await;
        assert!(poll!(pin!(mailbox.recv())).is_pending());
        assert_eq!(mail.0.queue.lock().items.capacity(), 0);
    }

    #[tokio::test]
    async fn a_mailbox_that_is_never_empty_lets_other_tasks_run() {
        let (mail, mut mailbox) = mailbox(10_000);
        for n in 0..10_000 {
            mail.try_send(n).unwrap();
        }
        let n_taken = Arc::new(AtomicUsize::new(0));
        let takes = tokio::spawn({
            let n_taken = n_taken.clone();
            async move {
                while n_taken.fetch_add(1, Ordering::Relaxed) < 10_000 {
                    mailbox.recv().await;
                }
            }
        });
        yield_now().await;
        let n_taken = n_taken.load(Ordering::Relaxed);
        assert!((1..10_000).contains(&n_taken), "{n_taken}");
        takes.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_lost_or_doubled_among_threads() {
        const N_SENDERS: usize = 8;
        const N_ITEMS: usize = 2_000;
        let (mail, mut mailbox) = mailbox(7);
        let senders = (0..N_SENDERS).map(|sender| {
            let mail = mail.clone();
            tokio::spawn(async move {
                for n in 0..N_ITEMS {
                    mail.send((sender, n)).await.unwrap();
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        let mut next = [0; N_SENDERS];
        for _ in 0..N_SENDERS * N_ITEMS {
            let (sender, n) = mailbox.recv().await.unwrap();
            assert_eq!(n, next[sender]);
            next[sender] += 1;
        }
        for sender in senders {
            sender.await.unwrap();
        }
        assert_eq!(mail.0.queue.lock().n_waiting, 0);
        assert!(poll!(pin!(mailbox.recv())).is_pending());
    }

    #[tokio::test]
    async fn what_is_urgent_comes_last_once_its_lane_has_ended() {
        let (mail, mut mailbox) = mailbox(4);
        for n in 0..2 {
            mail.try_send(n).unwrap();
        }
        mail.try_send_by(Lane::Urgent, 100).unwrap();
        assert_eq!(mailbox.end_lane(), 3);
        mail.try_send_by(Lane::Urgent, 200).unwrap();
        for expect in [100, 0, 1, 200] {
            assert_eq!(mailbox.recv().await, Some(expect));
        }
    }

    #[tokio::test]
    async fn those_that_had_their_turn_are_overtaken_again() {
        let (mail, mut mailbox) = mailbox(3);
        for n in 0..3 {
            mail.try_send(n).unwrap();
        }
        for _ in 0..IN_A_ROW {
            mail.try_send_by(Lane::Urgent, 100).unwrap();
        }
        for _ in 0..=IN_A_ROW {
            mailbox.recv().await;
        }
        mail.try_send_by(Lane::Urgent, 200).unwrap();
        assert_eq!(mailbox.recv().await, Some(200));
    }
}
