//! Who calls.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Value, from_value};
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{OnceCell, oneshot};
use tokio::time::timeout;

use crate::api::attach::About;
use crate::api::begun;
use crate::api::callee::Callee;
use crate::api::group::RemoteGroup;
use crate::api::kept::{CHAINS, RESULTS};
use crate::api::reading::{self, AHEAD, Way};
use crate::api::responder::{self, RESPONDER};
use crate::api::running::{self, CANCEL, GiveUp, Knows};
use crate::api::{
    ANYONE, Attach, Begun, ClientBuilder, Description, RemoteWidget, Streaming, values,
};
use crate::brief::Beginning;
use crate::error::{OpenError, RpcError, UrlError};
use crate::events::Guard;
use crate::link::Link;
use crate::message::Message;
use crate::url::Url;

/// Hears what a server says went wrong; true to try once more.
pub(crate) type ApiError = Arc<dyn Fn(String) -> BoxFuture<'static, bool> + Send + Sync>;

/// Calls what a server exposes. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    ahead: usize,
    pub(crate) link: Link,
    pub(crate) shared: Arc<Shared>,
    tasks: Arc<Tasks>,
}

/// What the clones of a client, and what calls it back, have in common.
pub(crate) struct Shared {
    pub(crate) api_error: Option<ApiError>,
    pub(crate) callee: Callee,
    /// What calls begin with, if always with the same.
    pub(crate) beginning: OnceLock<Option<Beginning>>,
    /// As its server knows it, and what the server knows, once it was asked.
    id: OnceCell<(String, Knows)>,
    /// What is said with each message: where it may be called.
    said: BTreeMap<String, Value>,
    /// The widgets that it has.
    pub(crate) attached: Mutex<Vec<Arc<About>>>,
}

#[derive(Default)]
struct Tasks {
    _answering: Option<Guard>,
    /// Until it is closed.
    fetching: Mutex<Option<TaskGuard>>,
}

impl Client {
    /// A client that may expose something to its server.
    #[expect(clippy::new_ret_no_self, reason = "it is a client once it is on a link")]
    pub fn new() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Connects to a server. It need not be there yet; the first call waits for it.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(url: impl TryInto<Url, Error: Into<UrlError>>) -> Result<Self, OpenError> {
        Self::new().connect(url).await
    }

    /// Calls on a link that is there.
    pub fn on(link: Link) -> Self {
        Self::new().on(link)
    }

    pub(crate) fn start(builder: ClientBuilder, link: Link) -> Self {
        let is_called = !builder.callee.table.is_empty() || !builder.callee.widgets.is_empty();
        let said = is_called.then(|| ("back".to_owned(), Value::from(true)));
        let this = Self::made(builder, link, said.into_iter().collect());
        match is_called {
            true => {
                let fetching = responder::fetch(this.link.clone(), this.shared.clone());
                let fetching = Mutex::new(Some(TaskGuard::spawn(fetching)));
                Self { tasks: Arc::new(Tasks { _answering: None, fetching }), ..this }
            }
            false => this,
        }
    }

    pub(crate) async fn start_with_responder(
        builder: ClientBuilder,
        link: Link,
        responder: Url,
    ) -> Result<Self, OpenError> {
        let event = format!("receive_{}", builder.callee.call_path);
        let remote = responder::listen(&link, responder).await?;
        let this = Self::made(builder, link, [("remote".to_owned(), remote)].into());
        let shared = this.shared.clone();
        let _answering =
            this.link.serve_on_wire(RESPONDER, &event, shared.clone(), move |received| {
                let shared = shared.clone();
                async move { responder::answer(&shared, received).await }
            });
        Ok(Self { tasks: Arc::new(Tasks { _answering, ..Tasks::default() }), ..this })
    }

    fn made(builder: ClientBuilder, link: Link, said: BTreeMap<String, Value>) -> Self {
        let ClientBuilder { api_error, callee, within } = builder;
        let (beginning, id, attached) = Default::default();
        let shared = Shared { api_error, beginning, callee, id, said, attached };
        let link = match within {
            Some(within) => link.within(within),
            None => link,
        };
        Self { ahead: AHEAD, link, shared: Arc::new(shared), tasks: Arc::default() }
    }

    /// A call waits so long: 10 s if not said.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.link = self.link.within(within);
        self
    }

    /// Streams are read so many items ahead, 1,024 at most: 64 if not said.
    #[must_use]
    pub fn ahead(mut self, ahead: usize) -> Self {
        self.ahead = reading::allowed(ahead);
        self
    }

    /// The link that it calls on.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// As its server knows it, which is asked for it once: `$` if the server does not tell its clients apart.
    ///
    /// # Errors
    /// [`RpcError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn id(&self) -> Result<&str, RpcError> {
        self.shared.id(&self.link).await
    }

    /// Calls a method with a tuple of arguments, `()` for none.
    ///
    /// # Errors
    /// [`RpcError`]; what the server says is [`RpcError::Remote`].
    ///
    /// # Cancel safety
    /// A dropped future may have called it; the server is told to give up what it has not done.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, RpcError> {
        let args = values(method, &args)?;
        self.id().await?;
        let result = match self.quick(&args) {
            Some(quick) => quick.call(method, &args).await?,
            // Boxed, so that the others are not as large.
            None => {
                let message = Message { args, ..Message::new(method) };
                Box::pin(self.call_at("", message)).await?
            }
        };
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
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
        let message = Message { args, kwargs, ..Message::new(method) };
        let result = self.call_at("", message).await?;
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// Begins a call: it is on its way when this returns. Its result may be an argument of other calls before
    /// it has come, without a round trip between them. It waits as long as a call does, from now on; a
    /// handler of errors does not hear of it.
    ///
    /// ```
    /// # use gleis_rpc::{Client, RpcError};
    /// # async fn example(client: Client) -> Result<(), RpcError> {
    /// let sum = client.begin::<i64>("add", (1, 2)).await?;
    /// let product = client.begin::<i64>("multiply", (sum.result(), 3)).await?;
    /// assert_eq!(product.await?, 9);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`RpcError::Unable`]. A call that builds on one that fails, fails and says so.
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub async fn begin<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<Begun<R>, RpcError> {
        let message = Message { args: values(method, &args)?, ..Message::new(method) };
        self.id().await?;
        let (link, shared) =
            (self.link.clone().within(running::at_most(self.link.within)), self.shared.clone());
        shared.can_keep()?;
        let work = move |message, sent| async move {
            shared.call_and_tell(&link, "", message, Some(sent)).await
        };
        Begun::new(message, work).await
    }

    /// Calls a method that gives a stream, with a tuple of arguments, `()` for none.
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`RpcError::Unable`]; so are those of the stream, after which it is over. One
    /// that is not heard of for as long as a call waits is [`RpcError::TimedOut`].
    ///
    /// # Cancel safety
    /// A dropped future may have called it; no stream is left open.
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
    /// As [`stream`](Self::stream).
    ///
    /// # Cancel safety
    /// As [`stream`](Self::stream).
    pub async fn stream_named<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: BTreeMap<String, Value>,
    ) -> Result<Streaming<T>, RpcError> {
        let message = Message { args, kwargs, ..Message::new(method) };
        self.stream_at("", message).await
    }

    pub(crate) async fn stream_at<T: DeserializeOwned + Send + 'static>(
        &self,
        below: &str,
        message: Message,
    ) -> Result<Streaming<T>, RpcError> {
        self.id().await?;
        let message = reading::ask_for(message, self.ahead, self.shared.knows().streams)?;
        let method = message.data.as_str().unwrap_or_default().to_owned();
        let told = self.call_at(below, message).await?;
        Way::Server(self.shared.clone(), self.link.clone()).read(&method, told, self.ahead)
    }

    /// Calls something below the path of the server; once more if the handler of errors wants that.
    pub(crate) async fn call_at(&self, below: &str, message: Message) -> Result<Value, RpcError> {
        self.id().await?;
        let shared = &self.shared;
        let Some(handler) = &shared.api_error else {
            return shared.call(&self.link, below, message).await;
        };
        let again = message.again();
        match shared.call(&self.link, below, message).await {
            Err(RpcError::Remote { text }) => match handler(text.clone()).await {
                true => shared.call(&self.link, below, again).await,
                false => Err(RpcError::Remote { text }),
            },
            done => done,
        }
    }

    /// A widget of this name and id: `.await` makes it on the server, unless it is there.
    pub fn attach(&self, name: impl Into<String>, id: impl Into<String>) -> Attach {
        Attach::new(self.clone(), name.into(), id.into())
    }

    /// The widgets of this name that this client has attached.
    pub fn widgets(&self, name: &str) -> RemoteGroup {
        let attached = self.shared.attached.lock();
        let members = attached.iter().filter(|it| it.name == name);
        let members = members.map(|it| RemoteWidget::of(self, it));
        RemoteGroup { members: members.collect() }
    }

    /// What the server says of itself: its methods, with what is known of their arguments, and its widgets.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn describe(&self) -> Result<Description, RpcError> {
        self.call("describe", ()).await
    }

    /// Says goodbye to a server that calls back, and closes the link: also for clones.
    ///
    /// # Cancel safety
    /// The server notices later.
    pub async fn close(self) {
        // To ask for calls after the goodbye would be to come back.
        drop(self.tasks.fetching.lock().take());
        if !self.shared.said.is_empty() && self.shared.id.initialized() {
            // It may be gone, or not want to know.
            let _ = self.shared.ask(&self.link, "", Message::new("bye")).await;
        }
        self.link.disconnect().await;
    }
}

impl Shared {
    pub(crate) async fn id(&self, link: &Link) -> Result<&str, RpcError> {
        if let Some(id) = self.known_id() {
            return Ok(id);
        }
        let ask = async {
            let answer = self.ask(link, "", Message::new("obtain_client_id")).await?;
            let id = answer.data.as_str().unwrap_or(ANYONE).to_owned();
            Ok::<_, RpcError>((id, Knows::of(&answer)))
        };
        // Whoever asks for it now may have more time than who waits for that.
        let within = running::at_most(link.within);
        let known = timeout(within, self.id.get_or_try_init(|| ask)).await;
        let late = |_| RpcError::TimedOut { what: "obtain_client_id".to_owned(), within };
        known.map_err(late)?.map(|it| it.0.as_str())
    }

    /// The id, if the server was asked for it.
    pub(crate) fn known_id(&self) -> Option<&str> {
        self.id.get().map(|it| it.0.as_str())
    }

    /// What the server knows, as far as that is known.
    pub(crate) fn knows(&self) -> Knows {
        self.id.get().map(|it| it.1).unwrap_or_default()
    }

    fn can_keep(&self) -> Result<(), RpcError> {
        match self.knows().keep {
            true => Ok(()),
            false => Err(RpcError::Unable { what: CHAINS }),
        }
    }

    /// Calls something below the path of the server, which is told if nobody waits any more.
    pub(crate) async fn call(
        &self,
        link: &Link,
        below: &str,
        message: Message,
    ) -> Result<Value, RpcError> {
        self.call_and_tell(link, below, message, None).await
    }

    /// As [`call`](Self::call); says by `sent` that it is on its way.
    async fn call_and_tell(
        &self,
        link: &Link,
        below: &str,
        message: Message,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Value, RpcError> {
        let id = message.id().to_owned();
        let tell = || self.tell(link, Message::new(CANCEL).arg(id));
        let given_up = GiveUp::new(self.knows().cancel, tell);
        let asked = pin!(self.ask_and_tell(link, below, message, sent));
        Ok(given_up.unless(asked).await?.data)
    }

    /// Asks the server something below its path.
    pub(crate) async fn ask(
        &self,
        link: &Link,
        below: &str,
        message: Message,
    ) -> Result<Message, RpcError> {
        self.ask_and_tell(link, below, message, None).await
    }

    async fn ask_and_tell(
        &self,
        link: &Link,
        below: &str,
        message: Message,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Message, RpcError> {
        let within = running::at_most(link.within);
        let (path, mut message) = self.prepare(message, below, within);
        self.callee.hooks.outgoing(&mut message);
        if within.is_zero() {
            return Err(RpcError::TimedOut { what: format!("send({path})"), within });
        }
        if message.meta.contains_key(RESULTS) {
            self.can_keep()?;
        }
        link.ask(&path, message, within, sent).await
    }

    /// Tells the server something that needs no answer, if that is possible at once.
    pub(crate) fn tell(&self, link: &Link, message: Message) {
        let (_, mut message) = self.prepare(message, "", link.within);
        // Where this is called, nobody else catches it.
        if self.callee.hooks.outgoing_caught(&mut message) {
            link.tell(&message);
        }
    }

    /// Says what is said with each message, and under which path it is sent.
    fn prepare(&self, mut message: Message, below: &str, within: Duration) -> (String, Message) {
        let path = format!("{}{below}", self.callee.call_path);
        self.say(&mut message.meta, &path);
        running::say(&mut message, within);
        begun::name_results(&mut message);
        (path, message)
    }

    /// Says what is the same in all messages under this path.
    pub(crate) fn say(&self, meta: &mut BTreeMap<String, Value>, path: &str) {
        let id = self.known_id().map_or(Value::Null, Value::from);
        meta.insert("client".to_owned(), id);
        meta.extend(self.said.clone());
        if let Some(key) = &self.callee.key {
            meta.insert("auth".to_owned(), Value::from(key.as_str()));
        }
        meta.insert("path".to_owned(), Value::from(path));
    }

    /// Looks at what the server wants, before it is done.
    pub(crate) fn incoming(&self, message: &Message) -> Result<(), String> {
        self.callee.hooks.incoming(message)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("link", &self.link).finish_non_exhaustive()
    }
}
