//! Where received messages go without anybody asking for them.

use std::fmt;
use std::task::{Context, Poll};

use crate::error::CloseReason;
use crate::message::{Inbound, Message};
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

    /// Takes a message and gives up the oldest waiting one if there is no room.
    fn displace(&self, message: Message) -> Option<Message>;

    /// Told once: nothing comes any more. It wakes every task that waits for room.
    fn closed(&self, reason: CloseReason);
}

/// A running delivery. Dropping it ends it and closes the connection.
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct Delivery {
    pub(crate) _hold: Hold,
}

#[expect(dead_code, reason = "held for what their drop does")]
pub(crate) enum Hold {
    Inproc(crate::inproc::PipeReader),
    Task(TaskGuard),
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inproc(_) => f.write_str("Inproc"),
            Self::Task(_) => f.write_str("Task"),
        }
    }
}
