//! A client that keeps the last message.

use std::fmt;
use std::sync::Arc;

use gleis_transport::TaskGuard;
use serde::Serialize;
use tokio::sync::watch;

use crate::addresses::Addresses;
use crate::ends::{Ends, Heard};
use crate::error::ClientError;
use crate::json::Json;

/// Keeps the last message, its own included, and counts them. Dropping it closes it at once.
pub struct PassiveMessageClient {
    ends: Arc<Ends>,
    last: watch::Sender<(u64, Option<Json>)>,
    _task: Option<TaskGuard>,
}

impl PassiveMessageClient {
    /// Connects as a [`MessageClient`](crate::MessageClient) does.
    ///
    /// # Errors
    /// [`ClientError::Open`]: there is no hub within 10 s.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(to: impl Into<Addresses>) -> Result<Self, ClientError> {
        let ends = Arc::new(Ends::connect(to.into()).await?);
        let last = watch::Sender::new((0, None));
        let task = listen(ends.clone(), last.clone());
        let _task = ends.receives().then(|| TaskGuard::spawn(task));
        Ok(Self { ends, last, _task })
    }

    /// How many messages there were so far, and the last one: `(0, None)` before the first. What is sent
    /// here counts, and is the last message then; it does not count again when it comes back. What was
    /// missed counts, too.
    pub fn get_last_message(&self) -> (u64, Option<Json>) {
        self.last.borrow().clone()
    }

    /// Waits until there were more than `seen` messages, and returns what
    /// [`get_last_message`](Self::get_last_message) does.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn after(&self, seen: u64) -> (u64, Option<Json>) {
        let mut last = self.last.subscribe();
        let newer = last.wait_for(|it| seen < it.0).await;
        newer.map(|it| it.clone()).unwrap_or_default()
    }

    /// Sends a message: any object.
    ///
    /// # Errors
    /// [`ClientError`]: `Invalid`, `NoReceiveAddress`, `Closed`, and `Send` if there is no room for 10 s.
    ///
    /// # Cancel safety
    /// A dropped future may have sent it without counting it.
    pub async fn send_message<T: Serialize + ?Sized>(
        &self,
        message: &T,
    ) -> Result<(), ClientError> {
        let sent = self.ends.send(message).await?;
        note(&self.last, sent);
        Ok(())
    }

    /// Closes; returns how many messages did not leave in the linger time.
    ///
    /// # Cancel safety
    /// It is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.ends.close().await
    }
}

async fn listen(ends: Arc<Ends>, last: watch::Sender<(u64, Option<Json>)>) {
    loop {
        match ends.recv().await {
            Ok(Heard { is_own: true, .. }) => (),
            Ok(Heard { message, .. }) => note(&last, message),
            Err(ClientError::Gap { missed }) => last.send_modify(|it| it.0 += missed),
            Err(_) => return,
        }
    }
}

fn note(last: &watch::Sender<(u64, Option<Json>)>, message: Json) {
    last.send_modify(|it| *it = (it.0 + 1, Some(message)));
}

impl fmt::Debug for PassiveMessageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassiveMessageClient").finish_non_exhaustive()
    }
}
