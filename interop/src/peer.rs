//! A libzmq socket in this process.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use zmq::{Context, SocketType};

use crate::outcome::{Failure, Outcome, PATIENCE, soon};

/// How often a socket with short heartbeats sends a PING.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);
/// How long it waits for a sign of life after that; scenarios run beside others.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(700);
/// How long it tells its peer to believe in it.
pub(crate) const TTL: Duration = Duration::from_millis(1_000);
/// Long enough for every promise to be broken by a side that does not keep it.
pub(crate) const SILENCE: Duration = TTL.saturating_add(TIMEOUT);

/// A libzmq socket. No call of it blocks for ever.
pub(crate) struct Peer(zmq::Socket);

impl Peer {
    /// A socket in a context of its own, so with an I/O thread of its own.
    pub(crate) fn new(kind: SocketType) -> Outcome<Self> {
        Self::within(&Context::new(), kind)
    }

    /// A socket that shares its I/O thread with others.
    pub(crate) fn within(context: &Context, kind: SocketType) -> Outcome<Self> {
        let socket = context.socket(kind)?;
        socket.set_rcvtimeo(millis(PATIENCE))?;
        socket.set_sndtimeo(millis(PATIENCE))?;
        // What is queued when the socket is dropped still has this long to leave.
        socket.set_linger(2_000)?;
        socket.set_reconnect_ivl(20)?;
        Ok(Self(socket))
    }

    /// The socket with short heartbeats on.
    pub(crate) fn with_heartbeats(self) -> Outcome<Self> {
        self.with_heartbeats_of(INTERVAL, TIMEOUT, TTL)
    }

    /// The socket with libzmq's heartbeats on.
    pub(crate) fn with_heartbeats_of(
        self,
        interval: Duration,
        timeout: Duration,
        ttl: Duration,
    ) -> Outcome<Self> {
        self.0.set_heartbeat_ivl(millis(interval))?;
        self.0.set_heartbeat_timeout(millis(timeout))?;
        self.0.set_heartbeat_ttl(millis(ttl))?;
        Ok(self)
    }

    /// The socket itself, for options and other special things.
    pub(crate) fn raw(&self) -> &zmq::Socket {
        &self.0
    }

    /// Binds and returns where.
    #[track_caller]
    pub(crate) fn bind(&self, at: &str) -> Outcome<String> {
        self.0
            .bind(at)
            .map_err(|error| Failure::new(format!("libzmq cannot bind {at}: {error}")))?;
        let at = self.0.get_last_endpoint()?;
        at.map_err(|_| Failure::new("libzmq's endpoint is not UTF-8"))
    }

    #[track_caller]
    pub(crate) fn connect(&self, at: &str) -> Outcome {
        self.0
            .connect(at)
            .map_err(|error| Failure::new(format!("libzmq cannot connect to {at}: {error}")))
    }

    /// What `step` gives, while the socket is used as an idle program would.
    ///
    /// libzmq tells a new connection its subscriptions in the thread that uses the socket, not in
    /// one of its own.
    pub(crate) async fn idle<F: Future>(&self, step: F) -> Outcome<F::Output> {
        let mut step = pin!(soon(step));
        loop {
            let turn = tokio::time::timeout(Duration::from_millis(1), &mut step);
            if let Ok(outcome) = turn.await {
                return outcome;
            }
            self.0.get_events()?;
        }
    }

    /// Sends one message of these frames.
    #[track_caller]
    pub(crate) fn send<F: AsRef<[u8]>>(&self, frames: &[F]) -> Outcome {
        let frames = frames.iter().map(AsRef::as_ref);
        self.0
            .send_multipart(frames, 0)
            .map_err(|error| Failure::new(format!("libzmq cannot send: {error}")))
    }

    /// Receives the frames of one message.
    #[track_caller]
    pub(crate) fn recv(&self) -> Outcome<Vec<Vec<u8>>> {
        self.0
            .recv_multipart(0)
            .map_err(|error| Failure::new(format!("libzmq receives nothing: {error}")))
    }

    /// Receives a message of one frame.
    #[track_caller]
    pub(crate) fn recv_body(&self) -> Outcome<Vec<u8>> {
        let frames = self.recv()?;
        match <[Vec<u8>; 1]>::try_from(frames) {
            Ok([body]) => Ok(body),
            Err(frames) => Err(Failure::new(format!("{} frames, not 1", frames.len()))),
        }
    }

    /// The message that comes within `patience`, if one does.
    pub(crate) fn recv_within(&self, patience: Duration) -> Outcome<Option<Vec<Vec<u8>>>> {
        let start = Instant::now();
        loop {
            let left = patience.saturating_sub(start.elapsed());
            match self.0.poll(zmq::POLLIN, i64::from(millis(left))) {
                Ok(0) => return Ok(None),
                Ok(_) => return self.recv().map(Some),
                Err(zmq::Error::EINTR) => (),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A time as libzmq takes it.
pub(crate) fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
