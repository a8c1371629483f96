//! Links: named wires, and the events of all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Path, Value};
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::brief;
use crate::connection::Connection;
use crate::error::{OpenError, RpcError, UrlError};
use crate::events::{Events, Guard, Received, Served, fire};
use crate::hearing::hear;
use crate::message::{Message, MessageError};
use crate::url::{Role, Url};

/// The wire that is meant if none is named.
const MAIN: &str = "main";
/// How long an answer, or room, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends messages on its wires, and fires events for what arrives on them.
///
/// For a message with the path `a.b` these are `receive`, `receive_a` and `receive_a.b`, for an answer
/// also `response` and `response_<id>`; first those of the link, then those of the wire. Handlers run one
/// after the other, in the order in which they were registered; requests of a `rep` beside each other, 256 at
/// once, for which 1,024 more wait.
/// Cheap to clone; the wires are closed when the last clone is dropped.
#[derive(Clone)]
pub struct Link {
    events: Arc<Events>,
    pub(crate) within: Duration,
    wires: Arc<Mutex<BTreeMap<String, Arc<Wire>>>>,
}

pub(crate) struct Wire {
    connection: Arc<Connection>,
    events: Arc<Events>,
    name: Arc<str>,
    _task: Option<TaskGuard>,
}

impl Default for Link {
    fn default() -> Self {
        let (events, wires) = Default::default();
        Self { events, within: PATIENCE, wires }
    }
}

impl Link {
    /// A link without wires.
    pub fn new() -> Self {
        Self::default()
    }

    /// A link with one wire, `main`, that others connect to.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn listen(url: impl TryInto<Url, Error: Into<UrlError>>) -> Result<Self, OpenError> {
        let link = Self::new();
        link.wire_listen(MAIN, url).await?;
        Ok(link)
    }

    /// A link with one wire, `main`, that connects to another; that may come later.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(url: impl TryInto<Url, Error: Into<UrlError>>) -> Result<Self, OpenError> {
        let link = Self::new();
        link.wire_connect(MAIN, url).await?;
        Ok(link)
    }

    /// Answers, and room, are waited for so long: 10 s if not said.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// One more wire, that others connect to.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wire_listen(
        &self,
        name: &str,
        url: impl TryInto<Url, Error: Into<UrlError>>,
    ) -> Result<(), OpenError> {
        self.wire(name, url.try_into().map_err(Into::into)?, true).await
    }

    /// One more wire, that connects.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wire_connect(
        &self,
        name: &str,
        url: impl TryInto<Url, Error: Into<UrlError>>,
    ) -> Result<(), OpenError> {
        self.wire(name, url.try_into().map_err(Into::into)?, false).await
    }

    async fn wire(&self, name: &str, url: Url, listens: bool) -> Result<(), OpenError> {
        let taken = || OpenError::Wire { name: name.to_owned() };
        if self.wires.lock().contains_key(name) {
            return Err(taken());
        }
        let connection = Arc::new(Connection::open(url, listens).await?);
        let (events, called) = (Arc::new(Events::default()), Arc::from(name));
        let hearing =
            hear(connection.clone(), self.events.clone(), events.clone(), Arc::clone(&called));
        let _task = connection.receives().then(|| TaskGuard::spawn(hearing));
        let wire = Arc::new(Wire { connection, events, name: called, _task });
        let mut wires = self.wires.lock();
        if wires.contains_key(name) {
            return Err(taken());
        }
        wires.insert(name.to_owned(), wire);
        Ok(())
    }

    /// Cuts a wire off and closes it; false if there is none of this name. What is queued has the linger
    /// time to leave.
    ///
    /// # Cancel safety
    /// It is cut off in any case.
    pub async fn cut(&self, name: &str) -> bool {
        let wire = self.wires.lock().remove(name);
        match wire {
            None => false,
            Some(wire) => {
                wire.connection.close().await;
                true
            }
        }
    }

    /// Cuts all wires off.
    ///
    /// # Cancel safety
    /// They are cut off in any case.
    pub async fn disconnect(&self) {
        let wires = std::mem::take(&mut *self.wires.lock());
        for wire in wires.values() {
            wire.connection.close().await;
        }
    }

    /// The names of the wires.
    pub fn wires(&self) -> Vec<String> {
        self.wires.lock().keys().cloned().collect()
    }

    /// Where a wire is; the one that is meant if none is named is `main`.
    pub fn url(&self, wire: &str) -> Option<Url> {
        self.wires.lock().get(wire).map(|it| it.connection.url.clone())
    }

    /// Has `handler` hear of an event on any wire.
    pub fn on<F, Fut>(&self, event: &str, handler: F) -> Guard
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.events.on(event, handler)
    }

    /// As [`on`](Self::on), of a handler that is more than that.
    pub(crate) fn serve<F, Fut>(&self, event: &str, served: Arc<dyn Served>, handler: F) -> Guard
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.events.serve(event, served, handler)
    }

    /// As [`on_wire`](Self::on_wire), of a handler that is more than that.
    pub(crate) fn serve_on_wire<F, Fut>(
        &self,
        wire: &str,
        event: &str,
        served: Arc<dyn Served>,
        handler: F,
    ) -> Option<Guard>
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Some(self.wires.lock().get(wire)?.events.serve(event, served, handler))
    }

    /// Has `handler` hear of the answer to this message, which is sent afterwards, on any wire.
    pub fn on_response<F, Fut>(&self, message: &Message, handler: F) -> Guard
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.on(&format!("response_{}", message.id()), handler)
    }

    /// Has `handler` hear of an event on one wire; `None` if there is none of this name.
    pub fn on_wire<F, Fut>(&self, wire: &str, event: &str, handler: F) -> Option<Guard>
    where
        F: Fn(Received) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Some(self.wires.lock().get(wire)?.events.on(event, handler))
    }

    /// Sends a message under a path on the main wire. On a `req` wire it waits for the answer, for which
    /// events are fired.
    ///
    /// # Errors
    /// [`RpcError`]
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing, or everything.
    pub async fn send(&self, path: &str, message: Message) -> Result<(), RpcError> {
        self.send_on(MAIN, path, message).await.map(drop)
    }

    /// Sends a request and waits for its answer; the null answer, if nobody answered.
    ///
    /// # Errors
    /// [`RpcError`]; an error that the other side answers with is [`RpcError::Remote`].
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing, or everything.
    pub async fn send_and_wait(&self, path: &str, message: Message) -> Result<Message, RpcError> {
        self.ask(path, message, self.within, None).await
    }

    /// As [`send_and_wait`](Self::send_and_wait), for so long; says by `sent` that it is on its way.
    pub(crate) async fn ask(
        &self,
        path: &str,
        message: Message,
        within: Duration,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Message, RpcError> {
        let no_answer =
            || RpcError::NoSender { role: self.url(MAIN).map_or(Role::Sub, |it| it.role) };
        let answer = self.send_within(MAIN, path, message, within, sent).await?;
        told(answer.ok_or_else(no_answer)?, path, within)
    }

    /// The wire that [`ask_briefly`](Self::ask_briefly) asks on, if it can ask.
    pub(crate) fn asking(&self) -> Option<Arc<Wire>> {
        let wire = self.wires.lock().get(MAIN).cloned()?;
        let Url { role, topic, .. } = &wire.connection.url;
        (*role == Role::Req && topic.is_none()).then_some(wire)
    }

    /// As [`ask`](Self::ask), by the text of a [brief] call of this id; its result.
    pub(crate) async fn ask_briefly(
        &self,
        wire: &Wire,
        path: &str,
        (id, text): (Uuid, Vec<u8>),
        within: Duration,
    ) -> Result<Value, RpcError> {
        let text = wire.connection.ask(path, text.into(), within, None).await?;
        if !self.is_heard_on(wire)
            && let Some(result) = brief::result(&text, id)
        {
            return Ok(result);
        }
        let answer = Message::read(&text, None)?;
        self.heard(wire, &answer).await;
        Ok(told(answer, path, within)?.data)
    }

    /// Sends a request whose answer nobody wants on the main wire, if that is possible at once.
    pub(crate) fn tell(&self, message: &Message) {
        let wire = self.wires.lock().get(MAIN).cloned();
        if let Some(wire) = wire {
            wire.connection.tell(message);
        }
    }

    /// As [`send`](Self::send), on the wire of this name; what answers it, if it is a request.
    ///
    /// # Errors
    /// [`RpcError`]
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing, or everything.
    pub async fn send_on(
        &self,
        wire: &str,
        path: &str,
        message: Message,
    ) -> Result<Option<Message>, RpcError> {
        self.send_within(wire, path, message, self.within, None).await
    }

    async fn send_within(
        &self,
        wire: &str,
        path: &str,
        mut message: Message,
        within: Duration,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Option<Message>, RpcError> {
        let path = Path::new(path).map_err(MessageError::from)?;
        if message.path() != path.as_str() {
            message.meta.insert("path".to_owned(), Value::from(path.as_str()));
        }
        let wire = self.wires.lock().get(wire).cloned().ok_or(RpcError::Closed)?;
        let answer = wire.connection.send(&message, within, sent).await?;
        if let Some(answer) = &answer {
            self.heard(&wire, answer).await;
        }
        Ok(answer)
    }

    fn is_heard_on(&self, wire: &Wire) -> bool {
        self.events.are_heard() || wire.events.are_heard()
    }

    /// Fires events for an answer.
    async fn heard(&self, wire: &Wire, answer: &Message) {
        if self.is_heard_on(wire) {
            let (back, _) = mpsc::channel(1);
            let received = Received::new(answer.clone(), &wire.name, None, &back);
            fire(&self.events, &wire.events, received).await;
        }
    }
}

/// An answer, unless it is an error.
fn told(answer: Message, path: &str, within: Duration) -> Result<Message, RpcError> {
    match answer.error_text() {
        Some(_) if answer.is_late() => {
            Err(RpcError::TimedOut { what: format!("send({path})"), within })
        }
        Some(text) => Err(RpcError::Remote { text: text.to_owned() }),
        None => Ok(answer),
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("wires", &self.wires()).finish_non_exhaustive()
    }
}
