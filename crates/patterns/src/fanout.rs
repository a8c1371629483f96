//! Giving a message to one of many peers that all get it.

use gleis_transport::{Message as Frames, Sender, TrySendError};
use tokio::time::Instant;

use crate::error::SendError;
use crate::options::Overflow;
use crate::peer::Link;
use crate::stats::DropReason;

/// What became of a message for one peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// So many older ones were given up for it.
    Displaced(u64),
    /// There was no room.
    Full,
    /// The peer has just gone.
    Gone,
    Taken,
}

impl Link {
    /// Gives the peer `message` as `overflow` says, waiting for room `until` then at most; what is
    /// dropped is counted.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    pub(crate) async fn give(
        &self,
        message: Frames,
        overflow: Overflow,
        until: Option<Instant>,
    ) -> Result<Outcome, SendError> {
        if overflow != Overflow::Block {
            return self.give_now(message, overflow);
        }
        self.given(send_until(&self.sender, message, until).await.map(|()| Vec::new()))
    }

    /// As [`give`](Self::give), at once or not at all.
    pub(crate) fn give_now(
        &self,
        message: Frames,
        overflow: Overflow,
    ) -> Result<Outcome, SendError> {
        self.given(match overflow {
            Overflow::DropOldest => self.sender.displace(message),
            Overflow::Block | Overflow::DropNewest | Overflow::Fail => {
                self.sender.try_send(message).map(|()| Vec::new())
            }
        })
    }

    fn given(&self, res: Result<Vec<Frames>, TrySendError>) -> Result<Outcome, SendError> {
        match res {
            Ok(given_up) if given_up.is_empty() => Ok(Outcome::Taken),
            Ok(given_up) => {
                let n_given_up = given_up.len() as u64;
                self.account.displace_sent(n_given_up);
                Ok(Outcome::Displaced(n_given_up))
            }
            Err(TrySendError::Full(_)) => {
                self.account.lose_sent(DropReason::Full);
                Ok(Outcome::Full)
            }
            Err(TrySendError::Closed(_)) => {
                self.account.lose_sent(DropReason::Closed);
                Ok(Outcome::Gone)
            }
            Err(error) => Err(SendError::Encode(Box::new(error))),
        }
    }
}

/// Waits for room; `Full` when it is too late.
async fn send_until(
    sender: &Sender,
    message: Frames,
    until: Option<Instant>,
) -> Result<(), TrySendError> {
    let Some(until) = until else {
        return sender.send(message).await;
    };
    let back = message.clone();
    tokio::time::timeout_at(until, sender.send(message))
        .await
        .unwrap_or(Err(TrySendError::Full(back)))
}
