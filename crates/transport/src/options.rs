//! Everything about a link that may be chosen, with its default and its price.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gleis_zmtp::{Heartbeat, Limits, Metadata, SocketType};

use crate::network::Network;

/// How many messages and bytes may wait in one queue. Reached when either is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HighWater {
    /// Messages; 1,000 by default, as in ZeroMQ.
    pub messages: usize,
    /// Bytes; 16 MiB by default. One message of any allowed size is taken when below.
    pub bytes: usize,
}

impl Default for HighWater {
    fn default() -> Self {
        Self { messages: 1_000, bytes: 16 << 20 }
    }
}

/// How long a connector waits between attempts: from `first`, doubling, up to `most`, each with up to
/// half of it taken off at random so that a crowd does not return at once; `fastrand::seed` makes a
/// thread's chances repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The wait after the first failure; 50 ms by default.
    pub first: Duration,
    /// The longest wait; 5 s by default.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(50), most: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait before attempt `attempt` (1 is the first retry), `jitter` in 0.0..1.0.
    pub(crate) fn delay(self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// The limits and times of links. All limits are on by default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The host that a listener reports instead of the one it is bound to; `None` by default.
    /// Without it a wildcard bind reports the machine's primary address, never `0.0.0.0`.
    pub advertise: Option<String>,
    /// The wait between attempts to connect.
    pub backoff: Backoff,
    /// How long one attempt to connect may take, handshake not included; 10 s by default.
    pub connect_timeout: Duration,
    /// How long a handshake may take on either side; 10 s by default.
    pub handshake_timeout: Duration,
    /// PINGs on silent links; every 5 s, the peer is given up after 15 s without a byte, by default.
    pub heartbeat: Option<Heartbeat>,
    /// What the peer may see as our identity; empty (none) by default.
    pub identity: Bytes,
    /// After how long without a byte the system asks whether the peer's machine still lives
    /// (TCP keepalive, in whole seconds, at least one); `None` by default: never. How often it asks
    /// then, and when it gives up, is the system's own setting (Linux: nine times, 75 s apart).
    ///
    /// [`heartbeat`](Self::heartbeat) notices more, and sooner. This is for peers that do not
    /// answer PINGs and for firewalls that forget idle connections; the price is a packet each way
    /// per idle time on every idle connection.
    pub keepalive: Option<Duration>,
    /// How long closing waits for queued messages to leave; 1 s by default.
    pub linger: Duration,
    /// Bounds on what a peer may send.
    pub limits: Limits,
    /// Peers that one listener serves at a time, inproc excepted; 10,000 by default. More are refused.
    pub max_connections: usize,
    /// Handshakes in progress at a time on one listener; 256 by default. One more waits until one of
    /// them is older than 250 ms, or 2 s if its peer has said something, and ends that one.
    pub max_handshakes: usize,
    /// Prefixes and other filters one peer may subscribe to; 10,000 by default.
    pub max_subscriptions: usize,
    /// What tcp and ipc go through; `None` by default: the operating system. Another network costs
    /// an indirect call per read and write.
    pub network: Option<Arc<dyn Network>>,
    /// Whether small writes leave at once (TCP_NODELAY); true by default.
    pub nodelay: bool,
    /// Bytes that the system keeps for us until we read them (SO_RCVBUF); `None` by default: it
    /// tunes that by itself, per connection. A size set here is fixed: too small for the distance
    /// and a link never gets fast; large, and each connection may cost so much. The system bounds
    /// it (Linux: doubles it, up to `net.core.rmem_max`).
    pub recv_buffer: Option<usize>,
    /// Bound of the queue of received messages of one connection.
    pub recv_high_water: HighWater,
    /// Bytes that the system takes from us until the peer has them (SO_SNDBUF); `None` by default: it
    /// tunes that by itself. The price of a fixed size is that of
    /// [`recv_buffer`](Self::recv_buffer). What is in there has left us: it is neither counted
    /// nor given up by an overflow, so a small one makes the bounds of queues exact.
    pub send_buffer: Option<usize>,
    /// Bound of the queue of messages to send on one connection.
    pub send_high_water: HighWater,
    /// Whether everybody who can reach a listener of the `zeromq` engine (`zmq+tcp://`) is trusted
    /// with this process; false by default: such a listener then binds to loopback addresses only.
    ///
    /// The price is the process. Version 0.7 of the `zeromq` crate reserves the length that a frame
    /// claims before the frame is there, so that 73 bytes from anybody abort the process; it waits
    /// for ever for peers that are silent in its handshake; and without free file descriptors it keeps
    /// a core busy. None of this can be mended from outside. `tcp://` has none of it.
    pub trusted_network: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            advertise: None,
            backoff: Backoff::default(),
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            heartbeat: Some(Heartbeat {
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(15),
                ttl: Duration::from_secs(30),
            }),
            identity: Bytes::new(),
            keepalive: None,
            linger: Duration::from_secs(1),
            limits: Limits::default(),
            max_connections: 10_000,
            max_handshakes: 256,
            max_subscriptions: 10_000,
            network: None,
            nodelay: true,
            recv_buffer: None,
            recv_high_water: HighWater::default(),
            send_buffer: None,
            send_high_water: HighWater::default(),
            trusted_network: false,
        }
    }
}

/// Counts links that stand beside each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Company(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Member(Arc<AtomicUsize>);

impl Company {
    pub(crate) fn join(&self) -> Member {
        self.0.fetch_add(1, Ordering::Relaxed);
        Member(self.0.clone())
    }
}

impl Member {
    /// How many there are, itself included.
    #[inline]
    pub(crate) fn n_links(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one side of a link is: its kind of socket, what it says of itself, and its options.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// The links that were made with it and its clones.
    pub(crate) company: Company,
    /// Properties for the peer beside those of the protocol (names begin with `X-`).
    pub metadata: Metadata,
    /// Limits and times.
    pub options: Options,
    /// The kind of socket.
    pub socket_type: SocketType,
}

impl LinkConfig {
    /// A link of this kind with default options.
    pub fn new(socket_type: SocketType) -> Self {
        let (company, metadata, options) = Default::default();
        Self { company, metadata, options, socket_type }
    }

    pub(crate) fn session(&self) -> gleis_zmtp::Config {
        gleis_zmtp::Config {
            identity: self.options.identity.clone(),
            metadata: self.metadata.clone(),
            limits: self.options.limits,
            handshake_timeout: self.options.handshake_timeout,
            heartbeat: self.options.heartbeat,
            socket_type: self.socket_type,
        }
    }
}
