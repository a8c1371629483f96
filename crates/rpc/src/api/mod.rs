//! Calls by name.

mod attach;
mod back;
mod begun;
mod builder;
mod callee;
mod caller;
mod client;
mod clients;
mod desk;
mod engineer;
mod group;
mod kept;
mod quick;
mod reading;
mod responder;
mod running;
mod server;
mod service;
mod streaming;
mod streams;
mod table;
mod widget;
mod widgets;

use gleis_core::{Value, to_value};
use serde::{Deserialize, Deserializer, Serialize};

pub use attach::{Attach, RemoteWidget};
pub use begun::{Begun, ResultOf};
pub use builder::{ClientBuilder, ServerBuilder};
pub use caller::{Call, ClientRef};
pub use client::Client;
pub use engineer::{Command, CommandArgs, Parameter};
pub use group::{RemoteGroup, WidgetGroup};
pub use server::Server;
pub use service::{Calls, Fallible, Methods, Service, WidgetMethods};
pub use streaming::Streaming;
pub use table::{Exposed, ExposedWith};
pub use widget::{Init, Widget, WidgetRef};

use crate::error::RpcError;

/// Where calls arrive, below the path of a server.
const CALL: &str = "call";

/// The path that servers have if none is named.
const PATH: &str = "comm";

/// Where calls of widgets arrive, below those of a server.
const WIDGETS: &str = "widgets";

/// The id of clients that their server does not tell apart.
const ANYONE: &str = "$";

/// What a server says of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Description {
    /// The version of `gleis-rpc` that it has.
    pub gleis: String,
    /// Its methods, by name.
    pub methods: Vec<Method>,
    /// What it calls itself.
    pub name: String,
    /// Its own version; empty if that was not said.
    pub version: String,
    /// The widgets that it makes, by name.
    pub widgets: Vec<WidgetKind>,
}

/// A kind of widget, as a server describes it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct WidgetKind {
    /// Its methods, by name.
    pub methods: Vec<Method>,
    /// Its name.
    pub name: String,
}

/// A method, as a server describes it. What is not known is empty: only [services](crate::service) know
/// types and documentation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Method {
    /// What it takes, in order.
    pub arguments: Vec<Argument>,
    /// What its author says of it.
    pub docs: String,
    /// Its name.
    pub name: String,
    /// The type of what it returns, as text.
    pub returns: String,
    /// Whether it gives a stream of values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub streams: bool,
}

impl Method {
    /// A method of which no more is known than the names of its arguments.
    pub(crate) fn named(name: String, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&it| Argument::new(it, "")).collect();
        Self { arguments, name, ..Self::default() }
    }
}

/// What a method takes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Argument {
    /// What it is if it is not given; it must be given if there is none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Its name.
    pub name: String,
    /// Its type, as text.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A default that is there, also if it is nothing.
fn present<'de, D: Deserializer<'de>>(read: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(read).map(Some)
}

/// The values of a tuple of arguments.
fn values(method: &str, args: &impl Serialize) -> Result<Vec<Value>, RpcError> {
    let bad = |reason: String| RpcError::Answer { method: method.to_owned(), reason };
    let (args, n_results) = begun::counted(|| to_value(args));
    let args = match args.map_err(|it| bad(it.to_string()))? {
        Value::List(args) => args,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    if 0 < n_results && args.iter().filter(|it| begun::id_of(it).is_some()).count() != n_results {
        return Err(bad("the result of a call is an argument as a whole".to_owned()));
    }
    Ok(args)
}
