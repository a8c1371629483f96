//! Where received messages go without anybody asking for them.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use crate::error::CloseReason;
use crate::inproc::PipeReader;
use crate::message::{Inbound, Message};
use crate::stream::Pump;
use crate::task::TaskGuard;

/// The place that [`Receiver::deliver_to`](crate::Receiver::deliver_to) fills: one per connection.
///
/// On tcp and ipc a task of the connection calls it; on inproc the *sender's* own task does, so no
/// lock may be held around [`Sender::try_send`](crate::Sender::try_send) that `deliver` takes.
pub trait Inbox: Send + Sync + 'static {
    /// True while more may be delivered.
    fn has_room(&self) -> bool;

    /// Ready when more may be delivered; wakes the task otherwise. Many tasks may wait at once.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes one item. It is taken even without room: callers ask before.
    fn deliver(&self, item: Inbound);

    /// Takes all items in their order, leaving `batch` empty.
    fn deliver_all(&self, batch: &mut Vec<Inbound>) {
        for item in batch.drain(..) {
            self.deliver(item);
        }
    }

    /// Takes a message and gives up the oldest waiting ones until there is room.
    fn displace(&self, message: Message) -> Vec<Message>;

    /// Told once: nothing comes any more. It wakes every task that waits for room.
    fn closed(&self, reason: CloseReason);
}

/// A running delivery. Dropping it ends it and closes the connection.
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct Delivery {
    pub(crate) direct: Direct,
    pub(crate) _hold: Hold,
}

impl Delivery {
    /// A way for whoever waits for this connection to read from it.
    pub fn direct(&self) -> Direct {
        self.direct.clone()
    }
}

/// Reads a connection from the task that waits for what it brings, which spares a switch between
/// tasks for each message. It keeps nothing open.
///
/// Worth it where one task waits for one connection. The inbox gets everything in order, whoever
/// reads; the connection's own task goes on within 20 ms after the last call of
/// [`poll`](Self::poll).
#[derive(Clone, Default)]
pub struct Direct(pub(crate) Weak<Pump>);

impl Direct {
    /// Delivers to the inbox what has arrived; true if something had. Otherwise the task of `cx` is
    /// woken, alone, when something comes. The caller is registered with its inbox as well: it may
    /// also be woken from there.
    pub fn poll(&self, cx: &mut Context<'_>) -> bool {
        self.0.upgrade().is_some_and(|it| it.poll_direct(cx))
    }

    /// Lets the connection's own task read from now on: more than one task waits.
    pub fn give_up(&self) {
        if let Some(pump) = self.0.upgrade() {
            pump.give_up();
        }
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

#[expect(dead_code, reason = "held for what their drop does")]
pub(crate) enum Hold {
    Inproc(PipeReader),
    Task(TaskGuard, Arc<Pump>),
    #[cfg(feature = "zeromq")]
    Zmq(TaskGuard),
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inproc(_) => f.write_str("Inproc"),
            Self::Task(..) => f.write_str("Task"),
            #[cfg(feature = "zeromq")]
            Self::Zmq(_) => f.write_str("Zmq"),
        }
    }
}
