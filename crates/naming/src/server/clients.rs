//! Who is connected, and who may come back.

use std::collections::HashMap;

use bytes::Bytes;
use gleis_core::Name;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::table::{Owner, Table};

/// The clients by what they call themselves.
#[derive(Debug, Default)]
pub(super) struct Clients {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    present: HashMap<Identity, Client>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Identity {
    /// It said nothing, and cannot come back.
    Anonymous(u64),
    Known(Bytes),
}

#[derive(Debug)]
struct Client {
    owner: Owner,
    /// Dropped when another connection takes its place.
    _keeps: oneshot::Sender<()>,
}

/// The place of one connection among the clients.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) place: Place,
    pub(super) replaced: oneshot::Receiver<()>,
}

/// Whose place it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    identity: Identity,
    pub(super) owner: Owner,
}

impl Clients {
    pub(super) fn len(&self) -> usize {
        self.state.lock().present.len()
    }

    /// Whether somebody with this identity is here already.
    pub(super) fn knows(&self, identity: &Bytes) -> bool {
        self.state.lock().present.contains_key(&Identity::Known(identity.clone()))
    }

    /// Takes in a connection; an older one of the same client loses its place.
    pub(super) fn arrive(&self, identity: &Bytes) -> Seat {
        let mut state = self.state.lock();
        state.last += 1;
        let session = state.last;
        let identity = match identity {
            it if it.is_empty() => Identity::Anonymous(session),
            it => Identity::Known(it.clone()),
        };
        let client = state.present.get(&identity).map_or(session, |it| it.owner.client);
        let owner = Owner { client, session };
        let (keeps, replaced) = oneshot::channel();
        state.present.insert(identity.clone(), Client { owner, _keeps: keeps });
        Seat { place: Place { identity, owner }, replaced }
    }

    /// Does `work` for a connection unless a newer one has taken its place: what an old connection
    /// still says must not undo what the new one has said.
    pub(super) fn act<R>(&self, place: &Place, work: impl FnOnce() -> R) -> Option<R> {
        let state = self.state.lock();
        let is_present =
            state.present.get(&place.identity).is_some_and(|it| it.owner == place.owner);
        // Under the lock: nobody takes the place meanwhile.
        is_present.then(work)
    }

    /// Gives up a place, and the names with it unless a newer connection has them; `lost` is told of them
    /// before they are free.
    pub(super) fn leave(&self, seat: &Seat, table: &Table, lost: impl FnOnce(Vec<Name>)) {
        let Place { identity, owner } = &seat.place;
        let mut state = self.state.lock();
        if state.present.get(identity).is_some_and(|it| it.owner == *owner) {
            state.present.remove(identity);
            lost(table.held_by(owner.client));
            // Under the lock: a connection that arrives now finds the names gone, not going.
            table.sweep(owner.client, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_connection_does_nothing_once_a_newer_one_is_here() {
        let clients = Clients::default();
        let identity = Bytes::from_static(b"alice");
        let old = clients.arrive(&identity);
        assert_eq!(clients.act(&old.place, || 1), Some(1));
        let new = clients.arrive(&identity);
        assert_eq!(clients.act(&old.place, || 2), None);
        assert_eq!(clients.act(&new.place, || 3), Some(3));
        clients.leave(&old, &Table::default(), |_| unreachable!("it has left"));
        assert_eq!(clients.act(&new.place, || 4), Some(4));
    }
}
