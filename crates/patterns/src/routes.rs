//! Which peer of a router has which identity.

use std::sync::Arc;

use foldhash::HashMap;
use gleis_transport::{CloseReason, Inbox, Peer};
use parking_lot::Mutex;

use crate::core::Role;
use crate::intake::Intake;
use crate::options::Settings;
use crate::peer::{Exit, Link};
use crate::peer_id::PeerId;

/// The role of a router.
pub(crate) struct Routes {
    handover: bool,
    pub(crate) intake: Arc<Intake>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    closed: bool,
    last_serial: u32,
    seats: HashMap<PeerId, Seat>,
}

/// The place of one identity.
enum Seat {
    /// For a peer that was admitted and is about to be attached.
    Held,
    Taken(Arc<Link>),
}

/// Why there is no way to a peer.
pub(crate) enum Astray {
    Closed,
    NoPeer,
}

impl Routes {
    pub(crate) fn new(settings: &Settings) -> Self {
        let intake = Arc::new(Intake::new(settings));
        Self { handover: settings.handover, intake, table: Mutex::default() }
    }

    /// The link of a peer that is here.
    pub(crate) fn find(&self, id: &PeerId) -> Result<Arc<Link>, Astray> {
        let table = self.table.lock();
        match table.seats.get(id) {
            _ if table.closed => Err(Astray::Closed),
            Some(Seat::Taken(link)) => Ok(link.clone()),
            Some(Seat::Held) | None => Err(Astray::NoPeer),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.table.lock().closed
    }

    /// Who is here, in order.
    pub(crate) fn ids(&self) -> Vec<PeerId> {
        let mut ids: Vec<_> = {
            let table = self.table.lock();
            let here = table.seats.iter().filter(|(_, seat)| matches!(seat, Seat::Taken(_)));
            here.map(|(id, _)| id.clone()).collect()
        };
        ids.sort_unstable();
        ids
    }

    /// Holds the seat of `id` for a newcomer; returns who has to leave for it.
    fn hold(&self, id: PeerId) -> Result<Option<Arc<Link>>, String> {
        let mut table = self.table.lock();
        let there = match table.seats.get(&id) {
            Some(Seat::Taken(link)) => Some(link.clone()),
            Some(Seat::Held) => return Err(format!("another peer has the identity {id}")),
            None => None,
        };
        let there = there.filter(|it| !it.is_over());
        if let Some(link) = there.as_ref().filter(|_| !self.handover) {
            let at = link.address();
            return Err(format!("another peer, {at}, has the identity {id}"));
        }
        let old = table.seats.insert(id, Seat::Held);
        drop(table);
        drop(old);
        Ok(there)
    }
}

impl Table {
    /// An id that no peer has.
    fn invent(&mut self) -> PeerId {
        loop {
            self.last_serial = self.last_serial.wrapping_add(1);
            let id = PeerId::invented(self.last_serial);
            if !self.seats.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Role for Routes {
    fn admit(&self, peer: &Peer) -> Result<(), String> {
        let Some(id) = PeerId::announced(&peer.identity) else {
            return Ok(());
        };
        let text = format!("{} took over the identity {id}", peer.address);
        if let Some(old) = self.hold(id)? {
            old.sender.abort(CloseReason::Refused(text.into()));
        }
        Ok(())
    }

    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let old = {
            let mut table = self.table.lock();
            let id = PeerId::announced(link.identity()).unwrap_or_else(|| table.invent());
            // The link is new: nobody has set it before.
            let _ = link.peer_id.set(id.clone());
            table.seats.insert(id, Seat::Taken(link.clone()))
        };
        drop(old);
        self.intake.clone().attach(link, exit)
    }

    fn detach(&self, link: &Arc<Link>) {
        let old = {
            let mut table = self.table.lock();
            let id = link.peer_id.get();
            let id = id.filter(|id| {
                let seat = table.seats.get(*id);
                // A newcomer may have it already.
                matches!(seat, Some(Seat::Taken(it)) if it.id == link.id)
            });
            id.and_then(|id| table.seats.remove(id))
        };
        drop(old);
        self.intake.detach(link);
    }

    fn close(&self) {
        self.table.lock().closed = true;
    }

    fn end(&self) {
        let seats = std::mem::take(&mut self.table.lock().seats);
        drop(seats);
        self.intake.end();
    }
}
