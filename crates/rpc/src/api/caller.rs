//! On whose behalf a function is called, and how a client is called back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Value, from_value};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::api::back::Polled;
use crate::api::running::{self, CANCEL, GiveUp};
use crate::api::{CALL, values};
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
    pub(crate) back: Back,
    pub(crate) id: Arc<str>,
    pub(crate) key: Option<Arc<str>>,
    /// Whether it knows more than xbahn does.
    pub(crate) knows: bool,
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
        let result = self.call_at("", method, values(method, &args)?, BTreeMap::new()).await?;
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// Calls something below the path of the client.
    pub(crate) async fn call_at(
        &self,
        below: &str,
        method: &str,
        args: Vec<Value>,
        kwargs: BTreeMap<String, Value>,
    ) -> Result<Value, RpcError> {
        let message = Message { args, kwargs, ..Message::new(method) };
        let id = message.id().to_owned();
        let within = running::at_most(self.within);
        let (path, message) = self.prepare(message, below, within);
        let cancel = || self.prepare(Message::new(CANCEL).arg(id), "", self.within).1;
        match &self.back {
            Back::Fetched(polled) => {
                let given_up = GiveUp::new(self.knows, || polled.tell(cancel()));
                polled.call(message, within, given_up).await
            }
            Back::Link(link) => {
                let given_up = GiveUp::new(self.knows, || link.tell(&cancel()));
                Ok(given_up.unless(link.ask(&path, message, within)).await?.data)
            }
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
        let path = format!("{}.{CALL}{below}", self.path);
        message.meta.insert("path".to_owned(), Value::from(path.as_str()));
        (path, message)
    }
}

impl fmt::Debug for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRef").field("id", &self.id).finish_non_exhaustive()
    }
}
