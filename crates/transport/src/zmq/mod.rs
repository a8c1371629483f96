//! Links through the sockets of the `zeromq` crate: `zmq+tcp://` and `zmq+ipc://`.
//!
//! Prefer `tcp://` and `ipc://`. They speak ZMTP as well, talk to every ZeroMQ program, and are
//! faster and safer in every respect; no peer is reached through this engine that is not reached
//! without it, since both ends must be gleis. It is for two cases only: a second, independent
//! implementation below the same patterns, to tell a fault of ours from one of the wire; and
//! programs whose operators have approved that crate's network code and no other.
//!
//! # How it works
//! One DEALER per outgoing connection and one ROUTER per listener; above their messages a small link
//! protocol of our own (see `docs/wire.md`, "The zeromq engine"). One driver task owns each
//! socket and does all its sends in turn, since a send that is given up half-way breaks the crate's
//! sockets. What is sent is bounded by the credit of the receiver, and by what it has provably read,
//! so that the crate's queue of 100,000 messages is never full: it would stop every link.
//!
//! All of it, the crate's own tasks included, runs on one thread of the process, `gleis-zeromq`, which
//! the first link or listener starts and which has a runtime and a clock of its own. The runtimes of
//! the users run nothing of the crate, which can stop whole runtimes; they and the drivers meet only
//! in the queues of the links and listeners. So to remain:
//! - No call of the crate is made and no socket of it dropped but in a driver or under `thread::run`.
//! - Nothing here blocks that thread; what may (the files of sockets) is done before.
//! - A send finds room in the crate's queue: whoever waits there holds a lock that others block on.
//! - A driver is owned by the halves of its link, or by its listener and all its links: it ends after
//!   them, `GOODBYE` and `GRACE` at most, whether or not the runtime they lived on is still there.
//!
//! | file | what it holds |
//! |---|---|
//! | `frame` | the frames of the link protocol |
//! | `session` | credit, confirmation, signs of life; without socket or task |
//! | `link`, `outbox`, `bell` | the two halves of a connection, and how they call the driver |
//! | `talk` | one link as a driver sees it |
//! | `dial`, `router`, `listener`, `lobby` | the drivers, and what comes before a link |
//! | `amount` | messages and bytes, counted together |
//! | `address`, `doors` | endpoints, and ports that are about to be free |
//! | `thread` | the one thread on which all of this runs |
//!
//! # Known holes
//! They are the crate's (version 0.7.0), and cannot be mended from outside:
//! - 73 bytes of anybody who reaches the port **abort the process**: a frame's length is believed
//!   before the frame is there. So a listener refuses every address that is not loopback or ipc,
//!   unless [`Options::trusted_network`](crate::Options) is set; and whoever connects trusts its peer.
//! - Before its ZMTP handshake is over a peer is not ours to time out; a silent one keeps a file
//!   descriptor and a task for as long as it likes.
//! - It deadlocks on more than one thread when peers come and go: see `thread`. So all links of this
//!   engine in a process have one core.
//! - Without free file descriptors the crate's accept loop keeps that thread busy.
//! - The crate allocates what a peer sends before our limits are asked.
//! - A link that is given up because its peer reads nothing leaves the crate's writer behind, with
//!   what it held, until the operating system ends the connection.
//! - A listener forgets nothing: each connection costs it some 50 bytes until it is gone.
//! - Two foreign peers that announce the same identity displace each other; ours announce none.
//! - A peer that speaks ZMTP 3.1 commands (PING) is disconnected.

mod address;
mod amount;
mod bell;
mod dial;
mod doors;
mod frame;
mod link;
mod listener;
mod lobby;
mod outbox;
mod router;
mod session;
mod talk;
mod thread;

pub(crate) use dial::connect;
pub(crate) use link::{ZmqReader, ZmqWriter};
pub(crate) use listener::ZmqListener;

use bytes::Bytes;
use gleis_zmtp::Error;
use zeromq::{SocketOptions, ZmqError, ZmqMessage};

use crate::error::HandshakeError;
use crate::options::LinkConfig;
use crate::zmq::frame::{Hello, Parts};

/// Frames handled in a row before something else gets its turn.
const TURN: usize = 64;
/// The longest identity, as in ZMTP.
const MAX_IDENTITY: usize = 255;

/// The options of every socket: no deadline of its own, and reads that need no warming up.
fn socket_options() -> SocketOptions {
    let mut options = SocketOptions::default();
    options.no_connect_timeout().read_buffer(4 << 10, 64 << 10, 2);
    options
}

/// A message for the crate's sockets; a ROUTER's begins with the name of the peer.
fn message(to: Option<Bytes>, parts: Parts) -> ZmqMessage {
    let mut frames = to.into_iter().chain(parts);
    // Every frame of the link protocol has its kind: there is a first one.
    let mut message = ZmqMessage::from(frames.next().unwrap_or_default());
    frames.for_each(|it| message.push_back(it));
    message
}

fn handshake_error(error: ZmqError) -> HandshakeError {
    match error {
        ZmqError::Network(error) => HandshakeError::Io(error),
        other => HandshakeError::Io(std::io::Error::other(other.to_string())),
    }
}

/// What this side says of itself.
fn hello(config: &LinkConfig, nonce: u64) -> Result<Hello, Error> {
    let identity = config.options.identity.clone();
    if MAX_IDENTITY < identity.len() || identity.first() == Some(&0) {
        return Err(Error::OwnIdentity { len: identity.len() });
    }
    Ok(Hello {
        credit: session::window(config),
        identity,
        metadata: config.metadata.clone(),
        nonce,
        socket_type: config.socket_type,
    })
}
