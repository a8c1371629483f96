//! Who listens to a publisher, and to what.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use gleis_transport::{Broadcast, CloseReason, Control, Inbound, Inbox, Message};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::core::Role;
use crate::filter::Filter;
use crate::intake::Intake;
use crate::listener::{Change, Ear, Listener, WishLimits, Wishes};
use crate::news::News;
use crate::options::{Overflow, Settings};
use crate::peer::{Exit, Link};
use crate::replay::Replay;
use crate::stats::DropReason;

/// The role of a publisher.
pub(crate) struct Audience {
    listeners: Mutex<Listeners>,
    shared: Arc<Shared>,
}

/// What the links of a publisher share.
struct Shared {
    /// Told when a listener comes, goes, or changes its mind.
    changed: Notify,
    /// Of a socket whose owner hears what subscribers say.
    ears: Option<Ears>,
    limits: WishLimits,
    /// How many listeners want anything at all.
    n_subscribers: AtomicUsize,
    overflow: Overflow,
    /// Of a socket that keeps messages for late subscribers.
    replay: Option<Replay>,
}

struct Ears {
    intake: Arc<Intake>,
    news: Arc<News>,
}

#[derive(Default)]
struct Listeners {
    closed: bool,
    /// A publisher walks over it without the lock: it is replaced while one does.
    list: Arc<Crowd>,
}

impl Listeners {
    /// Changes the list; what it was before is to be dropped without the lock.
    fn change(&mut self, change: impl FnOnce(&mut Crowd)) -> Option<Arc<Crowd>> {
        if let Some(list) = Arc::get_mut(&mut self.list) {
            change(list);
            return None;
        }
        let mut list = Crowd::clone(&self.list);
        change(&mut list);
        Some(std::mem::replace(&mut self.list, Arc::new(list)))
    }
}

/// All listeners at one moment.
#[derive(Clone, Default)]
pub(crate) struct Crowd {
    all: Vec<Listener>,
    /// Whether a message has to be encoded in more than one way for them.
    pub(crate) is_mixed: bool,
}

impl Crowd {
    fn add(&mut self, listener: Listener) {
        self.is_mixed |= self.all.last().is_some_and(|it| it.kind() != listener.kind());
        self.all.push(listener);
    }

    fn remove(&mut self, id: u64) -> Option<Listener> {
        let at = self.all.iter().position(|it| it.link.id == id)?;
        let gone = self.all.remove(at);
        self.is_mixed &= self.all.windows(2).any(|it| it[0].kind() != it[1].kind());
        Some(gone)
    }
}

impl std::ops::Deref for Crowd {
    type Target = [Listener];

    fn deref(&self) -> &[Listener] {
        &self.all
    }
}

impl Audience {
    /// Of a socket whose owner does not hear what subscribers say.
    pub(crate) fn deaf<T: gleis_codec::Message>(settings: &Settings) -> Self {
        Self::new(settings, None, Replay::new::<T>(settings))
    }

    /// Of a socket whose owner does.
    pub(crate) fn hearing<T: gleis_codec::Message>(
        settings: &Settings,
        intake: Arc<Intake>,
        news: Arc<News>,
    ) -> Self {
        Self::new(settings, Some(Ears { intake, news }), Replay::new::<T>(settings))
    }

    fn new(settings: &Settings, ears: Option<Ears>, replay: Option<Replay>) -> Self {
        let (changed, limits) = (Notify::new(), settings.wish_limits());
        let n_subscribers = AtomicUsize::new(0);
        let overflow = settings.overflow.unwrap_or(Overflow::DropNewest);
        let shared = Arc::new(Shared { changed, ears, limits, n_subscribers, overflow, replay });
        Self { listeners: Mutex::default(), shared }
    }

    /// What is kept for late subscribers, if anything is.
    pub(crate) fn replay(&self) -> Option<&Replay> {
        self.shared.replay.as_ref()
    }

    /// All listeners; `None` once the socket is closed.
    pub(crate) fn listeners(&self) -> Option<Arc<Crowd>> {
        let listeners = self.listeners.lock();
        if listeners.closed { None } else { Some(listeners.list.clone()) }
    }

    /// How many want anything at all.
    pub(crate) fn n_subscribers(&self) -> usize {
        self.shared.n_subscribers.load(Ordering::Acquire)
    }

    /// Messages were lost before they came here: all that want anything are told.
    pub(crate) fn miss(&self, messages: u64) {
        let list = self.listeners.lock().list.clone();
        list.iter().filter(|it| it.wants_any()).for_each(|it| it.miss(messages));
    }

    pub(crate) async fn wait_for_subscribers(&self, n: usize) {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
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
        let listener = Listener { ear: Arc::default(), link: link.clone() };
        let ears = self.shared.ears.as_ref();
        let inbox = Wishbox {
            ear: listener.ear.clone(),
            messages: ears.map(|it| it.intake.clone().attach(link, exit.clone())),
            exit,
            link: Arc::downgrade(link),
            shared: self.shared.clone(),
        };
        let old = self.listeners.lock().change(|it| it.add(listener));
        drop(old);
        Arc::new(inbox)
    }

    fn settled(&self, link: &Arc<Link>) {
        let listeners = self.listeners.lock().list.clone();
        // It is among the last.
        let Some(listener) = listeners.iter().rev().find(|it| it.link.id == link.id) else {
            return;
        };
        let refused = {
            let mut wishes = listener.ear.wishes.lock();
            wishes.settled = true;
            wishes.refused.clone()
        };
        if let Some(reason) = refused {
            link.sender.abort(CloseReason::Refused(reason.into()));
        }
    }

    fn detach(&self, link: &Arc<Link>) {
        let mut gone = None;
        let old = self.listeners.lock().change(|it| gone = it.remove(link.id));
        drop(old);
        if let Some(gone) = gone {
            self.shared.leave(&gone);
        }
        self.shared.changed.notify_waiters();
    }

    fn close(&self) {
        self.listeners.lock().closed = true;
        self.shared.changed.notify_waiters();
    }

    fn end(&self) {
        if let Some(ears) = &self.shared.ears {
            ears.intake.end();
        }
    }
}

impl Shared {
    /// A listener is gone, and with it what it wanted.
    fn leave(&self, gone: &Listener) {
        let filters = {
            let mut wishes = gone.ear.wishes.lock();
            wishes.gone = true;
            let filters = std::mem::take(&mut wishes.filters);
            gone.ear.note_change(&wishes, &self.n_subscribers);
            filters
        };
        let Some(ears) = &self.ears else {
            return;
        };
        for filter in filters.iter() {
            ears.news.leave(gone.link.id, gone.link.info(), filter);
        }
        ears.intake.detach(&gone.link);
    }

    /// Does what a control asks for, and has the owner hear of it; the filter that is new, if one is.
    ///
    /// # Errors
    /// Why the peer cannot be served.
    fn note(
        &self,
        ear: &Ear,
        wishes: &mut Wishes,
        link: &Link,
        control: Control,
    ) -> Result<Option<Filter>, String> {
        let news = self.ears.as_ref().map(|it| &it.news);
        match Change::read(control, &self.limits)? {
            None => Ok(None),
            Some(Change::Add(filter)) => {
                let is_one_more = !wishes.filters.contains(&filter);
                if is_one_more && self.limits.filters <= wishes.filters.len() {
                    return Err(format!("more than {} subscriptions", self.limits.filters));
                }
                let first = wishes.filters.add(filter.clone());
                // Whoever hears of it may look at the count at once.
                ear.note_change(wishes, &self.n_subscribers);
                if let Some(news) = news {
                    news.add(link.id, link.info(), filter.clone(), first);
                }
                Ok(first.then_some(filter))
            }
            // As libzmq, which says each time that it wants something and once that it no longer does.
            Some(Change::Remove(filter)) if !link.gleis => {
                let was_known = wishes.filters.forget(&filter);
                ear.note_change(wishes, &self.n_subscribers);
                if was_known && let Some(news) = news {
                    news.leave(link.id, link.info(), filter);
                }
                Ok(None)
            }
            Some(Change::Remove(filter)) => {
                let removed = wishes.filters.remove(&filter);
                ear.note_change(wishes, &self.n_subscribers);
                if let (Some(last), Some(news)) = (removed, news) {
                    news.remove(link.id, link.info(), filter, last);
                }
                Ok(None)
            }
        }
    }
}

/// The inbox of a publisher: subscriptions come in.
struct Wishbox {
    ear: Arc<Ear>,
    exit: Exit,
    link: Weak<Link>,
    /// Where messages go, if anybody wants them.
    messages: Option<Arc<dyn Inbox>>,
    shared: Arc<Shared>,
}

impl Wishbox {
    fn hear(&self, link: &Arc<Link>, control: Control) {
        if let Some(reason) = self.note(link, control) {
            link.sender.abort(CloseReason::Refused(reason.into()));
        }
        self.shared.changed.notify_waiters();
    }

    /// Notes a control, and gives the peer what it wants of what was kept. Returns why the link is to
    /// be ended now, if it is.
    fn note(&self, link: &Arc<Link>, control: Control) -> Option<String> {
        let replay = self.shared.replay.as_ref();
        // Before the wishes, as whoever publishes takes them.
        let cache = replay.map(Replay::lock);
        let new = {
            let mut wishes = self.ear.wishes.lock();
            if wishes.gone || wishes.refused.is_some() {
                return None;
            }
            match self.shared.note(&self.ear, &mut wishes, link, control) {
                Ok(new) => new?,
                Err(reason) => {
                    wishes.refused = Some(reason.clone());
                    return wishes.settled.then_some(reason);
                }
            }
        };
        let listener = Listener { ear: self.ear.clone(), link: link.clone() };
        for kept in cache?.matching(&new) {
            if let Some(message) = replay?.frames(kept, link) {
                // What is missed is counted and told; and what was kept was encoded before.
                let _ = listener.give_now(&Broadcast::new(message), self.shared.overflow);
            }
        }
        None
    }
}

impl Inbox for Wishbox {
    fn has_room(&self) -> bool {
        self.messages.as_ref().is_none_or(|it| it.has_room())
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.messages.as_ref().map_or(Poll::Ready(()), |it| it.poll_room(cx))
    }

    fn deliver(&self, item: Inbound) {
        let control = match item {
            Inbound::Control(control) => control,
            Inbound::Message(_) => {
                return match &self.messages {
                    None => self.exit.account.refuse_received(DropReason::Unwanted),
                    Some(messages) => messages.deliver(item),
                };
            }
        };
        let Some(control) = self.exit.hear(control) else {
            return;
        };
        if let Some(link) = self.link.upgrade() {
            self.hear(&link, control);
        }
    }

    fn displace(&self, message: Message) -> Vec<Message> {
        match &self.messages {
            None => {
                self.exit.account.refuse_received(DropReason::Unwanted);
                Vec::new()
            }
            Some(messages) => messages.displace(message),
        }
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
