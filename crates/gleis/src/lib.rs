//! gleis: messaging and agents for Rust.
//!
//! Everything behind one name; each module is a crate of its own, and whoever needs only one
//! depends on that alone.
//!
//! | module | crate | what |
//! |---|---|---|
//! | [`agent`] | `gleis-agent` | named things that talk, with handlers and timers |
//! | `bridge` | `gleis-bridge` | messages of a hub for web pages; a feature of this name |
//! | [`broker`] | `gleis-broker` | a hub: what any application sends, all get |
//! | [`channels`] | `gleis-channels` | requests that are answered whenever, publications with answers among them, logs |
//! | [`patterns`] | `gleis-patterns` | typed sockets: push-pull, publish-subscribe, request-reply |
//! | [`naming`] | `gleis-naming` | who is where: directories, a name server and its client |
//! | [`rpc`] | `gleis-rpc` | links, paths and events, and calls by name |
//! | `script` | `gleis-script` | sandboxed scripts over dynamic values; a feature of this name |
//! | [`transport`] | `gleis-transport` | message connections over inproc, ipc and tcp |
//! | [`codec`] | `gleis-codec` | values to bytes and back |
//! | [`zmtp`] | `gleis-zmtp` | ZMTP 3.1 without IO or clock |
//! | [`core`] | `gleis-core` | names, endpoints, deadlines, dynamic values |
//!
//! The feature `zeromq`, on by default, adds the endpoints `zmq+tcp://` and `zmq+ipc://`: see
//! [`transport`]. The features `bincode`, `json`, `msgpack` and `postcard`, on by default, add the
//! codecs of these names: see [`codec`]. MessagePack is there in any case, since name servers and
//! agents speak it among themselves.
//!
//! ```
//! use gleis::patterns::{Pull, Push};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> gleis::agent::Result {
//! let pull = Pull::<String>::bind("tcp://127.0.0.1:0").await?;
//! let push = Push::<String>::connect(pull.endpoint()).await?;
//! push.send("hello".to_owned()).await?;
//! assert_eq!(pull.recv().await?, "hello");
//! # Ok(())
//! # }
//! ```

pub use gleis_agent as agent;
#[cfg(feature = "bridge")]
pub use gleis_bridge as bridge;
pub use gleis_broker as broker;
pub use gleis_channels as channels;
pub use gleis_codec as codec;
pub use gleis_core as core;
pub use gleis_naming as naming;
pub use gleis_patterns as patterns;
pub use gleis_rpc as rpc;
#[cfg(feature = "script")]
pub use gleis_script as script;
pub use gleis_transport as transport;
pub use gleis_zmtp as zmtp;
