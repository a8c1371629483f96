//! Outgoing links: one DEALER each, and the driver that owns it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::{FutureExt, StreamExt};
use gleis_core::Endpoint;
use gleis_zmtp::Error;
use tokio::time::{Instant, sleep_until, timeout};
use zeromq::{DealerSocket, Socket, SocketEvent, SocketRecv, SocketSend, ZmqError};

use crate::connection::Connection;
use crate::error::{ConnectError, HandshakeError};
use crate::options::LinkConfig;
use crate::peer::Peer;
use crate::zmq::bell::Bell;
use crate::zmq::frame::{Frame, Hello, malformed};
use crate::zmq::link::Link;
use crate::zmq::session::{Session, nonce};
use crate::zmq::talk::Talk;
use crate::zmq::{TURN, address, handshake_error, hello, message, socket_options, thread};

/// The crate repeats an attempt that was refused 50 ms later, for ever. Before that we look for
/// ourselves whether anybody is there: one attempt is one attempt.
const FIRST_ATTEMPT: Duration = Duration::from_millis(40);
/// A driver without a deadline looks again after this time.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// Connects once and shakes hands.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    let (to, config) = (endpoint.clone(), config.clone());
    let attempt = thread::run(async move { attempt(&to, &config).await }).await;
    attempt.map_err(|source| ConnectError::Io { endpoint: endpoint.clone(), source })?
}

/// Connects, on the thread of the engine.
async fn attempt(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    let io_error = |source| ConnectError::Io { endpoint: endpoint.clone(), source };
    let failed = |source| ConnectError::Handshake { endpoint: endpoint.clone(), source };
    let target = address::target(endpoint).map_err(io_error)?;
    let mut socket = DealerSocket::with_options(socket_options());
    let mut events = socket.monitor();
    reach(&mut socket, &target, endpoint, config).await?;
    let patience = config.options.handshake_timeout;
    let greeting = greet(&mut socket, &mut events, config);
    let them = match timeout(patience, greeting).await {
        Ok(greeted) => greeted.map_err(failed)?,
        Err(_) => return Err(failed(late(patience))),
    };
    let bell = Arc::new(Bell::default());
    let link = Link::new(bytes::Bytes::new(), config, bell.clone(), None);
    let session = Session::new(config, them.credit, Instant::now());
    let driver = Driver { bell, events, socket, talk: Talk::new(link.clone(), session) };
    // No guard, so that it can say goodbye: it ends by itself, `GOODBYE` after its link at most.
    tokio::spawn(driver.run());
    Ok(link.connection(peer(endpoint.to_string(), them)))
}

pub(super) fn peer(address: String, hello: Hello) -> Peer {
    Peer {
        address,
        identity: hello.identity,
        metadata: hello.metadata,
        socket_type: hello.socket_type,
    }
}

fn late(after: Duration) -> HandshakeError {
    HandshakeError::Protocol(Error::HandshakeTimeout { after })
}

/// Connects the socket, which ends the ZMTP handshake as well.
async fn reach(
    socket: &mut DealerSocket,
    target: &str,
    endpoint: &Endpoint,
    config: &LinkConfig,
) -> Result<(), ConnectError> {
    let failed = |source| ConnectError::Handshake { endpoint: endpoint.clone(), source };
    let refused = |source| ConnectError::Io { endpoint: endpoint.clone(), source };
    let told = |error| match error {
        ZmqError::Network(error) => refused(error),
        other => failed(handshake_error(other)),
    };
    let limit = config.options.connect_timeout;
    let connecting = socket.connect(target);
    tokio::pin!(connecting);
    if let Ok(done) = timeout(FIRST_ATTEMPT.min(limit), &mut connecting).await {
        return done.map_err(told);
    }
    tokio::select! {
        done = &mut connecting => return done.map_err(told),
        probed = timeout(limit, address::probe(endpoint)) => match probed {
            Ok(Ok(())) => (),
            Ok(Err(error)) => return Err(refused(error)),
            Err(_) => return Err(ConnectError::TimedOut { endpoint: endpoint.clone() }),
        },
    }
    // Somebody is there, but slow to greet.
    let patience = config.options.handshake_timeout;
    match timeout(patience, connecting).await {
        Ok(done) => done.map_err(told),
        Err(_) => Err(failed(late(patience))),
    }
}

/// Says HELLO and waits for the answer.
async fn greet(
    socket: &mut DealerSocket,
    events: &mut mpsc::Receiver<SocketEvent>,
    config: &LinkConfig,
) -> Result<Hello, HandshakeError> {
    let ours = hello(config, nonce()).map_err(HandshakeError::Protocol)?;
    let nonce = ours.nonce;
    let parts = Frame::Hello(ours).encode();
    socket.send(message(None, parts)).await.map_err(handshake_error)?;
    let parts = loop {
        tokio::select! {
            biased;
            received = socket.recv() => break received.map_err(handshake_error)?.into_vec(),
            event = events.next() => if is_end(event.as_ref()) {
                return Err(HandshakeError::PeerClosed);
            },
        }
    };
    match Frame::parse(parts, &config.options.limits).map_err(HandshakeError::Protocol)? {
        Frame::Accept(them) if them.nonce == nonce => accepted(them, config),
        // Connecting to a free local port may, by chance, connect the socket to itself.
        Frame::Hello(us) if us.nonce == nonce => {
            Err(HandshakeError::Io(io::ErrorKind::ConnectionRefused.into()))
        }
        Frame::Refuse(it) if it.nonce == nonce && it.is_final => {
            Err(HandshakeError::Protocol(Error::Refused { reason: it.reason }))
        }
        Frame::Refuse(_) => Err(HandshakeError::PeerClosed),
        _ => Err(HandshakeError::Protocol(malformed("ACCEPT", "something else came"))),
    }
}

fn accepted(them: Hello, config: &LinkConfig) -> Result<Hello, HandshakeError> {
    let (ours, theirs) = (config.socket_type, them.socket_type);
    if ours.is_compatible_with(theirs) {
        return Ok(them);
    }
    Err(HandshakeError::Incompatible { ours, theirs })
}

fn is_end(event: Option<&SocketEvent>) -> bool {
    matches!(event, None | Some(SocketEvent::Disconnected(_)))
}

/// Owns the socket of one outgoing link.
struct Driver {
    bell: Arc<Bell>,
    events: mpsc::Receiver<SocketEvent>,
    socket: DealerSocket,
    talk: Talk,
}

impl Driver {
    async fn run(mut self) {
        loop {
            self.send_all().await;
            if self.talk.is_over(Instant::now()) {
                // The crate's writer goes on with what it was given, then closes the connection.
                return;
            }
            self.wait().await;
            self.receive_ready();
        }
    }

    /// Hands over everything that may leave. A send is never given up half-way.
    async fn send_all(&mut self) {
        while let Some(parts) = self.talk.next(Instant::now()) {
            match self.socket.send(message(None, parts)).await {
                Ok(()) => self.talk.sent(),
                Err(_) => self.talk.lost(),
            }
        }
    }

    /// Until there is something to do.
    async fn wait(&mut self) {
        let wake_at = self.talk.poll_timeout().unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = self.bell.heard() => while self.bell.next().is_some() {},
            () = sleep_until(wake_at) => self.talk.handle_timeout(Instant::now()),
            event = self.events.next() => if is_end(event.as_ref()) {
                self.talk.lost();
            },
            received = self.socket.recv() => self.received(received),
        }
    }

    /// What else is there already, as far as one turn goes.
    fn receive_ready(&mut self) {
        for _ in 1..TURN {
            let Some(received) = self.socket.recv().now_or_never() else {
                return;
            };
            self.received(received);
        }
    }

    fn received(&mut self, received: Result<zeromq::ZmqMessage, ZmqError>) {
        match received {
            Ok(message) => self.talk.receive(Instant::now(), message.into_vec()),
            // The crate would say so again for ever: the socket is of no use any more.
            Err(_) => self.talk.lost(),
        }
    }
}
