//! A client that hands messages to a handler.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use gleis_patterns::Flow;
use gleis_transport::TaskGuard;
use serde::Serialize;

use crate::addresses::Addresses;
use crate::ends::{Ends, Heard};
use crate::error::ClientError;
use crate::json::Json;

/// What happens to the messages of a [`GenericMessageClient`].
///
/// An async closure of a [`Json`] is a handler as well.
pub trait MessageHandler: Send + 'static {
    /// Handles a message.
    fn handle_new_message(&mut self, message: Json) -> impl Future<Output = ()> + Send;

    /// Handles a message as it came; unless it is written anew, it does
    /// [`handle_new_message`](Self::handle_new_message). The text is [`Json::text`].
    fn handle_json_message(&mut self, message: Json) -> impl Future<Output = ()> + Send {
        self.handle_new_message(message)
    }

    /// Hears that so many messages were lost before the next one, since they were not handled in time.
    /// Unless it is written anew, that is logged.
    fn handle_gap(&mut self, missed: u64) -> impl Future<Output = ()> + Send {
        tracing::warn!(target: "gleis::broker", missed, "messages were missed");
        std::future::ready(())
    }
}

impl<F, Fut> MessageHandler for F
where
    F: FnMut(Json) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    fn handle_new_message(&mut self, message: Json) -> impl Future<Output = ()> + Send {
        self(message)
    }
}

/// Hands all messages to a handler, its own included, one after the other.
///
/// What is sent here comes back, so a handler that answers each message with another never ends, unless
/// the client is told not to [bounce](Self::connect_without_bounce). A handler that panics costs one
/// message. Dropping the client closes it at once.
pub struct GenericMessageClient {
    ends: Arc<Ends>,
    _task: Option<TaskGuard>,
}

impl GenericMessageClient {
    /// Connects as a [`MessageClient`](crate::MessageClient) does.
    ///
    /// # Errors
    /// [`ClientError::Open`]: there is no hub within 10 s.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(
        handler: impl MessageHandler,
        to: impl Into<Addresses>,
    ) -> Result<Self, ClientError> {
        Self::open(handler, to.into(), true).await
    }

    /// As [`connect`](Self::connect), but what is sent here does not come back.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect_without_bounce(
        handler: impl MessageHandler,
        to: impl Into<Addresses>,
    ) -> Result<Self, ClientError> {
        Self::open(handler, to.into(), false).await
    }

    async fn open(
        handler: impl MessageHandler,
        to: Addresses,
        bounce: bool,
    ) -> Result<Self, ClientError> {
        let ends = Arc::new(Ends::connect(to).await?);
        let task = handle(ends.clone(), handler, bounce);
        let _task = ends.receives().then(|| TaskGuard::spawn(task));
        Ok(Self { ends, _task })
    }

    /// Sends a message: any object. It comes back to the handler.
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
        self.ends.send(message).await.map(drop)
    }

    /// Sends a message that is JSON already: the text of an object. It comes back to the handler.
    ///
    /// # Errors
    /// As [`send_message`](Self::send_message).
    ///
    /// # Cancel safety
    /// As [`send_message`](Self::send_message).
    pub async fn send_json_message(&self, text: impl Into<String>) -> Result<(), ClientError> {
        self.ends.send_json(Json::parse(text.into())?).await.map(drop)
    }

    /// Whether the hub is there now.
    pub fn is_connected(&self) -> bool {
        self.ends.is_connected()
    }

    /// What became of messages that were `received` and `sent`, as the sockets count them.
    pub fn flows(&self) -> Vec<(&'static str, Flow)> {
        self.ends.flows()
    }

    /// Closes; returns how many messages did not leave in the linger time.
    ///
    /// # Cancel safety
    /// It is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.ends.close().await
    }
}

async fn handle(ends: Arc<Ends>, mut handler: impl MessageHandler, bounce: bool) {
    loop {
        let message = match ends.recv().await {
            Ok(Heard { is_own: true, .. }) if !bounce => continue,
            Ok(Heard { message, .. }) => message,
            Err(ClientError::Gap { missed }) => {
                handler.handle_gap(missed).await;
                continue;
            }
            Err(_) => return,
        };
        let handling = AssertUnwindSafe(handler.handle_json_message(message));
        if handling.catch_unwind().await.is_err() {
            tracing::error!(target: "gleis::broker", "a handler of messages panicked");
        }
        tokio::task::coop::consume_budget().await;
    }
}

impl fmt::Debug for GenericMessageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenericMessageClient").finish_non_exhaustive()
    }
}
