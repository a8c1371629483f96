//! Links of a socket that only sends, in turn.

use std::sync::Arc;
use std::task::{Context, Poll};

use gleis_transport::{CloseReason, Inbound, Inbox, Message};

use crate::core::Role;
use crate::peer::{Exit, Link};
use crate::ring::Ring;
use crate::stats::DropReason;

/// The role of a socket that gives each message to one of its peers and receives nothing.
#[derive(Default)]
pub(crate) struct Outlet {
    pub(crate) ring: Arc<Ring>,
}

impl Role for Outlet {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        self.ring.add(link);
        Arc::new(Deaf { exit })
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
}

impl Inbox for Deaf {
    fn has_room(&self) -> bool {
        true
    }

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn deliver(&self, item: Inbound) {
        match item {
            Inbound::Control(control) => drop(self.exit.hear(control)),
            Inbound::Message(_) => self.exit.account.refuse_received(DropReason::Unwanted),
        }
    }

    fn displace(&self, message: Message) -> Vec<Message> {
        self.deliver(Inbound::Message(message));
        Vec::new()
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
