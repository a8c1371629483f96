//! Peers that take turns.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::peer::Link;

/// The links of a socket that gives each message to one of them.
///
/// They are looked at for each message and change seldom: whoever sends takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// Told when links come and go and at the end.
    changed: Notify,
    /// Whose turn it is; beyond the last link it begins anew.
    next: AtomicUsize,
    state: ArcSwap<State>,
}

/// Replaced, never changed.
#[derive(Clone, Debug, Default)]
struct State {
    closed: bool,
    links: Vec<Arc<Link>>,
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
    pub(crate) fn add(&self, link: &Arc<Link>) {
        self.change(|state| state.links.push(link.clone()));
    }

    pub(crate) fn remove(&self, id: u64) {
        self.change(|state| state.links.retain(|it| it.id != id));
    }

    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn change(&self, change: impl Fn(&mut State)) {
        self.state.rcu(|old| {
            let mut state = State::clone(old);
            change(&mut state);
            state
        });
        self.changed.notify_waiters();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.load().links.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.state.load().links.len()
    }

    /// The link, if there is one alone.
    pub(crate) fn only(&self) -> Option<Arc<Link>> {
        match &self.state.load().links[..] {
            [link] => Some(link.clone()),
            _ => None,
        }
    }

    /// Whether any link has room.
    pub(crate) fn room(&self) -> Offered<()> {
        let state = self.state.load();
        match state.links.len() {
            _ if state.closed => Offered::Closed,
            0 => Offered::Nobody,
            _ if state.links.iter().any(|it| it.sender.has_room()) => Offered::Done(()),
            _ => Offered::Full,
        }
    }

    /// Offers something to each link once, beginning with the next in turn, until one takes it.
    pub(crate) fn offer<R>(&self, mut to: impl FnMut(&Arc<Link>) -> Tried<R>) -> Offered<R> {
        let state = self.state.load();
        if state.closed {
            return Offered::Closed;
        }
        let n_links = state.links.len();
        let first = self.next.load(Relaxed);
        let mut miss = Offered::Nobody;
        for turn in 0..n_links {
            let at = first.wrapping_add(turn) % n_links;
            if 1 < n_links {
                self.next.store(at + 1, Relaxed);
            }
            match to(&state.links[at]) {
                Tried::Done(res) => return Offered::Done(res),
                Tried::Full => miss = Offered::Full,
                Tried::Gone => (),
            }
        }
        miss
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
            let state = self.state.load_full();
            poll_fn(|cx| {
                if changed.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                // One that is over will be removed soon, which is a change.
                let mut has_room =
                    |it: &Arc<Link>| matches!(it.sender.poll_ready(cx), Poll::Ready(Ok(())));
                // All are asked, so that each wakes us.
                match state.links.iter().filter(|it| has_room(it)).count() {
                    0 => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            })
            .await;
            tokio::task::coop::consume_budget().await;
        }
    }
}
