//! Taking in peers: handshakes side by side, bounded, with a back-off when the system refuses.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gleis_core::Endpoint;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::error::{AcceptError, HandshakeError};
use crate::event::{Event, Host, Origin};
use crate::listener::ListenerKind;
use crate::options::LinkConfig;
use crate::stream::{Socket, handshake};

/// The waits after a failed accept: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How long a handshake is safe from newer ones: if the peer has said something, which every honest one
/// does at once, for several round trips around the world.
const GRACE: Duration = Duration::from_secs(2);
/// The same for a peer that has said nothing.
const GRACE_IN_SILENCE: Duration = Duration::from_millis(250);

/// What comes out of a listener before any handshake.
pub(crate) enum Arrival {
    /// One that another engine has made, and that failed.
    #[cfg(feature = "zeromq")]
    Failed(AcceptError),
    /// A link that needs none, or has it behind it.
    Ready(Connection),
    /// A fresh socket and its address.
    Raw(Socket, String),
}

/// Turns arrivals into connections.
#[derive(Debug)]
pub(crate) struct Acceptor {
    config: Arc<LinkConfig>,
    handshakes: JoinSet<Result<Connection, HandshakeError>>,
    kind: ListenerKind,
    /// The handshakes in progress, oldest first.
    order: VecDeque<Started>,
    /// How long to wait before accepting again.
    pause: Option<Duration>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Started {
    address: String,
    has_spoken: Arc<AtomicBool>,
    id: Id,
    since: Instant,
    task: AbortHandle,
}

impl Acceptor {
    pub(crate) fn new(kind: ListenerKind, config: Arc<LinkConfig>) -> Self {
        let places = Arc::new(Semaphore::new(config.options.max_connections));
        let (handshakes, order) = Default::default();
        Self { config, handshakes, kind, order, pause: None, places }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        match &self.kind {
            ListenerKind::Inproc(listener) => listener.endpoint(),
            ListenerKind::Stream(listener) => listener.endpoint(),
            #[cfg(feature = "zeromq")]
            ListenerKind::Zmq(listener) => listener.endpoint(),
        }
    }

    /// The next connection. Cancel-safe: handshakes live in `self`.
    pub(crate) async fn next(&mut self) -> Result<Connection, AcceptError> {
        loop {
            let crowded = self.crowded();
            tokio::select! {
                biased;
                Some(ended) = self.handshakes.join_next_with_id() => return self.ended(ended),
                // Crowded with young handshakes: most are done in a moment, so they get that moment.
                () = tokio::time::sleep_until(crowded.unwrap_or_else(Instant::now)),
                    if crowded.is_some() =>
                {
                    // On a busy machine we may wake long after the moment, together with handshakes
                    // whose peers have answered long ago: those go first.
                    tokio::task::yield_now().await;
                    match self.handshakes.try_join_next_with_id() {
                        Some(ended) => return self.ended(ended),
                        None => self.end_first(),
                    }
                }
                arrival = arrive(&self.kind, self.pause), if crowded.is_none() => match arrival {
                    Ok(arrival) => {
                        self.pause = None;
                        if let Some(connection) = self.begin(arrival)? {
                            return Ok(connection);
                        }
                    }
                    Err(error) => return Err(self.refused(error)),
                },
            }
        }
    }

    /// Starts a handshake, or passes on a link that needs none.
    fn begin(&mut self, arrival: Arrival) -> Result<Option<Connection>, AcceptError> {
        let (socket, address) = match arrival {
            #[cfg(feature = "zeromq")]
            Arrival::Failed(AcceptError::Io(error)) => return Err(self.refused(error)),
            #[cfg(feature = "zeromq")]
            Arrival::Failed(error) => return Err(error),
            Arrival::Ready(connection) => return Ok(Some(connection)),
            Arrival::Raw(socket, address) => (socket, address),
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let reason =
                format!("{} peers are served already", self.config.options.max_connections);
            return Err(AcceptError::Handshake {
                address,
                source: HandshakeError::Refused { reason },
            });
        };
        let has_spoken = Arc::new(AtomicBool::new(false));
        let greeted =
            greet(socket, self.config.clone(), address.clone(), place, has_spoken.clone());
        let task = self.handshakes.spawn(greeted);
        let (id, since) = (task.id(), Instant::now());
        self.order.push_back(Started { address, has_spoken, id, since, task });
        Ok(None)
    }

    /// Until when to wait for a place among the handshakes, if there is none.
    fn crowded(&self) -> Option<Instant> {
        let is_full = self.config.options.max_handshakes <= self.order.len();
        if is_full { self.order.iter().map(Started::safe_until).min() } else { None }
    }

    /// Ends the handshake whose grace is over first: an honest peer is done by then, so others cannot
    /// keep it out.
    fn end_first(&mut self) {
        let first = self.order.iter().enumerate().min_by_key(|(_, it)| it.safe_until());
        let Some((at, first)) = first.filter(|(_, it)| it.safe_until() <= Instant::now()) else {
            return;
        };
        first.task.abort();
        self.order.remove(at);
    }

    fn ended(&mut self, ended: Ended) -> Result<Connection, AcceptError> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let address = self.forget(id).unwrap_or_else(|| "a displaced peer".to_owned());
        match ended {
            Ok((_, Ok(connection))) => Ok(connection),
            Ok((_, Err(source))) => Err(AcceptError::Handshake { address, source }),
            Err(_) => Err(AcceptError::Handshake { address, source: HandshakeError::Displaced }),
        }
    }

    fn forget(&mut self, id: Id) -> Option<String> {
        let at = self.order.iter().position(|it| it.id == id)?;
        self.order.remove(at).map(|it| it.address)
    }

    fn refused(&mut self, error: io::Error) -> AcceptError {
        let (first, most) = PAUSE;
        self.pause = Some(self.pause.map_or(first, |it| (it * 2).min(most)));
        AcceptError::Io(error)
    }

    /// Accepts for a host until it is gone.
    pub(crate) async fn serve(mut self, host: Weak<dyn Host>) {
        loop {
            let accepted = self.next().await;
            let Some(host) = host.upgrade() else { return };
            match accepted {
                Ok(connection) => admit(&*host, connection),
                Err(error) => note_failure(&*host, error),
            }
        }
    }
}

impl Started {
    fn safe_until(&self) -> Instant {
        let has_spoken = self.has_spoken.load(Ordering::Relaxed);
        self.since + if has_spoken { GRACE } else { GRACE_IN_SILENCE }
    }
}

type Ended = Result<(Id, Result<Connection, HandshakeError>), JoinError>;

fn admit(host: &dyn Host, connection: Connection) {
    let peer = connection.peer().clone();
    match host.admit(&peer, Origin::Accepted) {
        Ok(()) => {
            host.note(Event::Accepted { peer });
            host.attach(connection, Origin::Accepted);
        }
        Err(reason) => {
            connection.refuse(&reason);
            let source = HandshakeError::Refused { reason };
            note_failure(host, AcceptError::Handshake { address: peer.address, source });
        }
    }
}

fn note_failure(host: &dyn Host, error: AcceptError) {
    tracing::debug!(target: "gleis::transport", %error, "accept failed");
    host.note(Event::AcceptFailed { error });
}

async fn arrive(kind: &ListenerKind, pause: Option<Duration>) -> io::Result<Arrival> {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    match kind {
        ListenerKind::Inproc(listener) => Ok(Arrival::Ready(listener.accept().await)),
        ListenerKind::Stream(listener) => {
            listener.accept().await.map(|(socket, address)| Arrival::Raw(socket, address))
        }
        #[cfg(feature = "zeromq")]
        ListenerKind::Zmq(listener) => {
            Ok(listener.accept().await.map_or_else(Arrival::Failed, Arrival::Ready))
        }
    }
}

async fn greet(
    socket: Socket,
    config: Arc<LinkConfig>,
    address: String,
    place: OwnedSemaphorePermit,
    has_spoken: Arc<AtomicBool>,
) -> Result<Connection, HandshakeError> {
    handshake(socket, &config, address, Some(place), &has_spoken).await
}
