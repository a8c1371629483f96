//! Message connections over inproc, ipc and tcp.
//!
//! The unit is the [`Connection`]: one ordered, bidirectional link to one peer that keeps message
//! boundaries. What sockets are made of stands here: [`listen`] and [`connect`] for single
//! connections, [`Listener::serve`] and [`Connector`] for links that come and go by themselves,
//! [`Options`] with every limit, and [`Event`]s that say what happened and why.
//!
//! On tcp and ipc the wire is ZMTP 3.1 (see `docs/wire.md`); inproc moves the values themselves.
//! A [`Network`] of your own may stand under tcp and ipc instead of the operating system.
//! Patterns, codecs and names are not known here.
//!
//! # The `zeromq` engine
//! With the feature `zeromq` there are `zmq+tcp://` and `zmq+ipc://`: links through the sockets of the
//! `zeromq` crate, to gleis peers only. Use them only if you must go through that crate; tcp and ipc
//! reach every ZeroMQ peer, these included, without its faults. Whoever reaches such a listener can
//! abort the process, so it binds to loopback and ipc only, unless
//! [`Options::trusted_network`] is set; whom such a link connects to has the same power.
//! The other options hold on these links as on tcp, but for [`network`](Options::network),
//! [`nodelay`](Options::nodelay), [`keepalive`](Options::keepalive) and the buffers of the system. A
//! dropped link says goodbye in the background: to lose nothing at the end of a program,
//! [close](Sender::close) it. `docs/wire.md` has the protocol and the list of faults.

mod accept;
mod broadcast;
mod clock;
mod connect;
mod connection;
mod connector;
mod error;
mod event;
mod fate;
mod inbox;
mod inproc;
mod listener;
mod message;
mod network;
mod options;
mod peer;
mod stream;
mod tally;
mod task;
mod wakers;
#[cfg(feature = "zeromq")]
mod zmq;

pub use gleis_zmtp::{Command, Head, Heartbeat, Limits, Metadata, SocketType};

pub use crate::broadcast::{Broadcast, NotTaken};
pub use crate::connect::connect;
pub use crate::connection::{Connection, Receiver, Sender};
pub use crate::connector::{Connector, Progress};
pub use crate::error::{
    AcceptError, BoxError, CloseReason, ConnectError, HandshakeError, ListenError, TrySendError,
};
pub use crate::event::{Event, Host, Origin};
pub use crate::fate::Closed;
pub use crate::inbox::{Delivery, Direct, Inbox};
pub use crate::listener::{Listener, listen};
pub use crate::message::{Body, Control, Inbound, Local, Message};
pub use crate::network::{Network, Wire, WireListener};
pub use crate::options::{Backoff, HighWater, LinkConfig, Options};
pub use crate::peer::Peer;
#[cfg(unix)]
pub use crate::stream::remove_stale;
pub use crate::tally::Tally;
pub use crate::task::TaskGuard;
