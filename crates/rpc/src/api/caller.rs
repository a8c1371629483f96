//! On whose behalf a function is called, and how a client is called back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Value, from_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::back::Polled;
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
}

impl Call {
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
    /// A dropped future may have called it.
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
        let mut message = Message { args, kwargs, ..Message::new(method) };
        if let Some(key) = &self.key {
            message.meta.insert("auth".to_owned(), Value::from(&**key));
        }
        let path = format!("{}.{CALL}{below}", self.path);
        match &self.back {
            Back::Fetched(polled) => polled.call(path, message, self.within).await,
            Back::Link(link) => {
                let link = link.clone().within(self.within);
                Ok(link.send_and_wait(&path, message).await?.data)
            }
        }
    }
}

impl fmt::Debug for ClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRef").field("id", &self.id).finish_non_exhaustive()
    }
}
