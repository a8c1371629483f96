//! Who is where: directories of names, a name server, and its client.
//!
//! A [`Directory`] gives each name to one [`Record`]: [`MemoryDirectory`] within a process,
//! [`NameServer`] for others, and [`NameClient`] to reach one from anywhere.
//!
//! The server and its clients speak MessagePack over one connection: a client is a DEALER, the
//! server a ROUTER, and a request is `[correlation id, "", body]`, answered with the same id; news
//! come under the id zero.

mod change;
mod client;
mod directory;
mod error;
mod memory;
mod protocol;
mod record;
mod server;
mod table;
mod watch;

pub use crate::change::Change;
pub use crate::client::{ConnectNameClient, NameClient};
pub use crate::directory::Directory;
pub use crate::error::{BindError, ConnectError, NamingError, RegisterError};
pub use crate::memory::MemoryDirectory;
pub use crate::record::Record;
pub use crate::server::{BindNameServer, Limits, NameServer, ShutdownReport};
pub use crate::watch::Watch;
