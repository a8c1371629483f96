//! Calls by name.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::Client;
pub use server::{Exposed, Server, ServerBuilder};

/// Where calls arrive, below the path of a server.
const CALL: &str = "call";

/// The path that servers have if none is named.
const PATH: &str = "comm";

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
