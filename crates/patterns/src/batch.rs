//! What was taken off the queues at once, to be handed on without a lock.

use std::collections::VecDeque;
use std::sync::Arc;

use gleis_transport::Inbound;

use crate::peer::Link;

/// An empty buffer for more items than this is kept only while so many come at once.
const KEEP: usize = 64;

/// Messages and controls, and who sent them, in order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    items: VecDeque<Inbound>,
    /// Who sent how many of the items, in order; never zero.
    runs: VecDeque<(Arc<Link>, usize)>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Appends an item; [`end_run`](Self::end_run) says whose it is.
    pub(crate) fn push(&mut self, item: Inbound) {
        self.items.push_back(item);
    }

    /// Takes all of `items`, which gets an empty buffer, without moving them; false if something is
    /// here already.
    pub(crate) fn swap(&mut self, items: &mut VecDeque<Inbound>) -> bool {
        if !self.items.is_empty() {
            return false;
        }
        std::mem::swap(&mut self.items, items);
        if KEEP < items.capacity() && self.items.len() <= KEEP {
            *items = VecDeque::new();
        }
        true
    }

    /// The last `n` items are of `link`.
    pub(crate) fn end_run(&mut self, link: &Arc<Link>, n: usize) {
        match self.runs.back_mut() {
            _ if n == 0 => (),
            Some((last, n_last)) if last.id == link.id => *n_last += n,
            _ => self.runs.push_back((link.clone(), n)),
        }
    }

    /// The next item, and a look at who sent it.
    pub(crate) fn next<R>(&mut self, look: impl FnOnce(&Arc<Link>, Inbound) -> R) -> Option<R> {
        let item = self.items.pop_front()?;
        // All is in order before `look`, which may run code of the user's, and that may panic.
        let (link, n) = self.runs.front_mut()?;
        *n -= 1;
        if 0 < *n {
            return Some(look(link, item));
        }
        let (link, _) = self.runs.pop_front()?;
        Some(look(&link, item))
    }
}
