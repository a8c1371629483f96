//! What a handler may know of the message it handles: its topic, and who waits for an answer.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use gleis_channels::Reply;
use gleis_codec::{AnyCodec, Limits};
use gleis_patterns::ReplyHandle;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task_local;

use super::EarlyReplyError;
use crate::text::chain;

task_local! {
    static HANDLING: Arc<Handling>;
}

/// An answer that is owed.
pub(super) enum Owed {
    Channel(Reply<Bytes>),
    Socket(ReplyHandle<Bytes>),
}

impl Owed {
    pub(super) async fn send(self, body: Bytes) -> Result<(), String> {
        match self {
            Self::Channel(it) => it.send(body).await.map_err(|it| chain(&it)),
            Self::Socket(it) => it.send(body).await.map_err(|it| chain(&it)),
        }
    }

    pub(super) async fn fail(self, text: String) -> Result<(), String> {
        match self {
            Self::Channel(it) => it.fail(text).await.map_err(|it| chain(&it)),
            Self::Socket(it) => it.fail(text).await.map_err(|it| chain(&it)),
        }
    }
}

/// The message that is being handled.
pub(crate) struct Handling {
    codec: AnyCodec,
    is_request: bool,
    owed: Mutex<Option<Owed>>,
    topic: Option<Bytes>,
}

impl Handling {
    pub(super) fn new(codec: AnyCodec, topic: Option<Bytes>, owed: Option<Owed>) -> Arc<Self> {
        Arc::new(Self { codec, is_request: owed.is_some(), owed: Mutex::new(owed), topic })
    }

    /// Runs `work` as the handling of this message.
    pub(super) async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        HANDLING.scope(self, work).await
    }

    /// The message that is handled here, if one is.
    pub(crate) fn current() -> Option<Arc<Self>> {
        HANDLING.try_with(Arc::clone).ok()
    }

    pub(super) fn codec(&self) -> &AnyCodec {
        &self.codec
    }

    pub(crate) fn topic(&self) -> Option<Bytes> {
        self.topic.clone()
    }

    /// Takes what is owed still.
    pub(super) fn take(&self) -> Option<Owed> {
        self.owed.lock().take()
    }

    /// Answers now.
    pub(crate) async fn reply<R: Serialize + 'static>(
        &self,
        value: &R,
    ) -> Result<(), EarlyReplyError> {
        let Some(owed) = self.take() else {
            return Err(match self.is_request {
                true => EarlyReplyError::Answered,
                false => EarlyReplyError::NoRequest,
            });
        };
        match self.codec.encode(value, &Limits::default()) {
            Ok(body) => owed.send(body).await.map_err(EarlyReplyError::Socket),
            Err(error) => {
                // The requester shall not wait in vain; the error goes to the handler.
                let _ = owed.fail(chain(&error)).await;
                Err(EarlyReplyError::Encode(error))
            }
        }
    }
}
