//! Links over byte streams: ZMTP on tcp and ipc.

mod address;
mod batch;
mod dial;
mod flusher;
mod handshake;
mod link;
mod listener;
mod outbox;
mod pump;
mod reader;
mod socket;

#[cfg(feature = "zeromq")]
pub(crate) use address::bind_tcp;
#[cfg(all(feature = "zeromq", unix))]
pub(crate) use address::fresh_path;
pub use address::remove_stale;
pub(crate) use dial::connect;
pub(crate) use handshake::handshake;
pub(crate) use link::StreamWriter;
#[cfg(all(feature = "zeromq", unix))]
pub(crate) use listener::SocketFile;
pub(crate) use listener::StreamListener;
pub(crate) use pump::Pump;
pub(crate) use reader::StreamReader;
pub(crate) use socket::Socket;
