//! What the laws of the transport suite act with.

use std::{
    fmt,
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_transport::{
    Body, CloseReason, Connection, Event, Host, Inbound, Inbox, LinkConfig, Listener, Message,
    Network, Origin, Receiver, SocketType, connect, listen,
};

use crate::wait::eventually;

/// Makes endpoints and pairs of connected ends.
pub struct World {
    fresh: Box<dyn Fn() -> Endpoint + Send + Sync>,
    network: Option<Arc<dyn Network>>,
}

/// Two ends of one connection, and the listener that made it.
#[derive(Debug)]
pub struct Ends {
    /// The accepted end.
    pub far: Connection,
    /// Keeps the endpoint bound.
    pub listener: Listener,
    /// The connecting end.
    pub near: Connection,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// A world whose endpoints come from `fresh`.
    pub fn new(fresh: impl Fn() -> Endpoint + Send + Sync + 'static) -> Self {
        Self { fresh: Box::new(fresh), network: None }
    }

    /// A world whose tcp and ipc go through `network`.
    pub fn over(
        network: Arc<dyn Network>,
        fresh: impl Fn() -> Endpoint + Send + Sync + 'static,
    ) -> Self {
        Self { fresh: Box::new(fresh), network: Some(network) }
    }

    /// A changed configuration of a socket type, in this world.
    pub(crate) fn config(
        &self,
        kind: SocketType,
        change: impl Fn(&mut LinkConfig),
    ) -> Arc<LinkConfig> {
        let mut config = LinkConfig::new(kind);
        config.options.network = self.network.clone();
        change(&mut config);
        Arc::new(config)
    }

    /// An endpoint that nobody uses.
    pub fn endpoint(&self) -> Endpoint {
        (self.fresh)()
    }

    /// Two DEALERs, connected.
    pub async fn ends(&self) -> Ends {
        self.ends_with(|_| ()).await
    }

    /// Two DEALERs with changed options on both sides, connected.
    pub async fn ends_with(&self, change: impl Fn(&mut LinkConfig)) -> Ends {
        let config = self.config(SocketType::Dealer, change);
        let mut listener = listen(&self.endpoint(), &config).await.expect("listening");
        let endpoint = listener.endpoint().clone();
        let (near, far) = tokio::join!(connect(&endpoint, &config), listener.accept());
        Ends { far: far.expect("accepted"), listener, near: near.expect("connected") }
    }
}

/// A message of one small frame.
pub(crate) fn text(text: impl Into<String>) -> Message {
    Message::single(Bytes::from(text.into()))
}

/// The frames of what arrived, joined by `|`, for comparing.
pub(crate) fn shown(item: &Inbound) -> String {
    let Inbound::Message(message) = item else {
        return format!("{item:?}");
    };
    let Body::Bytes(body) = &message.body else {
        return "a local value".to_owned();
    };
    let frames = message.head.iter().chain([&body[..]]);
    frames.map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>().join("|")
}

/// Everything that arrives until `n_items` have, shown.
pub(crate) async fn read(receiver: &mut Receiver, n_items: usize) -> Vec<String> {
    let mut batch = Vec::new();
    while batch.len() < n_items {
        receiver.recv_many(&mut batch).await.expect("the link lives");
    }
    batch.iter().map(shown).collect()
}

/// An inbox that keeps what comes, up to a number of items, until it is emptied; and a host that
/// keeps connections and notes.
#[derive(Debug, Default)]
pub struct Collector {
    inner: Mutex<Inner>,
    most: usize,
}

#[derive(Debug, Default)]
struct Inner {
    closed: Option<String>,
    connections: Vec<Connection>,
    items: Vec<Inbound>,
    notes: Vec<String>,
    refuse: Option<String>,
    waiting: Vec<Waker>,
}

impl Collector {
    /// A collector that has room for `most` items.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), most })
    }

    /// A collector that as a host admits nobody.
    pub fn refusing(reason: &str) -> Arc<Self> {
        let it = Self::new(usize::MAX);
        it.lock().refuse = Some(reason.to_owned());
        it
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics while holding it")
    }

    /// As a host for links.
    pub fn host(self: &Arc<Self>) -> Weak<dyn Host> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    /// What came so far, shown; makes room.
    pub fn take(&self) -> Vec<String> {
        let (items, waiting) = {
            let mut inner = self.lock();
            (std::mem::take(&mut inner.items), std::mem::take(&mut inner.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        items.iter().map(shown).collect()
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why the link ended, once it has.
    pub fn closed(&self) -> Option<String> {
        self.lock().closed.clone()
    }

    /// The next connection that was attached; waits for it.
    pub async fn connection(&self) -> Connection {
        eventually(|| 0 < self.n_connections()).await;
        self.lock().connections.remove(0)
    }

    /// How many connections wait to be taken.
    pub fn n_connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// What was noted so far.
    pub fn notes(&self) -> Vec<String> {
        self.lock().notes.clone()
    }
}

impl Inbox for Collector {
    fn has_room(&self) -> bool {
        self.len() < self.most
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if inner.items.len() < self.most || inner.closed.is_some() {
            return Poll::Ready(());
        }
        inner.waiting.push(cx.waker().clone());
        Poll::Pending
    }

    fn deliver(&self, item: Inbound) {
        self.lock().items.push(item);
    }

    fn displace(&self, message: Message) -> Vec<Message> {
        let mut inner = self.lock();
        let oldest = (self.most <= inner.items.len()).then(|| inner.items.remove(0));
        inner.items.push(Inbound::Message(message));
        match oldest {
            Some(Inbound::Message(oldest)) => vec![oldest],
            _ => Vec::new(),
        }
    }

    fn closed(&self, reason: CloseReason) {
        let waiting = {
            let mut inner = self.lock();
            inner.closed = Some(reason.to_string());
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Host for Collector {
    fn admit(&self, _: &gleis_transport::Peer, _: Origin) -> Result<(), String> {
        self.lock().refuse.clone().map_or(Ok(()), Err)
    }

    fn attach(&self, connection: Connection, _: Origin) {
        self.lock().connections.push(connection);
    }

    fn note(&self, event: Event) {
        self.lock().notes.push(format!("{event:?}"));
    }
}
