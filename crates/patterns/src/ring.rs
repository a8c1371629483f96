//! Peers that take turns.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::peer::Link;

/// The links of a socket that gives each message to one of them.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// Told when links come and go and at the end.
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    links: Vec<Arc<Link>>,
    next: usize,
}

/// What became of an offer to one link.
pub(crate) enum Tried<R> {
    Done(R),
    Full,
    Gone,
}

/// What became of an offer to all links.
pub(crate) enum Offered<R> {
    Closed,
    Done(R),
    Full,
    Nobody,
}

impl Ring {
    pub(crate) fn add(&self, link: Arc<Link>) {
        self.state.lock().links.push(link);
        self.changed.notify_waiters();
    }

    pub(crate) fn remove(&self, id: u64) {
        let removed = {
            let mut state = self.state.lock();
            let at = state.links.iter().position(|it| it.id == id);
            at.map(|at| state.links.remove(at))
        };
        drop(removed);
        self.changed.notify_waiters();
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().links.is_empty()
    }

    /// Whether any link has room.
    pub(crate) fn room(&self) -> Offered<()> {
        let links = {
            let state = self.state.lock();
            match state.links.len() {
                _ if state.closed => return Offered::Closed,
                0 => return Offered::Nobody,
                _ => state.links.clone(),
            }
        };
        match links.iter().any(|it| it.sender.has_room()) {
            true => Offered::Done(()),
            false => Offered::Full,
        }
    }

    /// Offers something to each link once, beginning with the next in turn, until one takes it.
    pub(crate) fn offer<R>(&self, mut to: impl FnMut(&Arc<Link>) -> Tried<R>) -> Offered<R> {
        let mut miss = Offered::Nobody;
        let (mut last, mut n_tried) = (None, 0);
        loop {
            let link = {
                let mut state = self.state.lock();
                let n_links = state.links.len();
                if state.closed {
                    return Offered::Closed;
                }
                if n_links <= n_tried {
                    return miss;
                }
                // After the first try each link comes after the last one, whatever turns others take.
                let at = last.map_or(state.next, |it: usize| it + 1) % n_links;
                last = Some(at);
                state.next = at + 1;
                state.links[at].clone()
            };
            n_tried += 1;
            match to(&link) {
                Tried::Done(res) => return Offered::Done(res),
                Tried::Full => miss = Offered::Full,
                Tried::Gone => (),
            }
        }
    }

    /// Tries until `attempt` succeeds, each time there is a change: a link, or room on one.
    ///
    /// The attempt returns `None` if it was in vain.
    pub(crate) async fn until<R>(&self, mut attempt: impl FnMut() -> Option<R>) -> R {
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(res) = attempt() {
                return res;
            }
            let links = self.state.lock().links.clone();
            poll_fn(|cx| {
                if changed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                // One that is over will be removed soon, which is a change.
                let mut has_room =
                    |it: &Arc<Link>| matches!(it.sender.poll_ready(cx), Poll::Ready(Ok(())));
                // All are asked, so that each wakes us.
                match links.iter().filter(|it| has_room(it)).count() {
                    0 => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            })
            .await;
            tokio::task::coop::consume_budget().await;
        }
    }
}
