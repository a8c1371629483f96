//! A client that gets messages one by one.

use std::fmt;

use futures::Stream;
use serde::Serialize;

use crate::addresses::Addresses;
use crate::ends::{Ends, typed};
use crate::error::ClientError;
use crate::json::Json;

/// Sends messages and gets those of others, one by one; never its own.
///
/// May be shared between tasks; each message goes to one of them. Dropping it closes it at once.
pub struct MessageClient(Ends);

impl MessageClient {
    /// Connects to a hub, in the directions for which there is an address. When this returns both are up:
    /// nothing that is sent is lost, and no message of others is missed from then on. (A hub that is not
    /// gleis does not say when it knows of a listener; there the first messages may be missed.)
    ///
    /// # Errors
    /// [`ClientError::Open`]: there is no hub within 10 s.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(to: impl Into<Addresses>) -> Result<Self, ClientError> {
        Ends::connect(to.into()).await.map(Self)
    }

    /// Sends a message: an object with a `type`.
    ///
    /// # Errors
    /// [`ClientError`]: `Invalid`, `NoReceiveAddress`, `Closed`, and `Send` if there is no room for 10 s.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing, or, if it was polled, everything.
    pub async fn send_message<T: Serialize + ?Sized>(
        &self,
        message: &T,
    ) -> Result<(), ClientError> {
        self.0.send_json(typed(message)?).await.map(drop)
    }

    /// Waits for the next message of somebody else.
    ///
    /// # Errors
    /// [`ClientError`]: `Gap`, `NoBroadcastAddress` and `Closed`.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&self) -> Result<Json, ClientError> {
        self.0.recv_others().await
    }

    /// The messages of others, until the client is closed.
    pub fn stream(&self) -> impl Stream<Item = Result<Json, ClientError>> + Send {
        futures::stream::unfold(self, |it| async move {
            match it.recv().await {
                Err(ClientError::Closed | ClientError::NoBroadcastAddress) => None,
                received => Some((received, it)),
            }
        })
    }

    /// Closes; returns how many messages did not leave in the linger time.
    ///
    /// # Cancel safety
    /// It is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.0.close().await
    }
}

impl fmt::Debug for MessageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageClient").finish_non_exhaustive()
    }
}
