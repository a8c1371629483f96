//! ZMTP 3.1 as a state machine: bytes and times go in, events and bytes come out.
//!
//! The crate has no socket and no clock: the same bytes and the same times give the same
//! events. What is on the wire, byte by byte, is written down in `docs/wire.md`.
//!
//! A [`Session`] is one connection. Its owner
//!
//! 1. writes what [`Session::poll_transmit`] appends (greeting, `READY`, `PING`, `PONG`, `ERROR`),
//! 2. appends what it reads to a buffer and calls [`Session::poll_event`] until it says `None`,
//! 3. calls [`Session::handle_timeout`] at [`Session::poll_timeout`],
//! 4. encodes messages with the [`Encoder`] once [`Event::Ready`] was seen.
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::{Bytes, BytesMut};
//! use gleis_zmtp::{Config, Event, Head, Session, SocketType};
//!
//! let now = Instant::now();
//! let mut push = Session::new(Config::new(SocketType::Push), now);
//! let mut pull = Session::new(Config::new(SocketType::Pull), now);
//! let (mut to_pull, mut to_push) = (BytesMut::new(), BytesMut::new());
//!
//! let mut got = None;
//! while got.is_none() {
//!     push.poll_transmit(&mut to_pull);
//!     pull.poll_transmit(&mut to_push);
//!     if let Some(Event::Ready) = push.poll_event(now, &mut to_push)? {
//!         push.encoder().message(&Head::new(), b"hello", &mut to_pull);
//!     }
//!     if let Some(Event::Message(message)) = pull.poll_event(now, &mut to_pull)? {
//!         got = Some(message.body);
//!     }
//! }
//! assert_eq!(got, Some(Bytes::from_static(b"hello")));
//! # Ok::<(), gleis_zmtp::Error>(())
//! ```

mod command;
mod config;
mod decoder;
mod encoder;
mod error;
mod event;
mod frame;
mod greeting;
mod head;
mod heartbeat;
mod message;
mod metadata;
mod outbox;
mod peer;
mod session;
mod socket_type;

pub use config::{Config, Heartbeat, Limits};
pub use encoder::Encoder;
pub use error::{Error, Limit, Violation};
pub use event::{Command, Event};
pub use head::{Head, Iter};
pub use message::Message;
pub use metadata::{Metadata, MetadataError};
pub use peer::Peer;
pub use session::Session;
pub use socket_type::{SocketType, UnknownSocketType};
