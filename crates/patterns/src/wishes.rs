//! What a subscriber wants, told to every publisher it is connected to.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use gleis_transport::{Control, Inbox};
use parking_lot::Mutex;

use crate::core::Role;
use crate::intake::Intake;
use crate::peer::{Exit, Link};
use crate::topics::Topics;

/// The role of a subscriber.
pub(crate) struct Wishes {
    intake: Arc<Intake>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    links: Vec<Arc<Told>>,
    topics: Topics,
}

/// A publisher, and what it is still to be told, in order.
struct Told {
    link: Arc<Link>,
    outbox: Mutex<Outbox>,
}

#[derive(Default)]
struct Outbox {
    busy: bool,
    controls: VecDeque<Control>,
}

impl Told {
    /// Tells what waits, unless somebody is doing so. No lock is held meanwhile: on inproc the
    /// publisher's answer may come back into this very call.
    fn tell(&self) {
        loop {
            let control = {
                let mut outbox = self.outbox.lock();
                match outbox.controls.pop_front() {
                    Some(control) => {
                        outbox.busy = true;
                        control
                    }
                    None => {
                        outbox.busy = false;
                        return;
                    }
                }
            };
            // A link that is over needs not be told; the next one is told everything.
            let _ = self.link.sender.control(control);
        }
    }

    /// Queues a control; false if somebody is telling already and will find it.
    fn queue(&self, control: Control) -> bool {
        let mut outbox = self.outbox.lock();
        outbox.controls.push_back(control);
        !std::mem::replace(&mut outbox.busy, true)
    }
}

impl Wishes {
    pub(crate) fn new(intake: Arc<Intake>, prefixes: Vec<Bytes>) -> Self {
        let mut state = State::default();
        for prefix in prefixes {
            state.topics.add(prefix);
        }
        Self { intake, state: Mutex::new(state) }
    }

    pub(crate) fn want(&self, topic: &[u8]) -> bool {
        self.state.lock().topics.want(topic)
    }

    pub(crate) fn add(&self, prefix: Bytes) {
        let mut state = self.state.lock();
        if state.topics.add(prefix.clone()) {
            let told = state.queue(&Control::Subscribe(prefix));
            drop(state);
            told.iter().for_each(|it| it.tell());
        }
    }

    /// False if there is no such subscription.
    pub(crate) fn remove(&self, prefix: &Bytes) -> bool {
        let mut state = self.state.lock();
        let Some(last) = state.topics.remove(prefix) else {
            return false;
        };
        if last {
            let told = state.queue(&Control::Cancel(prefix.clone()));
            drop(state);
            told.iter().for_each(|it| it.tell());
        }
        true
    }
}

impl State {
    /// Queues a control for every publisher; returns those that have to be told by the caller.
    fn queue(&self, control: &Control) -> Vec<Arc<Told>> {
        self.links.iter().filter(|it| it.queue(control.clone())).cloned().collect()
    }
}

impl Role for Wishes {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let told = Arc::new(Told { link: link.clone(), outbox: Mutex::default() });
        let inbox = self.intake.clone().attach(link, exit);
        let to_tell = {
            let mut state = self.state.lock();
            let tell = |prefix: &Bytes| told.queue(Control::Subscribe(prefix.clone()));
            let n_first = state.topics.iter().filter(|it| tell(it)).count();
            state.links.push(told.clone());
            0 < n_first
        };
        if to_tell {
            told.tell();
        }
        inbox
    }

    fn detach(&self, link: &Arc<Link>) {
        let removed = {
            let mut state = self.state.lock();
            let at = state.links.iter().position(|it| it.link.id == link.id);
            at.map(|at| state.links.swap_remove(at))
        };
        drop(removed);
        self.intake.detach(link);
    }

    fn close(&self) {}

    fn end(&self) {
        let links = std::mem::take(&mut self.state.lock().links);
        drop(links);
        self.intake.end();
    }
}
