//! What a subscriber wants, told to every publisher it is connected to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gleis_transport::{Body, Control, Inbox, Message};
use parking_lot::Mutex;

use crate::commands::Word;
use crate::core::Role;
use crate::filter::Filter;
use crate::filters::Filters;
use crate::intake::Intake;
use crate::peer::{Exit, Link};
use crate::topics::Topics;

/// The role of a subscriber.
pub(crate) struct Wishes {
    /// A copy of what the state knows, for a look without the lock.
    everything: AtomicBool,
    intake: Arc<Intake>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    filters: Filters,
    links: Vec<Arc<Link>>,
    // Invariant: the literal beginning of each filter, as often as there are filters with it. That
    // is what publishers that know prefixes only are asked for: each beginning once, since libzmq
    // keeps a set of them for each peer.
    literals: Topics,
}

impl Wishes {
    pub(crate) fn new(intake: Arc<Intake>, filters: Vec<Filter>) -> Self {
        let mut state = State::default();
        for filter in filters {
            state.add(&filter);
        }
        let everything = AtomicBool::new(state.filters.want_everything());
        Self { everything, intake, state: Mutex::new(state) }
    }

    fn want(&self, topic: &[u8]) -> bool {
        self.everything.load(Ordering::Acquire) || self.state.lock().filters.want(topic)
    }

    fn note_change(&self, state: &State) {
        self.everything.store(state.filters.want_everything(), Ordering::Release);
    }

    /// Whether a publication is wanted: `[topic, body]`, or the single frame of a foreign publisher,
    /// which begins with its topic.
    pub(crate) fn want_message(&self, message: &Message) -> bool {
        match (message.head.first(), &message.body) {
            (Some(topic), _) => self.want(topic),
            (None, Body::Bytes(bytes)) => self.want(bytes),
            (None, Body::Local(_)) => true,
        }
    }

    /// All publishers; `None` once the socket is closed.
    pub(crate) fn links(&self) -> Option<Vec<Arc<Link>>> {
        let state = self.state.lock();
        if state.closed { None } else { Some(state.links.clone()) }
    }

    pub(crate) fn add(&self, filter: &Filter) {
        let to_tell = {
            let mut state = self.state.lock();
            let to_tell = state.add(filter);
            self.note_change(&state);
            to_tell
        };
        to_tell.iter().for_each(|it| it.tell());
    }

    /// False if there is no such subscription.
    pub(crate) fn remove(&self, filter: &Filter) -> bool {
        let removed = {
            let mut state = self.state.lock();
            let removed = state.remove(filter);
            self.note_change(&state);
            removed
        };
        removed.iter().flatten().for_each(|it| it.tell());
        removed.is_some()
    }
}

impl State {
    /// Returns the links that have to be told by the caller.
    fn add(&mut self, filter: &Filter) -> Vec<Arc<Link>> {
        if !self.filters.add(filter.clone()) {
            return Vec::new();
        }
        let literal = filter.literal();
        let is_new = self.literals.add(literal.clone());
        self.queue(&wish(filter), is_new.then_some(&Control::Subscribe(literal)))
    }

    /// As [`add`](Self::add); `None` if there is no such subscription.
    fn remove(&mut self, filter: &Filter) -> Option<Vec<Arc<Link>>> {
        if !self.filters.remove(filter)? {
            return Some(Vec::new());
        }
        let literal = filter.literal();
        let is_last = self.literals.remove(&literal).unwrap_or(false);
        let foreign = Control::Cancel(literal);
        Some(self.queue(&end_of_wish(filter), is_last.then_some(&foreign)))
    }

    /// Queues a control for gleis publishers and one, if any, for the others.
    fn queue(&self, gleis: &Control, foreign: Option<&Control>) -> Vec<Arc<Link>> {
        let control = |it: &Link| if it.gleis { Some(gleis) } else { foreign };
        let to_tell =
            |it: &&Arc<Link>| control(it).is_some_and(|control| it.queue(control.clone()));
        self.links.iter().filter(to_tell).cloned().collect()
    }

    /// All that a new publisher is told.
    fn all(&self, link: &Link) -> Vec<Control> {
        match link.gleis {
            true => self.filters.iter().map(|it| wish(&it)).collect(),
            false => self.literals.iter().cloned().map(Control::Subscribe).collect(),
        }
    }
}

fn wish(filter: &Filter) -> Control {
    match filter {
        Filter::Prefix(prefix) => Control::Subscribe(prefix.clone()),
        filter => Word::Filter(filter.write()).write(),
    }
}

fn end_of_wish(filter: &Filter) -> Control {
    match filter {
        Filter::Prefix(prefix) => Control::Cancel(prefix.clone()),
        filter => Word::Unfilter(filter.write()).write(),
    }
}

impl Role for Wishes {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let inbox = self.intake.clone().attach(link, exit);
        let to_tell = {
            let mut state = self.state.lock();
            state.links.push(link.clone());
            let controls = state.all(link).into_iter();
            controls.filter(|it| link.queue(it.clone())).count()
        };
        if 0 < to_tell {
            link.tell();
        }
        inbox
    }

    fn detach(&self, link: &Arc<Link>) {
        let removed = {
            let mut state = self.state.lock();
            let at = state.links.iter().position(|it| it.id == link.id);
            at.map(|at| state.links.swap_remove(at))
        };
        drop(removed);
        self.intake.detach(link);
    }

    fn widen(&self) {
        self.intake.widen();
    }

    fn narrow(&self) {
        self.intake.narrow();
    }

    fn close(&self) {
        self.state.lock().closed = true;
    }

    fn end(&self) {
        let links = std::mem::take(&mut self.state.lock().links);
        drop(links);
        self.intake.end();
    }
}
