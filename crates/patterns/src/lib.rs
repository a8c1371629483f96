//! Typed sockets of every ZeroMQ kind, and proxies between them.
//!
//! | socket | does | talks to |
//! |---|---|---|
//! | [`Push`] | hands each message to one of its peers, in turn | [`Pull`] |
//! | [`Pull`] | takes messages from all its peers, fairly | [`Push`] |
//! | [`Publisher`] | sends each message to every peer that subscribed to its topic | [`Subscriber`], [`XSub`] |
//! | [`Subscriber`] | receives what it subscribed to | [`Publisher`], [`XPub`] |
//! | [`XPub`] | publishes, and hears who subscribes to what and what they send | [`Subscriber`], [`XSub`] |
//! | [`XSub`] | subscribes, and sends to its publishers | [`Publisher`], [`XPub`] |
//! | [`Requester`] | asks, many requests at a time, each with a deadline | [`Replier`] |
//! | [`Replier`] | answers each request once | [`Requester`] |
//! | [`Pair`] | talks both ways to exactly one peer | [`Pair`] |
//! | [`Dealer`] | sends to its peers in turn, takes from all of them, fairly | [`Router`], [`Dealer`], [`Replier`] |
//! | [`HearingDealer`] | as a dealer, but hands what comes to its owner where it is read | [`Router`] |
//! | [`Router`] | takes from all its peers and knows who sent it; sends to the peer it is told | [`Dealer`], [`Router`], [`Requester`] |
//!
//! A [`Proxy`] stands between two of them and passes on what comes.
//!
//! Either side may bind or connect, more than once, over inproc, ipc and tcp; peers come and go,
//! connections that break are made again. On inproc the values themselves travel; elsewhere they
//! are encoded by the codec that the binding side chose. Foreign ZMTP peers (libzmq, pyzmq, ..)
//! are welcome: see `docs/wire.md`.
//!
//! Every queue is bounded. What does not fit waits, or is dropped and counted, or is an error:
//! see [`Overflow`]. [`Stats`] tells what became of every message. [`Builder`] has all options;
//! `docs/options.md` lists them with their defaults and prices.
//!
//! ```
//! use gleis_patterns::{Pull, Push};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pull = Pull::<String>::bind("tcp://127.0.0.1:0").await?;
//! let push = Push::<String>::connect(pull.endpoint()).high_water(100).await?;
//! push.send("hello".to_owned()).await?;
//! assert_eq!(pull.recv().await?, "hello");
//! # Ok(())
//! # }
//! ```

mod audience;
mod batch;
mod builder;
mod commands;
mod core;
mod dealer;
mod envelope;
mod error;
mod event;
mod exchange;
mod fanout;
mod filter;
mod filters;
mod front;
mod hearing;
mod intake;
mod lane;
mod ledger;
mod listener;
mod local;
mod moment;
mod multipart;
mod negotiate;
mod news;
mod options;
mod outlet;
mod pace;
mod pair;
mod parcel;
mod paths;
mod peer;
mod peer_id;
mod pending;
mod proxy;
mod publisher;
mod publishing;
mod pull;
mod push;
mod receiving;
mod replay;
mod replier;
mod reply;
mod request;
mod requester;
mod ring;
mod route;
mod router;
mod routes;
mod sending;
mod sink;
mod socket;
mod spare;
mod stats;
mod subscriber;
mod told;
mod topics;
mod wishes;
mod xpub;
mod xsub;

pub use gleis_codec::{AnyCodec, Message};
pub use gleis_core::Endpoint;
pub use gleis_transport::{Backoff, Head, Heartbeat, HighWater, Limits, Network, Options};

pub use crate::builder::{Builder, Conflates, Queues, Receives, Sends, Subscribes};
pub use crate::dealer::Dealer;
pub use crate::error::{OpenError, RecvError, ReplyError, RequestError, SendError};
pub use crate::event::{Event, Events};
pub use crate::filter::{Filter, FilterError, Pattern};
pub use crate::hearing::{Hearer, HearingDealer, Said};
pub use crate::local::Outgoing;
pub use crate::multipart::{Framed, Multipart};
pub use crate::options::Overflow;
pub use crate::pair::Pair;
pub use crate::peer::PeerInfo;
pub use crate::peer_id::PeerId;
pub use crate::proxy::{Capture, Passage, Proxy, ProxyHandle, ProxyStats};
pub use crate::publisher::Publisher;
pub use crate::pull::Pull;
pub use crate::push::Push;
pub use crate::replier::Replier;
pub use crate::reply::{Asker, ReplyHandle};
pub use crate::request::Request;
pub use crate::requester::Requester;
pub use crate::route::{Given, Route, Shared, WeakRoute};
pub use crate::router::Router;
pub use crate::stats::{DropReason, Dropped, Flow, PeerStats, Stats};
pub use crate::subscriber::{Publication, Subscriber};
pub use crate::xpub::{Upstream, XPub};
pub use crate::xsub::XSub;
