//! What nodes and proxies say to each other: a request names an agent and what is wanted of it.

use std::time::Duration;

use gleis_codec::AnyCodec;
use gleis_core::{Name, Value};
use serde::{Deserialize, Serialize};

use crate::{Addr, AgentState, CallError};

/// Something that is wanted of an agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ControlRequest {
    /// Who.
    pub(crate) agent: Name,
    /// The identities of the agents that wait for the answer.
    pub(crate) callers: Vec<Name>,
    /// How long the caller waits.
    pub(crate) within: Duration,
    /// What.
    pub(crate) want: Want,
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Want {
    Addr { alias: String },
    Call { method: String, arguments: Vec<Value> },
    Shutdown,
    Sockets,
    State,
}

impl Want {
    /// What it is called in errors.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Addr { alias } => format!("the address of `{alias}`"),
            Self::Call { method, .. } => method.clone(),
            Self::Shutdown => "shutdown".to_owned(),
            Self::Sockets => "sockets".to_owned(),
            Self::State => "state".to_owned(),
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Told {
    Addr(Addr),
    Done,
    Sockets(Vec<(String, Addr)>),
    State(AgentState),
    Value(Value),
}

/// The answer to a request.
pub(crate) type ControlReply = Result<Told, CallError>;

/// What is spoken on control connections: names fields, so either side may be the newer one.
pub(crate) fn codec() -> AnyCodec {
    AnyCodec::Msgpack
}
