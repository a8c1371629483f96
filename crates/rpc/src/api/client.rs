//! Who calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::{CALL, Method, PATH};
use crate::error::{OpenError, RpcError, UrlError};
use crate::link::Link;
use crate::message::Message;
use crate::url::Url;

/// Calls what a server exposes. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    id: Value,
    key: Option<String>,
    link: Link,
    path: String,
}

impl Client {
    /// Connects to a server. It need not be there yet; the first call waits for it.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(url: impl TryInto<Url, Error: Into<UrlError>>) -> Result<Self, OpenError> {
        Ok(Self::on(Link::connect(url).await?))
    }

    /// Calls on a link that is there.
    pub fn on(link: Link) -> Self {
        Self { id: Value::from("$"), key: None, link, path: PATH.to_owned() }
    }

    /// The path of the server, `comm` if not said.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The key that the server asks for.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A call waits so long: 10 s if not said.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.link = self.link.within(within);
        self
    }

    /// The link that it calls on.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Calls a method with a tuple of arguments, `()` for none.
    ///
    /// # Errors
    /// [`RpcError`]; what the server says is [`RpcError::Remote`].
    ///
    /// # Cancel safety
    /// A dropped future may have called it.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, RpcError> {
        let answer = |reason: String| RpcError::Answer { method: method.to_owned(), reason };
        let args = match to_value(&args).map_err(|it| answer(it.to_string()))? {
            Value::List(args) => args,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        self.call_named(method, args, BTreeMap::new()).await
    }

    /// Calls a method with arguments in order, and others by name.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub async fn call_named<R: DeserializeOwned>(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: BTreeMap<String, Value>,
    ) -> Result<R, RpcError> {
        let mut message = Message { args, kwargs, ..Message::new(method) };
        message.meta.insert("client".to_owned(), self.id.clone());
        if let Some(key) = &self.key {
            message.meta.insert("auth".to_owned(), Value::from(key.as_str()));
        }
        let path = format!("{}.{CALL}", self.path);
        let answer = self.link.send_and_wait(&path, message).await?;
        from_value(answer.data)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// What the server exposes.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn describe(&self) -> Result<Vec<Method>, RpcError> {
        self.call("describe", ()).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("link", &self.link).finish_non_exhaustive()
    }
}
