//! The options that sockets of every kind have.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::AnyCodec;
use gleis_transport::{Backoff, Heartbeat, HighWater, Network, Options};

use crate::builder::Builder;
use crate::options::Overflow;

impl<S> Builder<S> {
    /// The host that peers are told instead of the one that is bound: a name or address outside of
    /// a NAT or a container. None by default: a wildcard tells the machine's primary address.
    /// Nobody checks that it leads here.
    pub fn advertise(mut self, host: impl Into<String>) -> Self {
        self.settings.options.advertise = Some(host.into());
        self
    }

    /// How long a connecting socket waits between attempts; by default 50 ms at first, doubling up
    /// to 5 s, each with up to half of it taken off at random. Short waits find a peer sooner, and
    /// cost it and the network an attempt each.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.options.backoff = backoff;
        self
    }

    /// The codec, whatever the peer's is: one that speaks another is refused.
    ///
    /// Without it a binding socket uses [`AnyCodec::default_for`] its type, and a connecting one
    /// what the binding one uses.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.settings.codec = Some(codec);
        self
    }

    /// How long opening waits for the peer that is connected to; 250 ms by default. Afterwards
    /// the socket is open and connecting goes on in the background.
    pub fn connect_patience(mut self, patience: Duration) -> Self {
        self.settings.connect_patience = patience;
        self
    }

    /// How long one attempt to connect may take, the handshake not included; 10 s by default. Too
    /// short for the way, and no attempt ever succeeds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.options.connect_timeout = timeout;
        self
    }

    /// Lets the system hold small writes back until the peer has confirmed the last one (no
    /// TCP_NODELAY). By default they leave at once. Fewer packets, for up to 40 ms more per message.
    pub fn delay(mut self) -> Self {
        self.settings.options.nodelay = false;
        self
    }

    /// How long a handshake may take; 10 s by default. A peer that comes and says nothing holds one
    /// of the [handshakes](Self::max_handshakes) for as long.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.settings.options.handshake_timeout = timeout;
        self
    }

    /// How a peer is found out that is gone without a word; by default a PING every 5 s, and the
    /// peer is given up after 15 s without a byte. Costs a small packet each way per interval on
    /// tcp and ipc; a timeout shorter than the peer's longest pause ends good connections.
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.settings.options.heartbeat = Some(heartbeat);
        self
    }

    /// How many messages may wait per peer, in each direction; 1,000 by default. What waits costs
    /// memory and gets old; little room costs throughput, since then senders wait more often. Zero,
    /// which is no bound at all in ZeroMQ, counts as one.
    pub fn high_water(mut self, messages: usize) -> Self {
        self.settings.options.recv_high_water.messages = messages;
        self.settings.options.send_high_water.messages = messages;
        self
    }

    /// What the peers may see as our identity, at most 255 bytes; none by default. Nothing proves
    /// it.
    pub fn identity(mut self, identity: impl Into<Bytes>) -> Self {
        self.settings.options.identity = identity.into();
        self
    }

    /// After how long without a byte the system asks whether the peer's machine still lives (TCP
    /// keepalive, whole seconds); never by default. For peers that answer no PING and firewalls
    /// that forget idle connections; [`heartbeat`](Self::heartbeat) notices more, and sooner. Costs
    /// a packet each way per idle time.
    pub fn keepalive(mut self, idle: Duration) -> Self {
        self.settings.options.keepalive = Some(idle);
        self
    }

    /// How long closing waits for what is queued; 1 s by default. What has not left then is counted
    /// as dropped; zero does not wait.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.options.linger = linger;
        self
    }

    /// The longest frame, and so the longest encoded message, that is sent or taken; 64 MiB by
    /// default. A peer may make us keep that much at a time; one that announces more is cut off.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.settings.options.limits.frame = bytes;
        self
    }

    /// Handshakes in progress at a time on one listener; 256 by default. One more ends the oldest:
    /// few let a crowd keep out good peers, and many cost a file descriptor each.
    pub fn max_handshakes(mut self, handshakes: usize) -> Self {
        self.settings.options.max_handshakes = handshakes;
        self
    }

    /// All frames of one message that is taken, together; 128 MiB by default.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.settings.options.limits.message = bytes;
        self
    }

    /// How many frames one message that is taken may have; 1,024 by default.
    pub fn max_parts(mut self, frames: usize) -> Self {
        self.settings.options.limits.parts = frames;
        self
    }

    /// Peers that one listener on tcp or ipc serves at a time; 10,000 by default, more are refused.
    /// Each may cost its queues in both directions. As many that are gone, and at least 1,000, may
    /// have left messages that were not received, 64 MiB in all; beyond that the oldest are dropped
    /// and counted.
    pub fn max_peers(mut self, peers: usize) -> Self {
        self.settings.options.max_connections = peers;
        self
    }

    /// What tcp and ipc go through; the operating system by default. Another network costs an
    /// indirect call per read and write.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.settings.options.network = Some(network);
        self
    }

    /// Sends no PINGs: a peer that is gone without a word is noticed when the system notices, which
    /// may be hours later. By default they are sent: see [`heartbeat`](Self::heartbeat).
    pub fn no_heartbeat(mut self) -> Self {
        self.settings.options.heartbeat = None;
        self
    }

    /// All limits and times of links at once. It replaces what was chosen before by the methods that
    /// are named like its fields, [`high_water`](Self::high_water), [`delay`](Self::delay) and the
    /// limits (`max_…`).
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = options;
        self
    }

    /// What happens to a message to be sent for which there is no room. A
    /// [`Replier`](crate::Replier) has a patience instead, and sockets that only receive have no use
    /// for it.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.overflow = Some(overflow);
        self
    }

    /// Opening waits until everything is up in both directions, and fails after `timeout` otherwise:
    /// the peer is there, and a publisher has the subscriptions. By default it waits for the
    /// connection alone, and not long: see [`connect_patience`](Self::connect_patience), and
    /// [`ready`](crate::Push::ready) of the socket.
    pub fn ready(mut self, timeout: Duration) -> Self {
        self.settings.ready = Some(timeout);
        self
    }

    /// Bytes that the system keeps for us until we read them (SO_RCVBUF); by default it tunes that
    /// by itself. Too small for the distance, and a link never gets fast; large, and each
    /// connection may cost so much.
    pub fn recv_buffer(mut self, bytes: usize) -> Self {
        self.settings.options.recv_buffer = Some(bytes);
        self
    }

    /// How much of what was received may wait per peer; 1,000 messages and 16 MiB by default.
    pub fn recv_high_water(mut self, mark: HighWater) -> Self {
        self.settings.options.recv_high_water = mark;
        self
    }

    /// Bytes that the system takes from us until the peer has them (SO_SNDBUF); by default it tunes
    /// that by itself. The price is that of [`recv_buffer`](Self::recv_buffer). What is in there has
    /// left us: a small one makes the bounds of queues exact.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.settings.options.send_buffer = Some(bytes);
        self
    }

    /// How much may wait to be sent per peer; 1,000 messages and 16 MiB by default.
    pub fn send_high_water(mut self, mark: HighWater) -> Self {
        self.settings.options.send_high_water = mark;
        self
    }

    /// Lets `zmq+tcp://` listeners of the `zeromq` engine face more than the loopback interface,
    /// which is all they do by default. Everybody who reaches one can then abort this process: see
    /// [`Options::trusted_network`]. Other transports need no trust and ignore this.
    pub fn trusted_network(mut self) -> Self {
        self.settings.options.trusted_network = true;
        self
    }
}
