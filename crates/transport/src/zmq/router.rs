//! The driver of a listener: shakes hands, and moves what its links receive and send.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc as events;
use futures::{FutureExt, StreamExt};
use gleis_core::Endpoint;
use gleis_zmtp::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use zeromq::util::PeerIdentity;
use zeromq::{
    MultiPeerBackend, RouterSocket, Socket, SocketEvent, SocketRecv, SocketSend, ZmqError,
    ZmqMessage,
};

use crate::error::{AcceptError, HandshakeError};
use crate::options::LinkConfig;
use crate::zmq::bell::Bell;
use crate::zmq::dial::{IDLE, peer};
use crate::zmq::doors::Open;
use crate::zmq::frame::{Frame, Hello, Parts, Refusal, malformed, nonce_of};
use crate::zmq::link::Link;
use crate::zmq::listener::Arrived;
use crate::zmq::lobby::Lobby;
use crate::zmq::session::Session;
use crate::zmq::talk::Talk;
use crate::zmq::{TURN, handshake_error, hello, message};

/// The crate drops events beyond this number; after so many at once nobody is believed to be there.
const MAX_EVENTS: usize = 1_024;

/// How long the socket outlives its listener: a handshake that the crate ends later is never heard
/// of again, and its peer waits in vain.
const GRACE: Duration = Duration::from_millis(250);

/// Owns the socket of a listener.
pub(super) struct Router {
    arrived: mpsc::Sender<Arrived>,
    backend: Arc<dyn MultiPeerBackend>,
    bell: Arc<Bell>,
    config: Arc<LinkConfig>,
    endpoint: String,
    events: events::Receiver<SocketEvent>,
    is_listening: bool,
    lobby: Lobby,
    /// Let go of when the port is free.
    open: Option<Open>,
    places: Arc<Semaphore>,
    socket: RouterSocket,
    stays_until: Instant,
    talks: HashMap<Bytes, Guest>,
    /// No deadline is earlier.
    wake_at: Instant,
}

/// A link, and whether the socket has told of its connection.
struct Guest {
    is_told: bool,
    talk: Talk,
}

impl Router {
    pub(super) fn new(
        socket: RouterSocket,
        events: events::Receiver<SocketEvent>,
        arrived: mpsc::Sender<Arrived>,
        bell: Arc<Bell>,
        config: Arc<LinkConfig>,
        endpoint: &Endpoint,
        open: Option<Open>,
    ) -> Self {
        let options = &config.options;
        Self {
            arrived,
            backend: socket.backend(),
            bell,
            endpoint: endpoint.to_string(),
            events,
            is_listening: true,
            lobby: Lobby::new(options.max_handshakes, options.handshake_timeout),
            open,
            places: Arc::new(Semaphore::new(options.max_connections)),
            socket,
            stays_until: Instant::now(),
            talks: HashMap::new(),
            wake_at: Instant::now() + IDLE,
            config,
        }
    }

    pub(super) async fn run(mut self) {
        while self.is_listening || !self.talks.is_empty() || Instant::now() < self.stays_until {
            self.wait().await;
            self.take_events().await;
            self.receive_ready().await;
            self.look_at_callers().await;
            if self.is_listening && self.bell.is_closed() {
                self.stop_listening().await;
            }
        }
    }

    /// Until there is something to do.
    async fn wait(&mut self) {
        let wake_at = self.lobby.deadline().map_or(self.wake_at, |it| it.min(self.wake_at));
        tokio::select! {
            () = self.bell.heard() => (),
            () = sleep_until(wake_at) => self.look_at_clock().await,
            Some(event) = self.events.next() => self.event(event).await,
            received = self.socket.recv() => self.received(received).await,
        }
    }

    /// Closes the place where peers come in; the links stay.
    async fn stop_listening(&mut self) {
        self.is_listening = false;
        // What went wrong is told nobody: the place is closed already.
        let _ = self.socket.unbind_all().await;
        self.open = None;
        self.stays_until = Instant::now() + GRACE;
        self.wake_at = self.wake_at.min(self.stays_until);
        for id in self.lobby.clear() {
            self.kick(&id);
        }
    }

    async fn take_events(&mut self) {
        let mut n_events = 0;
        while let Some(Some(event)) = self.events.next().now_or_never() {
            self.event(event).await;
            n_events += 1;
        }
        if MAX_EVENTS <= n_events {
            // Some may be lost: whoever is gone is found out by sending something.
            for id in self.talks.keys().cloned().collect::<Vec<_>>() {
                if let Some(guest) = self.talks.get_mut(&id) {
                    guest.talk.ask(Instant::now());
                }
                self.look_at(&id).await;
            }
        }
    }

    async fn event(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Accepted(from, id) => self.entered(&from, id.into()).await,
            SocketEvent::AcceptFailed(ZmqError::Network(error)) => {
                self.tell(AcceptError::Io(error));
            }
            SocketEvent::AcceptFailed(error) if is_visit(&error) => (),
            SocketEvent::AcceptFailed(error) => {
                self.fail("an unnamed peer".to_owned(), handshake_error(error));
            }
            SocketEvent::Disconnected(id) => self.left(&id.into()),
            _ => (),
        }
    }

    /// A peer has ended the handshake of ZMTP.
    async fn entered(&mut self, from: &zeromq::Endpoint, id: Bytes) {
        if let Some(guest) = self.talks.get_mut(&id) {
            if !std::mem::replace(&mut guest.is_told, true) {
                // Its HELLO was faster than this event.
                return;
            }
            // Another peer has taken over the identity that this one had chosen.
            guest.talk.lost();
            self.talks.remove(&id);
        }
        let address = self.address(from, &id);
        let oldest = self.lobby.enter(Instant::now(), id.clone(), address);
        if let Some((oldest, address)) = oldest {
            self.kick(&oldest);
            self.fail(address, HandshakeError::Displaced);
        }
        if !self.is_listening {
            self.lobby.leave(&id);
            self.kick(&id);
        }
    }

    fn address(&self, from: &zeromq::Endpoint, id: &Bytes) -> String {
        match from {
            zeromq::Endpoint::Tcp(..) => format!("zmq+{from}"),
            _ => self.unnamed(id),
        }
    }

    fn unnamed(&self, id: &Bytes) -> String {
        let short = &id[..id.len().min(8)];
        let hex = short.iter().map(|it| format!("{it:02x}")).collect::<String>();
        format!("{} (peer {hex})", self.endpoint)
    }

    /// The socket has lost a peer.
    fn left(&mut self, id: &Bytes) {
        if let Some(mut guest) = self.talks.remove(id) {
            guest.talk.lost();
        }
        if let Some(address) = self.lobby.leave(id) {
            self.fail(address, HandshakeError::PeerClosed);
        }
    }

    async fn receive_ready(&mut self) {
        for _ in 1..TURN {
            let Some(received) = self.socket.recv().now_or_never() else {
                return;
            };
            self.received(received).await;
        }
    }

    async fn received(&mut self, received: Result<ZmqMessage, ZmqError>) {
        // An error names nobody and is no reason to stop serving the others.
        let Ok(message) = received else { return };
        let mut parts = message.into_vecdeque();
        let Some(id) = parts.pop_front() else { return };
        let parts = Parts::from(parts);
        match self.talks.get_mut(&id) {
            Some(guest) => {
                guest.talk.receive(Instant::now(), parts);
                self.look_at(&id).await;
            }
            None => self.greeted(id, parts).await,
        }
    }

    /// The first message of a peer: a HELLO, or the end.
    async fn greeted(&mut self, id: Bytes, parts: Parts) {
        let known = self.lobby.leave(&id);
        let is_told = known.is_some();
        let address = known.unwrap_or_else(|| self.unnamed(&id));
        let nonce = nonce_of(&parts);
        let error = match Frame::parse(parts, &self.config.options.limits) {
            Ok(Frame::Hello(them)) => return self.answer(id, address, is_told, them).await,
            Ok(_) => malformed("HELLO", "something else came"),
            Err(error) => error,
        };
        if let Some(nonce) = nonce {
            self.refuse(&id, nonce, true, error.to_string()).await;
        }
        self.turn_away(&id, address, error);
    }

    async fn refuse(&mut self, id: &Bytes, nonce: u64, is_final: bool, reason: String) {
        let refusal = Frame::Refuse(Refusal { is_final, nonce, reason });
        self.send(id, refusal.encode()).await;
    }

    async fn answer(&mut self, id: Bytes, address: String, is_told: bool, them: Hello) {
        let nonce = them.nonce;
        match self.admit(&id, &address, them) {
            Ok((accept, guest)) => {
                let mut guest = Guest { is_told, ..guest };
                if !self.send(&id, accept.encode()).await {
                    guest.talk.lost();
                }
                self.talks.insert(id.clone(), guest);
                self.look_at(&id).await;
            }
            Err((error, is_final)) => {
                self.refuse(&id, nonce, is_final, error.to_string()).await;
                self.kick(&id);
                self.fail(address, error);
            }
        }
    }

    fn turn_away(&mut self, id: &Bytes, address: String, error: Error) {
        self.kick(id);
        self.fail(address, HandshakeError::Protocol(error));
    }

    /// A link for a peer, or why there is none and whether that will stay so.
    fn admit(
        &mut self,
        id: &Bytes,
        address: &str,
        them: Hello,
    ) -> Result<(Frame, Guest), (HandshakeError, bool)> {
        let (ours, theirs) = (self.config.socket_type, them.socket_type);
        if !ours.is_compatible_with(theirs) {
            return Err((HandshakeError::Incompatible { ours, theirs }, true));
        }
        let us = hello(&self.config, them.nonce);
        let us = us.map_err(|error| (HandshakeError::Protocol(error), true))?;
        let for_now = |reason| (HandshakeError::Refused { reason }, false);
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let most = self.config.options.max_connections;
            return Err(for_now(format!("{most} peers are served already")));
        };
        let Ok(arrival) = self.arrived.try_reserve() else {
            return Err(for_now("nobody accepts at the moment".to_owned()));
        };
        let session = Session::new(&self.config, them.credit, Instant::now());
        let link = Link::new(id.clone(), &self.config, self.bell.clone(), Some(place));
        arrival.send(Ok(link.clone().connection(peer(address.to_owned(), them))));
        Ok((Frame::Accept(us), Guest { is_told: false, talk: Talk::new(link, session) }))
    }

    fn fail(&self, address: String, source: HandshakeError) {
        self.tell(AcceptError::Handshake { address, source });
    }

    /// Tells whoever accepts; it need not listen.
    fn tell(&self, error: AcceptError) {
        let _ = self.arrived.try_send(Err(error));
    }

    /// Looks at the links that called; those beyond one turn call again.
    async fn look_at_callers(&mut self) {
        for _ in 0..TURN {
            let Some(link) = self.bell.next() else { return };
            self.look_at(&link.id).await;
        }
        self.bell.again();
    }

    /// Sends what a link has to send, and forgets it when it is over.
    async fn look_at(&mut self, id: &Bytes) {
        loop {
            let Some(guest) = self.talks.get_mut(id) else { return };
            let Some(parts) = guest.talk.next(Instant::now()) else { break };
            let is_sent = self.send(id, parts).await;
            let Some(guest) = self.talks.get_mut(id) else { return };
            if is_sent { guest.talk.sent() } else { guest.talk.lost() }
        }
        let Some(guest) = self.talks.get(id) else { return };
        if guest.talk.is_over(Instant::now()) {
            self.talks.remove(id);
            // What it was given still leaves; then the crate closes the connection.
            self.kick(id);
        } else if let Some(at) = guest.talk.poll_timeout() {
            self.wake_at = self.wake_at.min(at);
        }
    }

    /// Gives a frame to the socket; never given up half-way. False if the peer is gone.
    async fn send(&mut self, id: &Bytes, parts: Parts) -> bool {
        self.socket.send(message(Some(id.clone()), parts)).await.is_ok()
    }

    fn kick(&self, id: &Bytes) {
        if let Ok(id) = PeerIdentity::try_from(id.clone()) {
            self.backend.peer_disconnected(&id);
        }
    }

    async fn look_at_clock(&mut self) {
        let now = Instant::now();
        let after = self.config.options.handshake_timeout;
        while let Some((id, address)) = self.lobby.expired(now) {
            self.turn_away(&id, address, Error::HandshakeTimeout { after });
        }
        if now < self.wake_at {
            return;
        }
        self.wake_at = now + IDLE;
        if now < self.stays_until {
            self.wake_at = self.stays_until;
        }
        for id in self.talks.keys().cloned().collect::<Vec<_>>() {
            if let Some(guest) = self.talks.get_mut(&id) {
                guest.talk.handle_timeout(now);
            }
            self.look_at(&id).await;
        }
    }
}

/// Whether the peer only looked whether anybody is there, as our own connecting side does, and left
/// without a word.
fn is_visit(error: &ZmqError) -> bool {
    let mut cause = Some(error as &dyn std::error::Error);
    while let Some(it) = cause {
        let kind = it.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)) {
            return true;
        }
        cause = it.source();
    }
    matches!(error, ZmqError::Other("Failed Greeting exchange"))
}
