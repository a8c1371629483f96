//! Who is where: directories of names, a name server, and its client.
//!
//! A [`Directory`] gives each name to one [`Record`]: [`MemoryDirectory`] within a process,
//! [`NameServer`] for others, and [`NameClient`] to reach one from anywhere.
//!
//! ```
//! use gleis_naming::{Directory, NameClient, NameServer, Record};
//! use gleis_core::Name;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = NameServer::bind("tcp://127.0.0.1:0").await?;
//! let client = NameClient::connect(server.endpoint()).await?;
//!
//! let alice = Name::new("Alice")?;
//! client.register(&alice, Record::new("tcp://127.0.0.1:5555".parse()?)).await?;
//!
//! let error = client.resolve(&Name::new("Alcie")?).await.unwrap_err();
//! assert_eq!(error.to_string(), "nobody is called `Alcie`; did you mean `Alice`?");
//! # Ok(())
//! # }
//! ```
//!
//! # On the wire
//! A client is a DEALER, the server a ROUTER (a REQ may ask, too). Both say
//! `X-Gleis-Protocol: naming/1` in their READY metadata; the client's identity is a random text by
//! which the server knows it when it comes back. A message is `[id, "", body]`, the body one
//! MessagePack value: an enum with named fields, `{"resolve": {"name": "Alice"}}`, or the bare name of
//! a variant without fields, `"watch"`.
//!
//! | request | reply |
//! |---|---|
//! | `register {name, record: {endpoint, metadata}}` | `done` or `refused`; the client's own name is registered anew |
//! | `unregister {name, forced}` | `done` or `refused`; `forced`, which may be left out, if the holder was ended by force |
//! | `resolve {name}` | `found {record}` or `refused` |
//! | `list {after: name or nil}` | `page {names: [[name, record]], more}`: those behind `after`, about 32 KiB of them |
//! | `watch` | `done`, and news from then on |
//! | `settled` | `done`; names registered only on earlier connections of this client are released |
//! | `leave` | `done`; all names of this client are released |
//! | `shutdown {millis}` | `stopped {stayed: [name], forced: [name]}` once the server has closed |
//!
//! `refused {why}` says why: `taken {holder}`, `unknown {near}`, `not_held`, `full {what, limit}`,
//! `too_large {len}`, `busy {what, limit}`, `closing`, `closed`, or `malformed {reason}` for what could
//! not be read. A reply comes with the frames that stood before the body of its request. News come
//! under an id of eight zero bytes: `registered {name, record}`, `unregistered {name}`, `current`,
//! `lagged`, `closing {millis}`; all but the last only to those who watch. No message is longer than
//! 64 KiB.

mod change;
mod client;
mod clock;
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
