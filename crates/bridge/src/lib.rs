//! Messages of a hub for web pages: HTTP, long polling, server-sent events and WebSocket.
//!
//! A [`Bridge`] is an application of a [`MessageServer`](gleis_broker::MessageServer) that keeps the last
//! messages in a log. Whoever reads it has a cursor, `epoch:number`, and gets what is behind that, by
//! whatever way; what is gone by then is announced as a gap. Each start of a bridge begins another epoch.
//! A log that is [kept in a file](BridgeBuilder::keep_log) knows the cursors of earlier ones: what was said
//! while no bridge was there is a gap of unknown size.
//!
//! | request | does |
//! |---|---|
//! | `GET /` | a page with the messages as they come, a filter, a pause, a form to send one, and what is observed |
//! | `GET /messages` | `{"count": n, "message": text, "cursor": c}`: how many messages there were, and the last one |
//! | `GET /messages?after=c` | `{"messages": [{"cursor": c, "message": text}, ..], "cursor": c, "missed": n}`: all behind `c` |
//! | `GET /messages/next?after=c&timeout=s` | `{"message": text, "cursor": c, "missed": n}`: the next one, waited for; 204 if none comes |
//! | `POST /messages` | sends the field `message` of a form or of a JSON object: 202, 400, 503 |
//! | `GET /events?after=c` | server-sent events; `Last-Event-ID` is a cursor, a gap is an event `gap`; the connection is for them alone |
//! | `GET /ws?after=c` | WebSocket: texts as they are, both ways; with `after`, `{"cursor": c, "message": text}` |
//! | `POST /call/TARGET/METHOD` | calls what a [`Callee`] offers: a list is positional, an object named arguments |
//! | `GET /openapi.json` | what can be called |
//! | `GET /topology` | the agents that an [`Observer`] sees, their sockets, and who talks to whom: a [`Topology`](gleis_core::Topology) |
//! | `GET /health`, `GET /metrics` | whether and how it works; the latter for Prometheus |
//!
//! `type=a.*` beside `after` asks for messages whose `type` is such a path. `format=json` gives messages as
//! objects instead of texts.
//!
//! It listens on loopback unless told otherwise, and is closed: requests of pages from elsewhere are
//! refused unless their origin is [allowed](BridgeBuilder::allow_origin), requests with a host name that
//! is not its own are refused, and with [tokens](BridgeBuilder::token) all need one, as `Authorization:
//! Bearer` or, where a browser cannot say that, as `token=` in the query.

mod access;
mod bridge;
mod call;
mod cursor;
mod desk;
mod file;
mod http;
mod keep;
mod limits;
mod listener;
mod log;
mod record;
mod serve;
mod state;
mod topology;

pub use crate::bridge::{Bridge, BridgeBuilder, BridgeError};
pub use crate::call::{Argument, CallArgs, CallError, Callee, Method};
pub use crate::cursor::Cursor;
pub use crate::file::LogError;
pub use crate::limits::BridgeLimits;
pub use crate::topology::Observer;
