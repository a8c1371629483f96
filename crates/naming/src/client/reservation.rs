//! Names on their way in and out.

use gleis_core::{CorrelationId, Name};

use crate::client::link::{Link, Mine, Up};
use crate::protocol::{self, Request};
use crate::{Record, RegisterError};

/// The id of what is said without waiting for an answer: never in use, and not that of news.
const NOBODY: u64 = u64::MAX;

impl Link {
    /// Keeps others of this process from registering `name` while we do.
    pub(super) fn reserve(
        &self,
        name: &Name,
        record: &Record,
    ) -> Result<Reservation<'_>, RegisterError> {
        let len = record.metadata_len();
        if Record::MAX_METADATA < len {
            return Err(RegisterError::TooLarge { len });
        }
        let mut state = self.state.lock();
        if let Some(it) = state.mine.get(name) {
            let holder = it.record.endpoint.clone();
            return Err(RegisterError::Taken { name: name.clone(), holder });
        }
        state.mine.insert(name.clone(), Mine { is_leaving: false, record: record.clone() });
        Ok(Reservation { link: self, name: Some(name.clone()) })
    }

    /// Does not register `name` again from now on; it is free when the guard is dropped.
    pub(super) fn leave(&self, name: &Name) -> Leaving<'_> {
        if let Some(it) = self.state.lock().mine.get_mut(name) {
            it.is_leaving = true;
        }
        Leaving { is_answered: false, link: self, name: name.clone() }
    }

    /// Tells the server, if it can be told at once, that nobody comes back.
    pub(super) fn say_goodbye(&self) {
        self.mention(&Request::Leave);
    }

    /// Says something to the server if it can be said at once.
    fn mention(&self, request: &Request) {
        let Up::Ready(_, sender) = self.up.borrow().clone() else {
            return;
        };
        let Some(id) = CorrelationId::from_bytes(&NOBODY.to_be_bytes()) else {
            return;
        };
        if let Ok(message) = protocol::encode(protocol::head(id.to_bytes()), request) {
            // What is not heard now is found out by the server when the connection ends.
            let _ = sender.try_send(message);
        }
    }
}

/// A name that is being registered.
pub(super) struct Reservation<'a> {
    link: &'a Link,
    name: Option<Name>,
}

impl Reservation<'_> {
    /// The name is ours.
    pub(super) fn keep(mut self) {
        self.name = None;
    }

    /// The name is not ours.
    pub(super) fn give_up(mut self) {
        if let Some(name) = self.name.take() {
            self.link.state.lock().mine.remove(&name);
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        // Nobody waits for the answer: the server may have registered the name, so take it back.
        if let Some(name) = self.name.take() {
            // In one step: whoever reserves the name next speaks after us.
            let mut state = self.link.state.lock();
            state.mine.remove(&name);
            self.link.mention(&Request::Unregister { name, forced: false });
        }
    }
}

/// A name that is being unregistered.
pub(super) struct Leaving<'a> {
    is_answered: bool,
    link: &'a Link,
    name: Name,
}

impl Leaving<'_> {
    /// The server has heard of it.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        // In one step: whoever reserves the name next speaks after us.
        let mut state = self.link.state.lock();
        if state.mine.get(&self.name).is_some_and(|it| it.is_leaving) {
            if !self.is_answered {
                // Nobody waits for the answer, and the name will not be renewed: let it go now.
                self.link.mention(&Request::Unregister { name: self.name.clone(), forced: false });
            }
            state.mine.remove(&self.name);
        }
    }
}
