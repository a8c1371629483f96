//! The hub.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use gleis_core::Endpoint;
use gleis_patterns::{Multipart, OpenError, Pull, RecvError, SendError, XPub};
use gleis_transport::TaskGuard;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::error::{ClientError, InvalidMessage};
use crate::json::Json;

/// Receives what applications send and publishes it to all that listen, unchanged.
///
/// What is no JSON object is dropped, counted and logged; it harms nobody. Dropping the server closes
/// it at once.
pub struct MessageServer {
    hub: Arc<Hub>,
    _task: TaskGuard,
}

struct Hub {
    books: Books,
    heard: broadcast::Sender<Json>,
    is_paused: AtomicBool,
    max_message: usize,
    outlet: XPub<Multipart>,
    sink: Pull<Multipart>,
}

#[derive(Default)]
struct Books {
    forwarded: AtomicU64,
    ignored: AtomicU64,
    invalid: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

/// What became of messages: `received = forwarded + ignored + invalid`, when nothing moves.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ServerStats {
    /// Published as they came.
    pub forwarded: u64,
    /// Came while the server was paused.
    pub ignored: u64,
    /// Were no JSON object, or too long.
    pub invalid: u64,
    /// All that applications sent.
    pub received: u64,
    /// The server's own.
    pub sent: u64,
    /// Who listens.
    pub subscribers: u64,
}

/// What a server is told before it opens; awaiting it opens it.
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    advertise: Option<String>,
    backlog: usize,
    local_only: bool,
    max_message: usize,
}

impl ServerBuilder {
    /// Whether only this machine reaches it: true if not said. If not, it binds to all interfaces, and
    /// its addresses name the machine's primary one.
    pub fn local_only(mut self, local_only: bool) -> Self {
        self.local_only = local_only;
        self
    }

    /// The host that its addresses name instead.
    pub fn advertise(mut self, host: impl Into<String>) -> Self {
        self.advertise = Some(host.into());
        self
    }

    /// The bytes of a message: 1 MiB if not said. A longer one ends the connection it came on, and its
    /// client makes another.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes.max(1);
        self
    }

    /// How many messages [`messages`](MessageServer::messages) keeps for who is slow: 1,000 if not said,
    /// rounded up to a power of two.
    pub fn backlog(mut self, messages: usize) -> Self {
        self.backlog = messages.max(1);
        self
    }

    async fn open(self) -> Result<MessageServer, OpenError> {
        let at = if self.local_only { "tcp://127.0.0.1:0" } else { "tcp://*:0" };
        let (mut sink, mut outlet) = (Pull::bind(at), XPub::bind(at));
        if let Some(host) = self.advertise {
            sink = sink.advertise(host.clone());
            outlet = outlet.advertise(host);
        }
        let max_message = self.max_message;
        let sink = sink.max_frame(max_message).max_message(max_message).await?;
        let (heard, _) = broadcast::channel(self.backlog);
        let (outlet, books) = (outlet.await?, Books::default());
        let is_paused = AtomicBool::new(false);
        let hub = Arc::new(Hub { books, heard, is_paused, max_message, outlet, sink });
        let _task = TaskGuard::spawn(hub.clone().run());
        Ok(MessageServer { hub, _task })
    }
}

impl IntoFuture for ServerBuilder {
    type Output = Result<MessageServer, OpenError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.open().boxed()
    }
}

impl MessageServer {
    /// A server on two ports that the system chooses, for this machine alone unless told otherwise.
    pub fn bind() -> ServerBuilder {
        ServerBuilder { advertise: None, backlog: 1_000, local_only: true, max_message: 1 << 20 }
    }

    /// Where applications listen.
    pub fn broadcast_address(&self) -> &Endpoint {
        self.hub.outlet.endpoint()
    }

    /// Where applications send to.
    pub fn receive_address(&self) -> &Endpoint {
        self.hub.sink.endpoint()
    }

    /// While it is paused what is received is ignored, and counted: it is not kept for later, and nobody
    /// hears of it. The server's own messages go out all the same.
    pub fn pause(&self, pause: bool) {
        self.hub.is_paused.store(pause, Ordering::SeqCst);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.hub.is_paused.load(Ordering::SeqCst)
    }

    /// What is received from now on, for the program that has the server.
    pub fn messages(&self) -> Messages {
        Messages(self.hub.heard.subscribe())
    }

    /// Publishes a message of the server's own. It does not come back by [`messages`](Self::messages).
    ///
    /// # Errors
    /// [`ClientError::Invalid`] and [`ClientError::Closed`].
    ///
    /// # Cancel safety
    /// A dropped future has published it to nobody or, if it was polled, to all.
    pub async fn send_message<T: Serialize + ?Sized>(
        &self,
        message: &T,
    ) -> Result<(), ClientError> {
        let message = Json::new(message)?;
        self.hub.fits(message.bytes())?;
        self.hub.publish(message.bytes().clone()).await?;
        self.hub.books.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What became of messages.
    pub fn stats(&self) -> ServerStats {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        let books = &self.hub.books;
        ServerStats {
            forwarded: read(&books.forwarded),
            ignored: read(&books.ignored),
            invalid: read(&books.invalid),
            received: read(&books.received),
            sent: read(&books.sent),
            subscribers: self.hub.outlet.subscribers() as u64,
        }
    }

    /// Waits until so many listen.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for_subscribers(&self, n: usize) {
        self.hub.outlet.wait_for_subscribers(n).await;
    }

    /// Closes: takes nothing more, and what is queued has the linger time to leave. Returns how many
    /// messages did not.
    ///
    /// # Cancel safety
    /// It is closed in any case; what was queued may be lost.
    pub async fn shutdown(self) -> usize {
        self.hub.sink.close().await;
        self.hub.outlet.close().await
    }
}

impl Hub {
    async fn run(self: Arc<Self>) {
        loop {
            tokio::select! {
                message = self.sink.recv() => match message {
                    Err(RecvError::Closed) => return,
                    Ok(message) => self.forward(message).await,
                    Err(error) => self.drop_invalid(&error),
                },
                // Whoever listens has nothing to say; what he says must not fill up.
                said = self.outlet.recv() => if matches!(said, Err(RecvError::Closed)) {
                    return;
                },
            }
        }
    }

    async fn forward(&self, message: Multipart) {
        if self.is_paused.load(Ordering::SeqCst) {
            self.count(&self.books.ignored);
            return;
        }
        let message = match Json::from_frames(message) {
            Ok(message) => message,
            Err(error) => return self.drop_invalid(&error),
        };
        // Whoever gets it finds it counted.
        self.count(&self.books.forwarded);
        // Nobody need listen here.
        let _ = self.heard.send(message.clone());
        if let Err(error) = self.publish(message.bytes().clone()).await {
            tracing::warn!(target: "gleis::broker", %error, "cannot forward a message");
        }
    }

    async fn publish(&self, text: Bytes) -> Result<(), ClientError> {
        match self.outlet.publish_whole(Multipart::new([text])).await {
            Err(SendError::Closed) => Err(ClientError::Closed),
            sent => Ok(sent?),
        }
    }

    fn fits(&self, text: &Bytes) -> Result<(), InvalidMessage> {
        let (bytes, limit) = (text.len(), self.max_message);
        if limit < bytes { Err(InvalidMessage::TooLong { bytes, limit }) } else { Ok(()) }
    }

    fn count(&self, what: &AtomicU64) {
        what.fetch_add(1, Ordering::Relaxed);
        self.books.received.fetch_add(1, Ordering::Relaxed);
    }

    fn drop_invalid(&self, error: &dyn std::error::Error) {
        self.count(&self.books.invalid);
        tracing::warn!(target: "gleis::broker", %error, "dropped what is no message");
    }
}

impl fmt::Debug for MessageServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageServer")
            .field("broadcast_address", self.broadcast_address())
            .field("receive_address", self.receive_address())
            .finish_non_exhaustive()
    }
}

/// What a server receives, message by message.
#[derive(Debug)]
pub struct Messages(broadcast::Receiver<Json>);

impl Messages {
    /// Waits for the next message.
    ///
    /// # Errors
    /// [`ClientError::Gap`] if too many came meanwhile, and [`ClientError::Closed`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Result<Json, ClientError> {
        self.0.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Closed => ClientError::Closed,
            broadcast::error::RecvError::Lagged(missed) => ClientError::Gap { missed },
        })
    }
}
