//! The last things of a node, for those who read them whenever they come.

use std::collections::VecDeque;
use std::pin::pin;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// How many things a page has at most, and about how many bytes.
const PAGE: (usize, usize) = (256, 128 << 10);

/// The last things that were put in. Readers do not take them from each other, and nobody waits for one.
pub(crate) struct Ring<T> {
    log: Mutex<Log<T>>,
    changed: Notify,
    /// How many things it keeps, and about how many bytes.
    room: (usize, usize),
}

struct Log<T> {
    kept: VecDeque<(T, usize)>,
    n_bytes: usize,
    /// How many there were before those.
    n_before: u64,
    is_closed: bool,
}

/// Some of what is in a ring.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// How many had to make room before they were read.
    pub(crate) missed: u64,
    /// Where the next page begins.
    pub(crate) next: u64,
}

impl<T: Clone> Ring<T> {
    /// A ring that keeps so many things of so many bytes together.
    pub(crate) fn new(n: usize, n_bytes: usize) -> Self {
        let log = Log { kept: VecDeque::new(), n_bytes: 0, n_before: 0, is_closed: false };
        Self { log: Mutex::new(log), changed: Notify::new(), room: (n, n_bytes) }
    }

    /// Puts something in that has about so many bytes.
    pub(crate) fn put(&self, item: T, n_bytes: usize) {
        let mut log = self.log.lock();
        log.kept.push_back((item, n_bytes));
        log.n_bytes += n_bytes;
        let mut old = Vec::new();
        while self.room.0 < log.kept.len() || self.room.1 < log.n_bytes {
            let Some((item, n_bytes)) = log.kept.pop_front() else {
                break;
            };
            log.n_bytes -= n_bytes;
            log.n_before += 1;
            old.push(item);
        }
        drop(log);
        self.changed.notify_waiters();
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.log.lock().is_closed = true;
        self.changed.notify_waiters();
    }

    /// The thing of this number, or the next one that is kept, if there is one; how many had to make room is added
    /// to `n_missed`.
    pub(crate) fn read(&self, next: &mut u64, n_missed: &mut u64) -> Option<T> {
        let log = self.log.lock();
        *n_missed += log.n_before.saturating_sub(*next);
        *next = (*next).max(log.n_before);
        let (item, _) = log.kept.get(log.place(*next)?)?;
        *next += 1;
        Some(item.clone())
    }

    /// The things from this number on that are meant, as many as a page has.
    pub(crate) fn page(&self, next: u64, is_meant: impl Fn(&T) -> bool) -> Page<T> {
        let log = self.log.lock();
        // A reader of what will never be here is one of another ring.
        let next = if log.end() < next { 0 } else { next };
        let missed = log.n_before.saturating_sub(next);
        let mut page = Page { items: Vec::new(), missed, next: next.max(log.n_before) };
        let mut n_bytes = 0;
        for (item, size) in log.kept.iter().skip(log.place(page.next).unwrap_or(usize::MAX)) {
            if is_meant(item) {
                let is_full = PAGE.0 <= page.items.len() || PAGE.1 < n_bytes + size;
                if is_full && !page.items.is_empty() {
                    break;
                }
                n_bytes += size;
                page.items.push(item.clone());
            }
            page.next += 1;
        }
        page
    }

    /// Waits until there is a thing of this number, or there will be none.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn reached(&self, next: u64) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Before the look: what comes after it is heard of.
            changed.as_mut().enable();
            {
                let log = self.log.lock();
                if log.is_closed || next < log.end() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Whether there is a thing of this number, or was.
    pub(crate) fn has(&self, number: u64) -> bool {
        number < self.log.lock().end()
    }

    /// Whether there will be no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.log.lock().is_closed
    }
}

impl<T> Log<T> {
    /// The number of the thing that comes next.
    fn end(&self) -> u64 {
        self.n_before + self.kept.len() as u64
    }

    /// Where a thing is kept, or will be.
    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.n_before)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_so_many_and_so_much() {
        let ring = Ring::new(3, 100);
        for n in 0..5 {
            ring.put(n, 10);
        }
        let page = ring.page(0, |_| true);
        assert_eq!((page.items, page.missed, page.next), (vec![2, 3, 4], 2, 5));
        ring.put(5, 90);
        assert_eq!(ring.page(4, |_| true).items, [4, 5]);
        // What is larger than the ring is not kept, nor is what it displaces.
        ring.put(6, 101);
        let page = ring.page(4, |_| true);
        assert_eq!((page.items, page.missed, page.next), (vec![], 3, 7));
    }

    #[test]
    fn a_page_has_an_end_and_the_next_one_goes_on_there() {
        let ring = Ring::new(10_000, usize::MAX);
        for n in 0..1_000_u32 {
            ring.put(n, 1);
        }
        let (mut read, mut next) = (Vec::new(), 0);
        loop {
            let page = ring.page(next, |it| it % 2 == 1);
            assert!(page.items.len() <= PAGE.0);
            if page.items.is_empty() {
                assert_eq!(page.next, 1_000);
                break;
            }
            read.extend(page.items);
            next = page.next;
        }
        assert_eq!(read, (0..1_000).filter(|it| it % 2 == 1).collect::<Vec<_>>());
        let ring = Ring::new(10, usize::MAX);
        for n in 0..3 {
            ring.put(n, PAGE.1);
        }
        // One that is larger than a page comes alone.
        ring.put(3, 2 * PAGE.1);
        assert_eq!([0, 1, 2, 3].map(|it| ring.page(it, |_| true).items), [[0], [1], [2], [3]]);
        // From beyond the end nothing can be meant but another ring.
        assert_eq!(ring.page(99, |_| true).items, [0]);
    }
}
