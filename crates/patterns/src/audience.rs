//! Who listens to a publisher, and to what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use gleis_transport::{CloseReason, Control, Inbound, Inbox, Message};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::commands::Word;
use crate::core::Role;
use crate::filter::Filter;
use crate::filters::Filters;
use crate::peer::{Exit, Link};
use crate::stats::DropReason;

/// The role of a publisher.
pub(crate) struct Audience {
    /// Told when a listener comes, goes, or changes its mind.
    changed: Arc<Notify>,
    listeners: Mutex<Listeners>,
    limits: WishLimits,
}

/// What one subscriber may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WishLimits {
    /// The length of a filter, in bytes.
    pub(crate) bytes: usize,
    /// How many filters.
    pub(crate) filters: usize,
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
        self.wishes.lock().filters.want(topic)
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
    filters: Filters,
    /// Why the link is to be ended.
    refused: Option<String>,
    /// From now on the link may be ended from within its inbox.
    settled: bool,
}

impl Audience {
    pub(crate) fn new(limits: WishLimits) -> Self {
        let (changed, listeners) = Default::default();
        Self { changed, limits, listeners }
    }

    /// All listeners; `None` once the socket is closed.
    pub(crate) fn listeners(&self) -> Option<Arc<[Listener]>> {
        let listeners = self.listeners.lock();
        if listeners.closed { None } else { Some(listeners.list.clone()) }
    }

    /// How many want anything at all.
    pub(crate) fn n_subscribers(&self) -> usize {
        let list = self.listeners.lock().list.clone();
        list.iter().filter(|it| !it.wishes.lock().filters.is_empty()).count()
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
}

impl Role for Audience {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let (missed, wishes) = Default::default();
        let listener = Listener { link: link.clone(), missed, wishes };
        let inbox = Wishbox {
            changed: self.changed.clone(),
            exit,
            limits: self.limits,
            link: Arc::downgrade(link),
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
            wishes.refused.clone()
        };
        if let Some(reason) = refused {
            link.sender.abort(CloseReason::Refused(reason.into()));
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
    limits: WishLimits,
    link: Weak<Link>,
    wishes: Arc<Mutex<Wishes>>,
}

/// A change of what a peer wants.
enum Change {
    Add(Filter),
    Remove(Filter),
}

impl Change {
    /// What `control` asks for, if it is such a thing.
    ///
    /// # Errors
    /// Why the peer cannot be served.
    fn read(control: Control, limits: &WishLimits) -> Result<Option<Self>, String> {
        let command = match control {
            // A prefix is a copy already: it pins no read buffer.
            Control::Cancel(prefix) => return Ok(Some(Self::Remove(Filter::Prefix(prefix)))),
            Control::Subscribe(prefix) => return Ok(Some(Self::Add(Filter::Prefix(prefix)))),
            Control::Command(command) => command,
        };
        match Word::read(&command) {
            // One byte says which kind of filter it is.
            Some(Word::Filter(text)) if limits.bytes.saturating_add(1) < text.len() => {
                Err(format!("a filter of more than {} bytes", limits.bytes))
            }
            Some(Word::Filter(text)) => match Filter::read(&text) {
                Some(filter) => Ok(Some(Self::Add(filter))),
                None => Err("a filter that is not known here".to_owned()),
            },
            Some(Word::Unfilter(text)) => Ok(Filter::read(&text).map(Self::Remove)),
            _ => Ok(None),
        }
    }
}

impl Wishes {
    /// Does what a control asks for.
    ///
    /// # Errors
    /// Why the peer cannot be served.
    fn note(&mut self, control: Control, limits: &WishLimits) -> Result<(), String> {
        match Change::read(control, limits)? {
            None => (),
            Some(Change::Add(filter)) => {
                if limits.filters <= self.filters.len() && !self.filters.contains(&filter) {
                    return Err(format!("more than {} subscriptions", limits.filters));
                }
                self.filters.add(filter);
            }
            Some(Change::Remove(filter)) => {
                self.filters.remove(&filter);
            }
        }
        Ok(())
    }
}

impl Wishbox {
    fn refuse(&self, reason: String) {
        if let Some(link) = self.link.upgrade() {
            link.sender.abort(CloseReason::Refused(reason.into()));
        }
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
            if wishes.refused.is_some() {
                return;
            }
            wishes.refused = wishes.note(control, &self.limits).err();
            wishes.refused.clone().filter(|_| wishes.settled)
        };
        if let Some(reason) = refuse_now {
            self.refuse(reason);
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
