//! Where an agent is in its life.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BoxError, text::chain};

/// Where an agent is in its life.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum AgentState {
    /// A handler, timer or hook failed, and its [policy](ErrorPolicy) is to stop then: the agent handles
    /// nothing more, its receiving sockets and timers are closed; it can be looked at and must be shut down.
    Failed(Fault),
    /// It is no more; its name is free.
    Gone,
    /// It has failed, and begins anew in a moment: calls and messages wait. In answers to processes of earlier
    /// versions this is `Starting`.
    Restarting(Fault),
    /// It handles what comes.
    Running,
    /// Its `on_init` and `before_loop` are at work.
    Starting,
    /// It was told to stop: as `Failed`, without a fault.
    Stopped,
    /// It was told to stop or to shut down, and its `on_stop` is at work.
    Stopping,
}

impl AgentState {
    /// What earlier versions know of it.
    pub(crate) fn for_earlier(self) -> Self {
        match self {
            Self::Restarting(_) => Self::Starting,
            known => known,
        }
    }

    /// Whether it handles nothing more, and is not on its way to that.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Gone | Self::Stopped)
    }
}

/// A word, and what went wrong.
impl fmt::Display for AgentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(fault) => write!(f, "failed: {fault}"),
            Self::Gone => f.write_str("gone"),
            Self::Restarting(fault) => write!(f, "restarting: {fault}"),
            Self::Running => f.write_str("running"),
            Self::Starting => f.write_str("starting"),
            Self::Stopped => f.write_str("stopped"),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// How an agent is: where in its life, and how many it has had before.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Life {
    /// Where it is in its life.
    pub state: AgentState,
    /// How often it has [begun anew](crate::RunAgent::restart).
    pub restarts: u32,
}

/// What an agent does when a handler, a timer or `idle` returns an error. Whoever waits for an answer hears of
/// the error in any case.
///
/// Errors of methods go to their callers alone. A panic is never got over: nobody knows in which state it left
/// the agent, so it stops, or [begins anew](crate::RunAgent::restart).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ErrorPolicy {
    /// It logs the error and goes on.
    Log,
    /// It stops and can be looked at: [`AgentState::Failed`]. One that can [begin anew](crate::RunAgent::restart),
    /// or has a [supervisor](crate::Supervisor), does that first.
    #[default]
    Stop,
}

/// What went wrong inside an agent, as text: it may have happened in another process.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fault {
    panicked: bool,
    text: String,
}

impl Fault {
    /// An error, with everything behind it.
    pub(crate) fn error(error: &BoxError) -> Self {
        Self { panicked: false, text: chain(&**error) }
    }

    /// A panic.
    pub(crate) fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => (*text).to_owned(),
            (_, Some(text)) => text.clone(),
            _ => "a panic without a text".to_owned(),
        };
        Self { panicked: true, text }
    }

    /// Something that happened to it.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self { panicked: false, text: text.into() }
    }

    /// True when it was a panic and no error.
    pub fn panicked(&self) -> bool {
        self.panicked
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.panicked {
            true => write!(f, "panicked: {}", self.text),
            false => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Fault {}
