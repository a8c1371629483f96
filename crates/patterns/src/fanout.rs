//! Giving a message to one of many peers that all get it.

use gleis_transport::{Broadcast, Message as Frames, NotTaken, Sender, TrySendError};
use tokio::time::Instant;

use crate::error::SendError;
use crate::options::Overflow;
use crate::peer::Link;
use crate::route::Given;
use crate::stats::DropReason;

impl Link {
    /// Gives the peer `message` if it has room and nothing else is to be seen to.
    #[inline]
    pub(crate) fn give_lightly(&self, message: &Broadcast) -> bool {
        self.sender.try_send_copy(message).is_ok()
    }

    /// Gives the peer `message` as `overflow` says, waiting for room `until` then at most; what is
    /// dropped is counted.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    pub(crate) async fn give(
        &self,
        message: &Broadcast,
        overflow: Overflow,
        until: Option<Instant>,
    ) -> Result<Given, SendError> {
        match self.sender.try_send_copy(message) {
            Err(NotTaken::Full) if overflow == Overflow::Block => (),
            Err(NotTaken::Full) if overflow == Overflow::DropOldest => {
                return self.give_now(message, overflow);
            }
            res => return self.given(res.map(|()| Vec::new())),
        }
        let sent = send_until(&self.sender, message.message().clone(), until).await;
        self.given(sent.map(|()| Vec::new()).map_err(NotTaken::from))
    }

    /// As [`give`](Self::give), at once or not at all.
    pub(crate) fn give_now(
        &self,
        message: &Broadcast,
        overflow: Overflow,
    ) -> Result<Given, SendError> {
        self.given(match overflow {
            Overflow::DropOldest => {
                self.sender.displace(message.message().clone()).map_err(NotTaken::from)
            }
            Overflow::Block | Overflow::DropNewest | Overflow::Fail => {
                self.sender.try_send_copy(message).map(|()| Vec::new())
            }
        })
    }

    fn given(&self, res: Result<Vec<Frames>, NotTaken>) -> Result<Given, SendError> {
        match res {
            Ok(given_up) if given_up.is_empty() => Ok(Given::Taken),
            Ok(given_up) => {
                let n_given_up = given_up.len() as u64;
                self.account.displace_sent(n_given_up);
                Ok(Given::Displaced(n_given_up))
            }
            Err(NotTaken::Full) => {
                self.account.lose_sent(DropReason::Full);
                Ok(Given::Full)
            }
            Err(NotTaken::Closed) => {
                self.account.lose_sent(DropReason::Closed);
                Ok(Given::Gone)
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
