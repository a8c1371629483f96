//! gleis: messaging and agents for Rust.
//!
//! Everything behind one name; each module is a crate of its own, and whoever needs only one
//! depends on that alone.
//!
//! | module | crate | what |
//! |---|---|---|
//! | [`agent`] | `gleis-agent` | named things that talk, with handlers and timers |
//! | [`patterns`] | `gleis-patterns` | typed sockets: push-pull, publish-subscribe, request-reply |
//! | [`naming`] | `gleis-naming` | who is where: directories, a name server and its client |
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
pub use gleis_codec as codec;
pub use gleis_core as core;
pub use gleis_naming as naming;
pub use gleis_patterns as patterns;
pub use gleis_transport as transport;
pub use gleis_zmtp as zmtp;
