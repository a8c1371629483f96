//! What may be wanted of an agent.

use std::time::Duration;

use gleis_core::{Endpoint, Name, Value};
use serde::{Deserialize, Serialize};

use crate::{Addr, Kind, LogLevel, TimerKey};

/// What is wanted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Want {
    Addr { alias: String },
    Attribute { name: String },
    Attributes,
    Bind(Binding),
    Call { method: String, arguments: Vec<Value> },
    Close { alias: String },
    CloseAll,
    Connect(Connecting),
    Ended,
    Kill,
    Ledger,
    Letters(Reading),
    Life,
    Log { reading: Reading, least: LogLevel },
    Methods,
    Process,
    Recv { alias: String },
    Request { alias: String, message: Value },
    RemoveScript { method: String, key: Option<String> },
    Script { method: String },
    Scripts,
    Send { alias: String, topic: Option<Vec<u8>>, message: Value },
    SetAttribute { name: String, value: Value },
    SetLogger { to: Addr, patience: Duration },
    SetMethod { method: String, function: String },
    SetScript { method: String, script: String, key: Option<String> },
    Shutdown,
    Sockets,
    State,
    Status,
    Stop,
    StopAllTimers,
    StopTimer { timer: TimerKey },
    Subscribe { alias: String, topic: Vec<u8>, method: String },
    Tell { method: String, arguments: Vec<Value> },
    Timer(Timing),
    Timers,
    Unsubscribe { alias: String, topic: Vec<u8> },
}

/// What is read of a node, whichever agents it has.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reading {
    /// Only what concerns this agent.
    pub(crate) agent: Option<Name>,
    /// The number of the first thing, at this node.
    pub(crate) next: u64,
    /// Which node that was; another one is read from the beginning.
    pub(crate) node: Option<Name>,
    /// Whether to wait for something if there is nothing.
    pub(crate) waits: bool,
}

/// A socket that is to be bound.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Binding {
    pub(crate) kind: Kind,
    pub(crate) alias: String,
    pub(crate) at: Option<Endpoint>,
    pub(crate) codec: Option<String>,
    pub(crate) handlers: Vec<HandlerName>,
    /// For handlers that are scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// A socket that is to be connected.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Connecting {
    pub(crate) to: Addr,
    pub(crate) alias: Option<String>,
    pub(crate) handlers: Vec<HandlerName>,
    /// For handlers that are scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// A method that is a handler, of everything or of topics.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct HandlerName {
    pub(crate) topic: Option<Vec<u8>>,
    pub(crate) method: String,
    /// A script in place of the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<String>,
}

/// A timer that is to be set.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Timing {
    pub(crate) method: String,
    pub(crate) arguments: Vec<Value>,
    pub(crate) alias: Option<String>,
    /// The period, or how long to wait.
    pub(crate) time: Duration,
    pub(crate) is_periodic: bool,
}

impl Want {
    /// Whether the agent is to do its work, and is not only to be looked at, changed or ended.
    pub(crate) fn is_work(&self) -> bool {
        matches!(
            self,
            Self::Call { .. } | Self::Request { .. } | Self::Send { .. } | Self::Tell { .. }
        )
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Addr { alias } | Self::Close { alias } | Self::Recv { alias } => alias.len(),
            Self::Attribute { name } => name.len(),
            Self::Bind(it) => {
                it.alias.len()
                    + text(it.codec.as_ref())
                    + text(it.key.as_ref())
                    + names(&it.handlers)
            }
            Self::Call { method, arguments } | Self::Tell { method, arguments } => {
                method.len() + values(arguments)
            }
            Self::Connect(it) => {
                text(it.alias.as_ref()) + text(it.key.as_ref()) + names(&it.handlers)
            }
            Self::Request { alias, message } => alias.len() + weight(message),
            Self::Send { alias, topic, message } => {
                alias.len() + topic.as_ref().map_or(0, Vec::len) + weight(message)
            }
            Self::SetAttribute { name, value } => name.len() + weight(value),
            Self::RemoveScript { method, key } => method.len() + text(key.as_ref()),
            Self::Script { method } => method.len(),
            Self::SetMethod { method, function } => method.len() + function.len(),
            Self::SetScript { method, script, key } => {
                method.len() + script.len() + text(key.as_ref())
            }
            Self::StopTimer { timer: TimerKey::Alias(alias) } => alias.len(),
            Self::Subscribe { alias, topic, method } => alias.len() + topic.len() + method.len(),
            Self::Timer(it) => it.method.len() + text(it.alias.as_ref()) + values(&it.arguments),
            Self::Unsubscribe { alias, topic } => alias.len() + topic.len(),
            Self::Attributes
            | Self::CloseAll
            | Self::Ended
            | Self::Kill
            | Self::Ledger
            | Self::Letters(_)
            | Self::Life
            | Self::Log { .. }
            | Self::Methods
            | Self::Process
            | Self::Scripts
            | Self::SetLogger { .. }
            | Self::Shutdown
            | Self::Sockets
            | Self::State
            | Self::Status
            | Self::Stop
            | Self::StopAllTimers
            | Self::StopTimer { .. }
            | Self::Timers => 0,
        }
    }

    /// Whether it may have to wait for the agent's turn.
    pub(crate) fn takes_a_turn(&self) -> bool {
        matches!(self, Self::Attribute { .. } | Self::Call { .. } | Self::SetAttribute { .. })
    }

    /// What it is called in errors.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Addr { alias } => format!("the address of `{alias}`"),
            Self::Attribute { name } => format!("attribute `{name}`"),
            Self::Attributes => "attributes".to_owned(),
            Self::Bind(it) => format!("bind `{}`", it.alias),
            Self::Call { method, .. } | Self::Tell { method, .. } => method.clone(),
            Self::Close { alias } => format!("close `{alias}`"),
            Self::CloseAll => "close all".to_owned(),
            Self::Connect(it) => format!("connect to {}", it.to),
            Self::Ended => "the end".to_owned(),
            Self::Kill => "kill".to_owned(),
            Self::Ledger => "ledger".to_owned(),
            Self::Letters(_) => "dead letters".to_owned(),
            Self::Life => "life".to_owned(),
            Self::Log { .. } => "log".to_owned(),
            Self::Methods => "methods".to_owned(),
            Self::Process => "process".to_owned(),
            Self::Recv { alias } => format!("receive from `{alias}`"),
            Self::Request { alias, .. } => format!("ask `{alias}`"),
            Self::RemoveScript { method, .. } => format!("remove the script `{method}`"),
            Self::Script { method } => format!("the script `{method}`"),
            Self::Scripts => "scripts".to_owned(),
            Self::Send { alias, .. } => format!("send on `{alias}`"),
            Self::SetAttribute { name, .. } => format!("set `{name}`"),
            Self::SetLogger { to, .. } => format!("log at {to}"),
            Self::SetMethod { method, .. } => format!("set method `{method}`"),
            Self::SetScript { method, .. } => format!("take a script `{method}`"),
            Self::Shutdown => "shutdown".to_owned(),
            Self::Sockets => "sockets".to_owned(),
            Self::State => "state".to_owned(),
            Self::Status => "status".to_owned(),
            Self::Stop => "stop".to_owned(),
            Self::StopAllTimers | Self::StopTimer { .. } => "stop timers".to_owned(),
            Self::Subscribe { alias, .. } => format!("subscribe `{alias}`"),
            Self::Timer(it) => format!("a timer for `{}`", it.method),
            Self::Timers => "timers".to_owned(),
            Self::Unsubscribe { alias, .. } => format!("unsubscribe `{alias}`"),
        }
    }
}

fn text(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn names(handlers: &[HandlerName]) -> usize {
    let one = |it: &HandlerName| {
        let script = text(it.script.as_ref());
        PIECE + it.topic.as_ref().map_or(0, Vec::len) + it.method.len() + script
    };
    handlers.iter().map(one).sum()
}

fn values(values: &[Value]) -> usize {
    values.iter().map(weight).sum()
}

/// About how many bytes a value holds. A codec has bounded how deep it is.
pub(crate) fn weight(value: &Value) -> usize {
    let content = match value {
        Value::Bytes(it) => it.len(),
        Value::List(it) => it.iter().map(weight).sum(),
        Value::Map(it) => it.iter().map(|(key, it)| key.len() + weight(it)).sum(),
        Value::String(it) => it.len(),
        _ => 0,
    };
    PIECE + content
}

/// About the bytes that a value or a name takes beside its content.
pub(super) const PIECE: usize = 64;
