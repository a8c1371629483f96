//! Calls by name.

mod attach;
mod back;
mod builder;
mod callee;
mod caller;
mod client;
mod clients;
mod desk;
mod engineer;
mod group;
mod responder;
mod server;
mod table;
mod widget;
mod widgets;

use gleis_core::{Value, to_value};
use serde::{Deserialize, Serialize};

pub use attach::{Attach, RemoteWidget};
pub use builder::{ClientBuilder, ServerBuilder};
pub use caller::{Call, ClientRef};
pub use client::Client;
pub use engineer::{Command, CommandArgs, Parameter};
pub use group::{RemoteGroup, WidgetGroup};
pub use server::Server;
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

/// A method, as a server describes it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Method {
    /// What it takes, in order.
    pub arguments: Vec<Argument>,
    /// Its name.
    pub name: String,
}

/// What a method takes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Argument {
    /// Its name.
    pub name: String,
}

/// The values of a tuple of arguments.
fn values(method: &str, args: &impl Serialize) -> Result<Vec<Value>, RpcError> {
    let bad = |reason: String| RpcError::Answer { method: method.to_owned(), reason };
    Ok(match to_value(args).map_err(|it| bad(it.to_string()))? {
        Value::List(args) => args,
        Value::Null => Vec::new(),
        one => vec![one],
    })
}
