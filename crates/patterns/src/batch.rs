//! Messages taken off the queues at once, to be handed on without a lock.

use std::collections::VecDeque;
use std::sync::Arc;

use gleis_transport::Message;

use crate::peer::Link;

/// Messages and who sent them, in order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    messages: VecDeque<Message>,
    /// Who sent how many of the messages, in order; never zero.
    runs: VecDeque<(Arc<Link>, usize)>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Appends a message; [`end_run`](Self::end_run) says whose it is.
    pub(crate) fn push(&mut self, message: Message) {
        self.messages.push_back(message);
    }

    /// The last `n` messages are of `link`.
    pub(crate) fn end_run(&mut self, link: &Arc<Link>, n: usize) {
        match self.runs.back_mut() {
            _ if n == 0 => (),
            Some((last, n_last)) if last.id == link.id => *n_last += n,
            _ => self.runs.push_back((link.clone(), n)),
        }
    }

    /// The next message, and a look at who sent it.
    pub(crate) fn next<R>(&mut self, look: impl FnOnce(&Arc<Link>, Message) -> R) -> Option<R> {
        let message = self.messages.pop_front()?;
        let (link, n) = self.runs.front_mut()?;
        *n -= 1;
        let over = *n == 0;
        let res = look(link, message);
        if over {
            self.runs.pop_front();
        }
        Some(res)
    }
}
