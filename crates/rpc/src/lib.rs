//! Links, paths and events, and calls by name over them: the RPC of xbahn, on its wire.
//!
//! A [`Link`] sends [`Message`]s under dotted paths and fires events for what arrives: `receive` for each
//! message, and `receive_<path>` for every prefix of its path. A [`Server`] exposes functions on a link,
//! a [`Client`] calls them. On the wire a message is the JSON that Python's xbahn speaks, so its programs
//! call ours and are called by ours.
//!
//! ```
//! use gleis_rpc::{Client, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new()
//!     .expose("ping", [], async |()| Ok::<_, String>("pong!"))
//!     .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
//!     .listen("zmq://127.0.0.1:0/rep")
//!     .await?;
//! let client = Client::connect(server.url().twin()).await?;
//! assert_eq!(client.call::<String>("ping", ()).await?, "pong!");
//! assert_eq!(client.call::<i64>("multiply", (7, 6)).await?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! | want | see |
//! |---|---|
//! | send messages under paths, and hear of them | [`Link`], [`Message`], [`Received`] |
//! | expose functions and call them | [`Server`], [`Client`] |
//! | the same by type, from a trait | [`macro@service`] |
//! | give many values, one after the other | [`Streaming`], [`ServerBuilder::expose_stream`], [`Client::stream`] |
//! | build a call on the result of another that has not arrived | [`Client::begin`], [`Begun`] |
//! | call a client back | [`ServerBuilder::aware`], [`ClientRef`], [`ClientBuilder::connect`] |
//! | values with functions of their own, on both sides | [`Widget`], [`Client::attach`], [`macro@widget`] |
//! | commands for the program `engineer` | [`ServerBuilder::command`], [`Command`] |
//!
//! # Deadlines
//!
//! A call takes the time of its caller along. What a method calls while it is worked on, by whatever client,
//! waits no longer than what is left; a task of its own that it starts has to be told, by [`Call::left`]. A
//! method is dropped when its time is over, when its caller drops the future of the call, and when the caller
//! has gone; so are, in turn, the calls that it waits for. What has to be done to its end is a task of
//! its own; what never waits is done anyway. Callers of xbahn say no time, and have theirs.
//!
//! # Streams
//!
//! A method may give many values, one after the other: a [`Streaming`], which its caller reads as one. The
//! caller grants so many items ahead and asks for what there is of them, over whatever carries its calls; so
//! a reader that is slow stops the method, and one that is quick seldom waits. What comes rarely comes at
//! once. Dropping the stream drops what the method returned; so do a caller that has gone, and one that does
//! not ask for a minute. A stream that ends otherwise than by its end is an error: of the method, or of the
//! connection.
//!
//! A client whose `req` is bound, and that several servers connect to, calls them in turn: only what one call
//! says and gets works there. Streams need one server, since what is asked for next goes to another; that is
//! the error that there is no such stream. So do calls that build on each other, and giving up a call ends it
//! in time only.
//!
//! ```
//! use futures::{StreamExt, stream};
//! use gleis_rpc::{Client, Server, Streaming};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new()
//!     .expose_stream("count", ["to"], async |(to,): (u64,)| {
//!         Ok::<_, String>(Streaming::of(stream::iter(1..=to)))
//!     })
//!     .listen("zmq://127.0.0.1:0/rep")
//!     .await?;
//! let client = Client::connect(server.url().twin()).await?;
//! let mut numbers = client.stream::<u64>("count", (3,)).await?;
//! while let Some(n) = numbers.next().await {
//!     println!("{}", n?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Calls that build on each other
//!
//! [`Client::begin`] sends a call and does not wait for its result, which may be an argument of other calls
//! to the same server all the same: the server puts it there when it has it, so a chain of calls takes one
//! round trip. What fails fails what builds on it.
//!
//! # URLs
//!
//! `zmq://HOST:PORT/TYPE[/TOPIC][?transport=tcp|ipc|inproc]`, the type being one of `rep`, `req`, `pub`,
//! `sub`, `push` and `pull`. Requests wait for their answer no longer than a
//! [timeout](Link::within), 10 s if not said.

// What the macro writes names this crate, also inside of it.
extern crate self as gleis_rpc;

mod api;
mod brief;
mod connection;
mod error;
mod events;
mod hearing;
mod link;
mod message;
mod url;

pub use gleis_core::Value;
pub use gleis_macros::{method, service, widget};

pub use crate::api::{
    Argument, Attach, Begun, Call, Calls, Client, ClientBuilder, ClientRef, Command, CommandArgs,
    Description, Exposed, ExposedWith, Fallible, Init, Method, Methods, Parameter, RemoteGroup,
    RemoteWidget, ResultOf, Server, ServerBuilder, Service, Streaming, Widget, WidgetGroup,
    WidgetKind, WidgetMethods, WidgetRef,
};
pub use crate::error::{OpenError, RpcError, UrlError};
pub use crate::events::{Guard, Received};
pub use crate::link::Link;
pub use crate::message::{Message, MessageError};
pub use crate::url::{Role, Url};
