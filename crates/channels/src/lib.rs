//! Asynchronous request-reply, synced publish-subscribe and correlated channels: talks that are more than
//! one pattern.
//!
//! | channel | does | talks to |
//! |---|---|---|
//! | [`AsyncRequester`] | asks and goes on; the answer goes to a handler or is awaited | [`AsyncReplier`] |
//! | [`AsyncReplier`] | answers each request once: at once, early, or later from another task | [`AsyncRequester`] |
//! | [`SyncPublisher`] | publishes, and answers what its subscribers ask, in the same stream | [`SyncSubscriber`] |
//! | [`SyncSubscriber`] | receives what it subscribed to, and asks | [`SyncPublisher`] |
//! | [`PassthroughChannel`] | a log with a cursor for each reader, exclusive claims, and subscriptions | [`RemoteChannel`], through a [`ServedChannel`] |
//! | [`BroadcastChannel`], [`WorkQueueChannel`], [`MailboxChannel`] | the same log for one of these uses | [`RemoteChannel`] |
//!
//! The first four stand on one connection each, over inproc, ipc or tcp, which is made again when it
//! breaks. Every request has a deadline, 10 s unless told otherwise, which travels with it; a request that
//! is given up is cancelled at the other end. Answers that come too late are ignored, with a warning, and
//! counted: [`RequestStats`] and [`ReplyStats`] account for every request. A handler is an async closure,
//! an async function, or an async method on a [`State`]; when it fails or panics, that is logged and
//! answered, and the channel goes on.
//!
//! ```
//! use std::time::Duration;
//!
//! use gleis_channels::{AsyncReplier, AsyncRequester};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let square = AsyncReplier::<u32, u64>::bind("tcp://127.0.0.1:0").await?;
//! let square = square.serve(async |n| u64::from(n) * u64::from(n));
//!
//! let asking = AsyncRequester::<u32, u64>::connect(square.endpoint()).await?;
//! let answer = asking.request(3)?.within(Duration::from_secs(1)).await?;
//! assert_eq!(answer, 9);
//! # Ok(())
//! # }
//! ```
//!
//! Whoever asks need not wait. A handler takes the answer: the one of the channel, or another one that is
//! named with the request; what is to be done without an answer in time is named there, too.
//!
//! ```
//! use std::time::Duration;
//!
//! use gleis_channels::{AsyncReplier, AsyncRequester};
//! use tokio::sync::mpsc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alice = AsyncReplier::<String, String>::bind("tcp://127.0.0.1:0").await?;
//! let alice = alice.serve(async |message: String| match message.as_str() {
//!     // Never.
//!     "Can you hear me?" => std::future::pending().await,
//!     _ => "Hello, Bob!".to_owned(),
//! });
//!
//! let (said, mut hears) = mpsc::channel(8);
//! let say = move |what: &'static str| {
//!     let said = said.clone();
//!     async move { _ = said.send(what).await }
//! };
//! let usual = say.clone();
//! let bob = AsyncRequester::<String, String>::connect(alice.endpoint())
//!     .handler(move |_reply| usual("processed"))
//!     .await?;
//! bob.request("Hello, Alice!".to_owned())?.send()?;
//! assert_eq!(hears.recv().await, Some("processed"));
//!
//! let deaf = say.clone();
//! bob.request("Hello, Alice!".to_owned())?.handler(move |_reply| deaf("I am deaf")).send()?;
//! assert_eq!(hears.recv().await, Some("I am deaf"));
//!
//! let asking = bob.request("Can you hear me?".to_owned())?.within(Duration::from_millis(50));
//! asking.on_error(move |_error| say("no reply")).send()?;
//! assert_eq!(hears.recv().await, Some("no reply"));
//! # Ok(())
//! # }
//! ```
//!
//! A publisher that is asked answers within its stream: what it published before stands before the answer.
//!
//! ```
//! use std::time::Duration;
//!
//! use gleis_channels::{Event, SyncPublisher, SyncSubscriber};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let publisher = SyncPublisher::<String, String, String>::bind("tcp://127.0.0.1:0").await?;
//! let publisher = publisher.serve(async |message: String| format!("Received {message}"));
//!
//! let client = SyncSubscriber::<String, String, String>::connect(publisher.endpoint())
//!     .subscribe("eu.")
//!     .ready(Duration::from_secs(10))
//!     .await?;
//! publisher.publish("us.ny", "not wanted".to_owned()).await?;
//! publisher.publish("eu.de", "Publication...".to_owned()).await?;
//! let asked = client.ask("Request from A!".to_owned())?;
//! let Event::Publication { topic, message } = client.recv().await? else { unreachable!() };
//! assert_eq!((&topic[..], message.as_str()), (&b"eu.de"[..], "Publication..."));
//! let Event::Reply { to, message } = client.recv().await? else { unreachable!() };
//! assert_eq!((to, message.as_str()), (asked, "Received Request from A!"));
//! # Ok(())
//! # }
//! ```
//!
//! | feature | adds |
//! |---|---|
//! | `bincode`, `json`, `msgpack`, `postcard` | the codecs of these names; all on by default |
//! | `zeromq` | the endpoints `zmq+tcp://` and `zmq+ipc://` |

#[macro_use]
mod answering;
mod audience;
mod builder;
mod case;
mod correlated;
mod desk;
mod ears;
mod error;
mod feed;
mod handler;
mod intake;
mod interests;
mod line;
mod office;
mod publisher;
mod queue;
mod replier;
mod reply;
mod request;
mod requester;
mod serving;
mod settings;
mod stats;
mod subscriber;
mod wire;

pub use gleis_codec::{AnyCodec, Message};
pub use gleis_core::Endpoint;
pub use gleis_patterns::{
    Filter, FilterError, OpenError, Outgoing, Pattern, PeerId, Publication, SendError,
};
pub use gleis_transport::Options;

pub use crate::builder::{Answers, Asks, Builder, Channel};
pub use crate::correlated::{
    BroadcastChannel, ChannelBuilder, ChannelError, ChannelInfo, ChannelMessage, Claim,
    ClaimChannel, ClaimToken, ConnectError, Content, Correlated, CorrelatedChannel, LogStats,
    MailboxChannel, PassthroughChannel, ReadChannel, RemoteChannel, RemoteError,
    RemoteSubscription, ServedChannel, Subscription, ValidationError, WorkQueueChannel,
    request_via_channel,
};
pub use crate::error::{BoxError, RecvError, ReplyError, RequestError};
pub use crate::handler::{Method, Outcome, State};
pub use crate::publisher::SyncPublisher;
pub use crate::replier::AsyncReplier;
pub use crate::reply::Reply;
pub use crate::request::{Answer, Request, RequestId};
pub use crate::requester::AsyncRequester;
pub use crate::serving::Serving;
pub use crate::stats::{FeedStats, PublishStats, ReplyStats, RequestStats};
pub use crate::subscriber::{Event, SyncSubscriber};
