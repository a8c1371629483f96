//! What the links of a socket tell it.

use std::sync::Arc;

use gleis_transport::{Connection, Host, Origin, Peer};

use crate::core::{Attached, Core};
use crate::event::Event;
use crate::negotiate::speaks_gleis;
use crate::peer::{Exit, Link, LinkParts};

impl Core {
    /// Takes a link among the others; `None` once the socket is closed.
    fn enlist(&self, link: impl FnOnce(u64) -> Link) -> Option<Arc<Link>> {
        let mut links = self.links.lock();
        if links.closed {
            return None;
        }
        links.last_id += 1;
        let id = links.last_id;
        let link = Arc::new(link(id));
        self.ledger.enter(&link);
        links.peers.insert(id, Attached { delivery: None, link: link.clone() });
        Some(link)
    }
}

impl Host for Core {
    fn admit(&self, peer: &Peer, origin: Origin) -> Result<(), String> {
        self.negotiation.agree(peer, origin)?;
        self.role.admit(peer)
    }

    fn attach(&self, connection: Connection, origin: Origin) {
        let Ok(codec) = self.negotiation.agree(connection.peer(), origin) else {
            return;
        };
        let gleis = speaks_gleis(connection.peer());
        let (sender, receiver) = connection.split();
        let account = self.ledger.open(sender.peer().address.clone());
        let parts = LinkParts { account: account.clone(), codec, gleis, origin, sender };
        let Some(link) = self.enlist(|id| Link::new(id, parts)) else {
            return;
        };
        let exit = Exit { account, core: self.me.clone(), gleis, link: link.id };
        let delivery = receiver.deliver_to(self.role.clone().attach(&link, exit));
        let _ = link.direct.set(delivery.direct());
        let late = match self.links.lock().peers.get_mut(&link.id) {
            Some(attached) => {
                attached.delivery = Some(delivery);
                None
            }
            // It was over before it began.
            None => Some(delivery),
        };
        if late.is_some() {
            // Perhaps even before the role knew of it.
            self.role.detach(&link);
        }
        drop(late);
        self.role.settled(&link);
        self.changed.notify_waiters();
    }

    fn note(&self, event: gleis_transport::Event) {
        if let Some(event) = Event::from_transport(event) {
            self.teller.tell(&event);
        }
    }
}
