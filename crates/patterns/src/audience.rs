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
use crate::intake::Intake;
use crate::news::News;
use crate::options::Settings;
use crate::peer::{Exit, Link};
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
}

struct Ears {
    intake: Arc<Intake>,
    news: Arc<News>,
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
    /// The link is over.
    gone: bool,
    /// Why the link is to be ended.
    refused: Option<String>,
    /// From now on the link may be ended from within its inbox.
    settled: bool,
}

impl Audience {
    /// Of a socket whose owner does not hear what subscribers say.
    pub(crate) fn deaf(settings: &Settings) -> Self {
        Self::new(settings, None)
    }

    /// Of a socket whose owner does.
    pub(crate) fn hearing(settings: &Settings, intake: Arc<Intake>, news: Arc<News>) -> Self {
        Self::new(settings, Some(Ears { intake, news }))
    }

    fn new(settings: &Settings, ears: Option<Ears>) -> Self {
        let shared = Shared { changed: Notify::new(), ears, limits: settings.wish_limits() };
        Self { listeners: Mutex::default(), shared: Arc::new(shared) }
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
        let (missed, wishes) = Default::default();
        let listener = Listener { link: link.clone(), missed, wishes };
        let ears = self.shared.ears.as_ref();
        let inbox = Wishbox {
            messages: ears.map(|it| it.intake.clone().attach(link, exit.clone())),
            exit,
            link: Arc::downgrade(link),
            shared: self.shared.clone(),
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
        let gone = listeners.list.iter().find(|it| it.link.id == link.id).cloned();
        let list = listeners.list.iter().filter(|it| it.link.id != link.id).cloned().collect();
        let old = std::mem::replace(&mut listeners.list, list);
        drop(listeners);
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
            let mut wishes = gone.wishes.lock();
            wishes.gone = true;
            std::mem::take(&mut wishes.filters)
        };
        let Some(ears) = &self.ears else {
            return;
        };
        for filter in filters.iter() {
            ears.news.leave(gone.link.id, gone.link.info(), filter);
        }
        ears.intake.detach(&gone.link);
    }

    /// Does what a control asks for, and has the owner hear of it.
    ///
    /// # Errors
    /// Why the peer cannot be served.
    fn note(&self, wishes: &mut Wishes, link: &Link, control: Control) -> Result<(), String> {
        let news = self.ears.as_ref().map(|it| &it.news);
        match Change::read(control, &self.limits)? {
            None => (),
            Some(Change::Add(filter)) => {
                let is_one_more = !wishes.filters.contains(&filter);
                if is_one_more && self.limits.filters <= wishes.filters.len() {
                    return Err(format!("more than {} subscriptions", self.limits.filters));
                }
                let first = wishes.filters.add(filter.clone());
                news.into_iter().for_each(|it| it.add(link.id, link.info(), filter.clone(), first));
            }
            Some(Change::Remove(filter)) => {
                if let Some(last) = wishes.filters.remove(&filter)
                    && let Some(news) = news
                {
                    news.remove(link.id, link.info(), filter, last);
                }
            }
        }
        Ok(())
    }
}

/// The inbox of a publisher: subscriptions come in.
struct Wishbox {
    exit: Exit,
    link: Weak<Link>,
    /// Where messages go, if anybody wants them.
    messages: Option<Arc<dyn Inbox>>,
    shared: Arc<Shared>,
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

impl Wishbox {
    fn hear(&self, link: &Link, control: Control) {
        let refuse_now = {
            let mut wishes = self.wishes.lock();
            if wishes.gone || wishes.refused.is_some() {
                return;
            }
            wishes.refused = self.shared.note(&mut wishes, link, control).err();
            wishes.refused.clone().filter(|_| wishes.settled)
        };
        if let Some(reason) = refuse_now {
            link.sender.abort(CloseReason::Refused(reason.into()));
        }
        self.shared.changed.notify_waiters();
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

    fn displace(&self, message: Message) -> Option<Message> {
        match &self.messages {
            None => {
                self.exit.account.refuse_received(DropReason::Unwanted);
                None
            }
            Some(messages) => messages.displace(message),
        }
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
