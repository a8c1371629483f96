//! Hears what is written to a channel.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::error::ChannelError;
use super::message::ChannelMessage;
use super::shared::Shared;

/// How many messages are taken from the log at a time.
const BATCH: usize = 64;

/// Every message of a channel, in order, from some message on: a place in the log, so that a slow
/// subscriber costs nothing and delays nobody. One that is slower than the log forgets is told how many
/// it missed.
pub struct Subscription {
    ready: VecDeque<Arc<ChannelMessage>>,
    next: u64,
    shared: Arc<Shared>,
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>, next: u64) -> Self {
        Self { ready: VecDeque::new(), next, shared }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`ChannelError::Gap`], after which the next call goes on, and [`ChannelError::Closed`].
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<Arc<ChannelMessage>, ChannelError> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            let since = self.shared.since(Some(self.next), BATCH).await?;
            self.next = since.next;
            self.ready.extend(since.messages);
            if 0 < since.missed {
                return Err(ChannelError::Gap { missed: since.missed });
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("channel", &self.shared.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
