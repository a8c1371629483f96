//! Who listens to a publisher, and to what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use gleis_transport::{CloseReason, Control, Inbound, Inbox, Message};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::commands::Word;
use crate::core::Role;
use crate::peer::{Exit, Link};
use crate::stats::DropReason;
use crate::topics::Topics;

/// The role of a publisher.
pub(crate) struct Audience {
    /// Told when a listener comes, goes, or changes its mind.
    changed: Arc<Notify>,
    listeners: Mutex<Listeners>,
    max_subscriptions: usize,
}

#[derive(Default)]
struct Listeners {
    closed: bool,
    /// Replaced, never changed: a publisher walks over it without the lock.
    list: Arc<[Listener]>,
}

#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) link: Arc<Link>,
    /// Dropped since it was last told.
    missed: Arc<AtomicU64>,
    wishes: Arc<Mutex<Wishes>>,
}

impl Listener {
    pub(crate) fn wants(&self, topic: &[u8]) -> bool {
        self.wishes.lock().topics.want(topic)
    }

    /// A message that it wants was dropped.
    pub(crate) fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells it what it missed, as soon as there is room for what comes after that.
    pub(crate) fn tell_gap(&self) {
        if self.missed.load(Ordering::Relaxed) == 0 || !self.link.sender.has_room() {
            return;
        }
        let missed = self.missed.swap(0, Ordering::Relaxed);
        if 0 < missed {
            self.link.say(Word::Gap(missed));
        }
    }
}

#[derive(Default)]
struct Wishes {
    refused: bool,
    /// From now on the link may be ended from within its inbox.
    settled: bool,
    topics: Topics,
}

impl Audience {
    pub(crate) fn new(max_subscriptions: usize) -> Self {
        let (changed, listeners) = Default::default();
        Self { changed, listeners, max_subscriptions }
    }

    /// All listeners; `None` once the socket is closed.
    pub(crate) fn listeners(&self) -> Option<Arc<[Listener]>> {
        let listeners = self.listeners.lock();
        if listeners.closed { None } else { Some(listeners.list.clone()) }
    }

    /// How many want anything at all.
    pub(crate) fn n_subscribers(&self) -> usize {
        let list = self.listeners.lock().list.clone();
        list.iter().filter(|it| !it.wishes.lock().topics.is_empty()).count()
    }

    pub(crate) async fn wait_for_subscribers(&self, n: usize) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.listeners.lock().closed || n <= self.n_subscribers() {
                return;
            }
            changed.await;
        }
    }

    fn refuse(&self, link: &Link) {
        let text = format!("more than {} subscriptions", self.max_subscriptions);
        link.sender.abort(CloseReason::Refused(text.into()));
    }
}

impl Role for Audience {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let (missed, wishes) = Default::default();
        let listener = Listener { link: link.clone(), missed, wishes };
        let inbox = Wishbox {
            changed: self.changed.clone(),
            exit,
            link: Arc::downgrade(link),
            max: self.max_subscriptions,
            wishes: listener.wishes.clone(),
        };
        let mut listeners = self.listeners.lock();
        let list = listeners.list.iter().cloned().chain([listener]).collect();
        let old = std::mem::replace(&mut listeners.list, list);
        drop(listeners);
        drop(old);
        Arc::new(inbox)
    }

    fn settled(&self, link: &Arc<Link>) {
        let listeners = self.listeners.lock().list.clone();
        let Some(listener) = listeners.iter().find(|it| it.link.id == link.id) else {
            return;
        };
        let refused = {
            let mut wishes = listener.wishes.lock();
            wishes.settled = true;
            wishes.refused
        };
        if refused {
            self.refuse(link);
        }
    }

    fn detach(&self, link: &Arc<Link>) {
        let mut listeners = self.listeners.lock();
        let list = listeners.list.iter().filter(|it| it.link.id != link.id).cloned().collect();
        let old = std::mem::replace(&mut listeners.list, list);
        drop(listeners);
        drop(old);
        self.changed.notify_waiters();
    }

    fn close(&self) {
        self.listeners.lock().closed = true;
        self.changed.notify_waiters();
    }
}

/// The inbox of a publisher: subscriptions come in.
struct Wishbox {
    changed: Arc<Notify>,
    exit: Exit,
    link: Weak<Link>,
    max: usize,
    wishes: Arc<Mutex<Wishes>>,
}

impl Wishbox {
    /// Notes one wish; false if it is one too many.
    fn note(wishes: &mut Wishes, max: usize, control: Control) -> bool {
        match control {
            Control::Cancel(prefix) => {
                wishes.topics.remove(&prefix);
                true
            }
            Control::Command(_) => true,
            Control::Subscribe(prefix) => {
                if max <= wishes.topics.len() && !wishes.topics.contains(&prefix) {
                    return false;
                }
                // The prefix may be a slice of a large read buffer, which must not be kept.
                wishes.topics.add(prefix.to_vec().into());
                true
            }
        }
    }

    fn refuse(&self) {
        let Some(link) = self.link.upgrade() else {
            return;
        };
        let text = format!("more than {} subscriptions", self.max);
        link.sender.abort(CloseReason::Refused(text.into()));
    }
}

impl Inbox for Wishbox {
    fn has_room(&self) -> bool {
        true
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn deliver(&self, item: Inbound) {
        let Inbound::Control(control) = item else {
            return self.exit.account.refuse_received(DropReason::Unwanted);
        };
        let Some(control) = self.exit.hear(control) else {
            return;
        };
        let refuse_now = {
            let mut wishes = self.wishes.lock();
            if wishes.refused {
                return;
            }
            wishes.refused = !Self::note(&mut wishes, self.max, control);
            wishes.refused && wishes.settled
        };
        if refuse_now {
            self.refuse();
        }
        self.changed.notify_waiters();
    }

    fn displace(&self, message: Message) -> Option<Message> {
        self.deliver(Inbound::Message(message));
        None
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
