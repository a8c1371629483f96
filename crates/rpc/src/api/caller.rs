//! On whose behalf a function is called, and how a client is called back.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Value, from_value};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::api::back::Polled;
use crate::api::begun;
use crate::api::kept::{CHAINS, RESULTS};
use crate::api::reading::{self, Way};
use crate::api::running::{self, CANCEL, GiveUp};
use crate::api::streaming::Streaming;
use crate::api::values;
use crate::error::RpcError;
use crate::link::Link;
use crate::message::Message;

/// What a function is told of its call.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub(crate) client: Option<ClientRef>,
    /// The id that the client says it has, or `$`.
    pub(crate) id: String,
    until: Option<Instant>,
}

impl Call {
    /// A call on which work begins.
    pub(crate) fn new(client: Option<ClientRef>, id: &str) -> Self {
        Self { client, id: id.to_owned(), until: running::deadline() }
    }

    /// How long whoever calls still waits, if that is known. Calls that are made while this one is worked on
    /// wait no longer by themselves, unless a task of its own makes them: that has to be told.
    pub fn left(&self) -> Option<Duration> {
        Some(self.until?.saturating_duration_since(Instant::now()))
    }

    /// The client that calls, if it can be called back.
    pub fn client(&self) -> Option<&ClientRef> {
        self.client.as_ref()
    }
}

/// A client of an [aware](crate::ServerBuilder::aware) server: what it exposes is called with this. Cheap to
/// clone.
#[derive(Clone)]
pub struct ClientRef {
    pub(crate) ahead: usize,
    pub(crate) back: Back,
    pub(crate) id: Arc<str>,
    pub(crate) key: Option<Arc<str>>,
    /// Whether it knows more than xbahn does.
    pub(crate) knows: bool,
    /// Where calls of it arrive.
    pub(crate) path: Arc<str>,
    pub(crate) within: Duration,
}

/// The way back to a client.
#[derive(Clone)]
pub(crate) enum Back {
    /// It fetches its calls, over the connection that it has.
    Fetched(Arc<Polled>),
    /// It listens for them.
    Link(Link),
}

impl ClientRef {
    /// What tells it from the others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Calls wait so long for their answer: 10 s if not said.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Streams are read so many items ahead, 1,024 at most: 64 if not said.
    #[must_use]
    pub fn ahead(mut self, ahead: usize) -> Self {
        self.ahead = reading::allowed(ahead);
        self
    }

    /// Calls what the client exposes, with a tuple of arguments, `()` for none.
    ///
    /// # Errors
    /// [`RpcError`]; what the client says is [`RpcError::Remote`].
    ///
    /// # Cancel safety
    /// A dropped future may have called it; the client is told to give up what it has not done.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, RpcError> {
        let message = Message { args: values(method, &args)?, ..Message::new(method) };
        let result = self.call_at("", message).await?;
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// Calls a method of the client that gives a stream.
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`RpcError::Unable`]; so are those of the stream, after which it is over.
    ///
    /// # Cancel safety
    /// A dropped future may have called it; no stream is left open.
    pub async fn stream<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<Streaming<T>, RpcError> {
        let message = Message { args: values(method, &args)?, ..Message::new(method) };
        self.stream_at("", message).await
    }

    pub(crate) async fn stream_at<T: DeserializeOwned + Send + 'static>(
        &self,
        below: &str,
        message: Message,
    ) -> Result<Streaming<T>, RpcError> {
        let message = reading::ask_for(message, self.ahead, self.knows)?;
        let method = message.data.as_str().unwrap_or_default().to_owned();
        let told = self.call_at(below, message).await?;
        Way::Client(self.clone()).read(&method, told, self.ahead)
    }

    /// Calls something below the path of the client, which is told if nobody waits any more.
    pub(crate) async fn call_at(&self, below: &str, message: Message) -> Result<Value, RpcError> {
        let id = message.id().to_owned();
        let within = running::at_most(self.within);
        let (path, message) = self.prepare(message, below, within);
        if message.meta.contains_key(RESULTS) && !self.knows {
            return Err(RpcError::Unable { what: CHAINS });
        }
        let given_up = GiveUp::new(self.knows, || self.tell(Message::new(CANCEL).arg(id)));
        match &self.back {
            Back::Fetched(polled) => polled.call(message, within, given_up).await,
            Back::Link(link) => {
                let asked = pin!(link.ask(&path, message, within, None));
                Ok(given_up.unless(asked).await?.data)
            }
        }
    }

    /// As [`call_at`](Self::call_at), of what need not be given up.
    pub(crate) async fn ask(&self, message: Message) -> Result<Value, RpcError> {
        let (path, message) = self.prepare(message, "", self.within);
        match &self.back {
            Back::Fetched(polled) => {
                polled.call(message, self.within, GiveUp::new(false, || ())).await
            }
            Back::Link(link) => Ok(link.ask(&path, message, self.within, None).await?.data),
        }
    }

    /// Tells it something that needs no answer, if that is possible at once.
    pub(crate) fn tell(&self, message: Message) {
        let (_, message) = self.prepare(message, "", self.within);
        match &self.back {
            Back::Fetched(polled) => polled.tell(message),
            Back::Link(link) => link.tell(&message),
        }
    }

    /// Says what is said with each message, and under which path it is sent.
    fn prepare(&self, mut message: Message, below: &str, within: Duration) -> (String, Message) {
        if let Some(key) = &self.key {
            message.meta.insert("auth".to_owned(), Value::from(&**key));
        }
        if self.knows {
            running::say(&mut message, within);
        }
        begun::name_results(&mut message);
        let path = format!("{}{below}", self.path);
        message.meta.insert("path".to_owned(), Value::from(path.as_str()));
        (path, message)
    }
}

impl fmt::Debug for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRef").field("id", &self.id).finish_non_exhaustive()
    }
}
