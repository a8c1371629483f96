//! Links of a socket that only sends, in turn.

use std::sync::Arc;
use std::task::{Context, Poll};

use gleis_transport::{CloseReason, Inbound, Inbox, Message};

use crate::core::Role;
use crate::peer::{Exit, Link};
use crate::ring::Ring;
use crate::stats::{Counters, Flow, Reason};

/// The role of a socket that gives each message to one of its peers and receives nothing.
#[derive(Default)]
pub(crate) struct Outlet {
    received: Arc<Counters>,
    pub(crate) ring: Ring,
}

impl Outlet {
    /// What peers sent although nobody listens.
    pub(crate) fn received(&self) -> Flow {
        self.received.flow(0)
    }
}

impl Role for Outlet {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        self.ring.add(link.clone());
        Arc::new(Deaf { exit, received: self.received.clone() })
    }

    fn detach(&self, link: &Arc<Link>) {
        self.ring.remove(link.id);
    }

    fn close(&self) {
        self.ring.close();
    }
}

/// The inbox of a socket that does not receive.
struct Deaf {
    exit: Exit,
    received: Arc<Counters>,
}

impl Inbox for Deaf {
    fn has_room(&self) -> bool {
        true
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn deliver(&self, _: Inbound) {
        self.received.offer(1);
        self.received.lose(Reason::Unwanted, 1);
    }

    fn displace(&self, _: Message) -> Option<Message> {
        self.received.offer(1);
        self.received.lose(Reason::Unwanted, 1);
        None
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
