//! A client for programs without a runtime.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use crate::addresses::Addresses;
use crate::client::MessageClient;
use crate::error::ClientError;
use crate::json::Json;

/// Sends messages and waits for those of others, blocking its thread. It has a small runtime of its own.
///
/// Between the calls nothing is received: what comes waits in the system, and at the hub. In an async
/// program its methods are errors: take a [`MessageClient`] there.
pub struct BlockingMessageClient {
    client: MessageClient,
    // Invariant: there until it is dropped.
    runtime: Option<Runtime>,
}

impl BlockingMessageClient {
    /// Connects as a [`MessageClient`] does.
    ///
    /// # Errors
    /// [`ClientError`]: `Open`, `Runtime`, and `Async` in an async program.
    pub fn connect(to: impl Into<Addresses>) -> Result<Self, ClientError> {
        if Handle::try_current().is_ok() {
            return Err(ClientError::Async);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ClientError::Runtime)?;
        let client = runtime.block_on(MessageClient::connect(to))?;
        Ok(Self { client, runtime: Some(runtime) })
    }

    /// Waits for the next message of somebody else.
    ///
    /// # Errors
    /// As [`MessageClient::recv`], and [`ClientError::Async`].
    pub fn get_message(&self) -> Result<Json, ClientError> {
        self.wait(self.client.recv())?
    }

    /// As [`get_message`](Self::get_message), no longer than `within`.
    ///
    /// # Errors
    /// As [`get_message`](Self::get_message), and [`ClientError::TimedOut`].
    pub fn get_message_within(&self, within: Duration) -> Result<Json, ClientError> {
        let waiting = async { timeout(within, self.client.recv()).await };
        self.wait(waiting)?.unwrap_or(Err(ClientError::TimedOut(within)))
    }

    /// Sends a message: an object with a `type`.
    ///
    /// # Errors
    /// As [`MessageClient::send_message`], and [`ClientError::Async`].
    pub fn send_message<T: Serialize + ?Sized>(&self, message: &T) -> Result<(), ClientError> {
        self.wait(self.client.send_message(message))?
    }

    /// Closes; returns how many messages did not leave in the linger time.
    ///
    /// # Errors
    /// [`ClientError::Async`].
    pub fn close(self) -> Result<usize, ClientError> {
        self.wait(self.client.close())
    }

    /// To wait inside of another runtime would panic.
    fn wait<F: Future>(&self, work: F) -> Result<F::Output, ClientError> {
        match (&self.runtime, Handle::try_current()) {
            (Some(runtime), Err(_)) => Ok(runtime.block_on(work)),
            _ => Err(ClientError::Async),
        }
    }
}

impl Drop for BlockingMessageClient {
    fn drop(&mut self) {
        // Inside of another runtime waiting for the end of this one would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for BlockingMessageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingMessageClient").finish_non_exhaustive()
    }
}
