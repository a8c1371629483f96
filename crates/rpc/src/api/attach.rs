//! Widgets of a client.

use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures::future::BoxFuture;
use gleis_core::{Value, from_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::widget::Far;
use crate::api::widgets::NOT_FOUND;
use crate::api::{Client, Init, Streaming, WidgetRef, values};
use crate::error::RpcError;
use crate::message::Message;

/// A widget about to be attached: say with what it is made, then `.await`.
#[must_use = "nothing is attached until it is awaited"]
#[derive(Debug)]
pub struct Attach {
    client: Client,
    init: Init,
    name: String,
    remote: Option<String>,
}

impl Attach {
    pub(crate) fn new(client: Client, name: String, id: String) -> Self {
        let init = Init { id, kwargs: BTreeMap::new() };
        Self { client, init, name, remote: None }
    }

    /// Makes it with a value of this name, on both sides.
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.init.kwargs.insert(name.into(), value.into());
        self
    }

    /// The name that it has on the server; the same as here if not said.
    pub fn remote_name(mut self, name: impl Into<String>) -> Self {
        self.remote = Some(name.into());
        self
    }
}

impl IntoFuture for Attach {
    type Output = Result<RemoteWidget, RpcError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { client, init, name, remote } = self;
            let key = format!("{}.{}", client.id().await?, init.id);
            let remote = remote.unwrap_or_else(|| name.clone());
            let about = Arc::new(About { init, key, name, remote });
            let widget = RemoteWidget { about, client };
            widget.attach().await?;
            widget.keep()?;
            Ok(widget)
        })
    }
}

/// A widget of a client: what the server has of it is called with this. Cheap to clone.
#[derive(Clone)]
pub struct RemoteWidget {
    about: Arc<About>,
    client: Client,
}

pub(crate) struct About {
    init: Init,
    key: String,
    pub(crate) name: String,
    remote: String,
}

impl RemoteWidget {
    /// What it was made with.
    pub fn init(&self) -> &Init {
        &self.about.init
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// What tells it from the others of its name, on the server too: `<client>.<id>`.
    pub fn key(&self) -> &str {
        &self.about.key
    }

    /// A widget that this client has attached.
    pub(crate) fn of(client: &Client, about: &Arc<About>) -> Self {
        Self { about: about.clone(), client: client.clone() }
    }

    /// Calls the widget on the server. If the server has it no more, it is attached again, and called once
    /// more.
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
        self.call_named(method, values(method, &args)?, BTreeMap::new()).await
    }

    /// As [`call`](Self::call), with arguments in order, and others by name.
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
        let message = Message { args, kwargs, ..Message::new(method) };
        let result = match self.client.call_at(&self.below(), message.again()).await {
            Err(error) if is_lost(&error) => {
                self.attach().await?;
                self.client.call_at(&self.below(), message).await?
            }
            called => called?,
        };
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// As [`call`](Self::call), of a method that gives a stream.
    ///
    /// # Errors
    /// As [`Client::stream`].
    ///
    /// # Cancel safety
    /// As [`Client::stream`].
    pub async fn stream<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<Streaming<T>, RpcError> {
        self.stream_named(method, values(method, &args)?, BTreeMap::new()).await
    }

    /// As [`stream`](Self::stream), with arguments in order, and others by name.
    ///
    /// # Errors
    /// As [`Client::stream`].
    ///
    /// # Cancel safety
    /// As [`Client::stream`].
    pub async fn stream_named<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: BTreeMap<String, Value>,
    ) -> Result<Streaming<T>, RpcError> {
        let message = Message { args, kwargs, ..Message::new(method) };
        match self.client.stream_at(&self.below(), message.again()).await {
            Err(error) if is_lost(&error) => {
                self.attach().await?;
                self.client.stream_at(&self.below(), message).await
            }
            streamed => streamed,
        }
    }

    /// Where it is on the server, below the path of calls.
    fn below(&self) -> String {
        format!(".widgets.{}.{}", self.about.remote, self.about.key)
    }

    /// What is kept here of it, if the client has widgets of this name that keep a `W`.
    pub fn local<W: Send + 'static>(&self) -> Option<WidgetRef<W>> {
        self.client.shared.callee.widgets.get(&self.about.name, &self.about.key)
    }

    /// Lets the server's side of it go.
    ///
    /// # Errors
    /// [`RpcError`]
    ///
    /// # Cancel safety
    /// A dropped future may have done it.
    pub async fn detach(self) -> Result<(), RpcError> {
        let key = &self.about.key;
        self.client
            .shared
            .attached
            .lock()
            .retain(|it| it.key != *key || it.name != self.about.name);
        self.client.shared.callee.widgets.detach(&self.about.name, key);
        self.client.call::<Value>("detach_remote", (key, &self.about.remote)).await.map(drop)
    }

    /// Has the server make it.
    async fn attach(&self) -> Result<(), RpcError> {
        let mut message = Message::new("attach_remote");
        message.args = [self.about.key.as_str(), &self.about.remote].map(Value::from).into();
        message.kwargs = self.about.init.kwargs.clone();
        message.kwargs.insert("remote_name".to_owned(), Value::from(self.about.name.as_str()));
        self.client.call_at("", message).await.map(drop)
    }

    /// Makes what is kept of it here, if the client has such widgets.
    fn keep(&self) -> Result<(), RpcError> {
        let About { init, key, name, .. } = &*self.about;
        let shared = &self.client.shared;
        if shared.callee.widgets.kinds().contains(name) {
            let (weak, link) = (Arc::downgrade(shared), self.client.link().clone());
            let far = Far::Server(weak, link, self.below().into());
            let made = shared.callee.widgets.attach(name, key, init.kwargs.clone(), far);
            made.map_err(|text| RpcError::Remote { text })?;
        }
        let mut attached = shared.attached.lock();
        attached.retain(|it| it.key != *key || it.name != *name);
        attached.push(self.about.clone());
        Ok(())
    }
}

/// Whether the server has a widget no more.
fn is_lost(error: &RpcError) -> bool {
    matches!(error, RpcError::Remote { text } if text.contains(NOT_FOUND))
}

impl fmt::Debug for RemoteWidget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWidget")
            .field("name", &self.about.name)
            .field("key", &self.about.key)
            .finish_non_exhaustive()
    }
}
