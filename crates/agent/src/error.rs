//! What can go wrong with agents, one enum per family of operations.

use std::time::Duration;

use gleis_core::{EndpointError, Name, NameError, ValueError};
use gleis_naming::NamingError;
use serde::{Deserialize, Serialize};

use crate::{Fault, text::Instead};

/// Any error: what hooks, handlers and methods may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What hooks, handlers and methods usually return.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Why an agent does not run.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The logger cannot have its address or its file.
    #[error("`{name}` cannot log: {reason}")]
    Logger {
        /// Who.
        name: String,
        /// Why.
        reason: String,
    },
    /// What it was to begin with does not go together.
    #[error("`{name}` cannot have what it is to begin with")]
    Attribute {
        /// Who.
        name: Name,
        /// Why.
        source: AttributeError,
    },
    /// The node or its name server closes.
    #[error("the node or its name server is closing")]
    Closing,
    /// The text is no name.
    #[error("{text:?} is no name for an agent")]
    Name {
        /// The text.
        text: String,
        /// Why it is none.
        source: NameError,
    },
    /// Somebody has that name. Retrying is of use once they are gone.
    #[error("the name `{name}` is taken")]
    NameTaken {
        /// The name.
        name: Name,
    },
    /// The name server did not register the agent.
    #[error("cannot register `{name}`")]
    Register {
        /// Who.
        name: Name,
        /// What the name server says.
        source: gleis_naming::RegisterError,
    },
    /// Its process did not start, or its agent did not.
    #[error("`{name}` has no process: {reason}")]
    Process {
        /// Who.
        name: Name,
        /// Why.
        reason: String,
    },
    /// There is no node to run it on.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its `on_init` or `before_loop` failed; the name is free again.
    #[error("`{name}` did not start: {fault}")]
    Start {
        /// Who.
        name: Name,
        /// What the hook says.
        fault: Fault,
    },
}

/// Why there is no node.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The address of the name server is none.
    #[error("no address of a name server")]
    Address(#[source] EndpointError),
    /// The node has closed.
    #[error("the node has closed")]
    Closed,
    /// The control listener cannot be opened.
    #[error("cannot listen for calls")]
    Listen(#[source] gleis_patterns::OpenError),
    /// The name server was not reached.
    #[error("no name server")]
    NameServer(#[source] Box<gleis_naming::ConnectError>),
    /// The name server does not tell what happens.
    #[error("the name server cannot be watched")]
    Watch(#[source] NamingError),
    /// There is no thread for the agent.
    #[error("no thread for the agent")]
    Thread(#[source] std::io::Error),
    /// No name server was named, none runs in this program, and `GLEIS_NAMESERVER` is not set.
    #[error("no name server: call `run_nameserver`, name one, or set GLEIS_NAMESERVER")]
    Unnamed,
}

/// Why a call has no answer.
///
/// Retrying is safe after `Arguments`, `BreakerOpen`, `Gone`, `Limited`, `NotRunning`, `SelfCall`, `UnknownMethod`,
/// `WouldDeadlock`, and after `Unreachable` unless the call was `sent`: then nothing was done.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Serialize, thiserror::Error)]
pub enum CallError {
    /// It was done, but what came back is of another type.
    #[error("the answer of `{method}` is no {expected}: {reason}")]
    Answer {
        /// The method.
        method: String,
        /// What was expected.
        expected: String,
        /// What is wrong.
        reason: String,
    },
    /// The method takes other arguments.
    #[error("`{method}` takes ({expected}): {reason}")]
    Arguments {
        /// The method.
        method: String,
        /// What it takes, such as `name: String`.
        expected: String,
        /// What is wrong.
        reason: String,
    },
    /// The agent has failed too often: the [breaker](crate::Breaker) of the caller is open.
    #[error("`{agent}` has failed too often: not before {retry_in:?} have passed")]
    BreakerOpen {
        /// Who was to be called.
        agent: Name,
        /// When to try again.
        retry_in: Duration,
    },
    /// No answer in time; the agent may still be at it.
    #[error("`{agent}` did not answer `{what}` within {within:?}")]
    DeadlineExceeded {
        /// Who was called.
        agent: Name,
        /// What was called.
        what: String,
        /// How long we waited.
        within: Duration,
    },
    /// It was done and failed.
    #[error("`{what}` of `{agent}` failed: {fault}")]
    Failed {
        /// Who was called.
        agent: Name,
        /// What was called.
        what: String,
        /// How it failed.
        fault: Fault,
    },
    /// The agent is no more. If it ended during the call, the call may have been carried out.
    #[error("`{agent}` is gone")]
    Gone {
        /// Who was called.
        agent: Name,
    },
    /// The caller may call the agent less often: it has a [rate limit](crate::RateLimit).
    #[error("`{agent}` may not be called so often: not before {retry_in:?} have passed")]
    Limited {
        /// Who was to be called.
        agent: Name,
        /// When to try again.
        retry_in: Duration,
    },
    /// The agent has stopped; it can be looked at and shut down.
    #[error("`{agent}` has stopped{}", because(fault.as_ref()))]
    NotRunning {
        /// Who was called.
        agent: Name,
        /// The fault that stopped it; none if it was told to.
        fault: Option<Fault>,
    },
    /// The agent could not do it, and nothing was changed.
    #[error("`{agent}` cannot {what}: {reason}")]
    Refused {
        /// Who was asked.
        agent: Name,
        /// What it was asked to do.
        what: String,
        /// Why it could not.
        reason: String,
    },
    /// The agent waits for the caller, directly or through others, so it would never end. Programs of earlier versions
    /// have it for [`WouldDeadlock`](Self::WouldDeadlock), too.
    #[error("`{agent}` waits for this very call: an agent cannot call itself")]
    SelfCall {
        /// Who was called.
        agent: Name,
    },
    /// The agent has no socket of that alias.
    #[error("`{agent}` has no socket `{alias}`{}", Instead { near, known, none: "it has none" })]
    UnknownAlias {
        /// Who was asked.
        agent: Name,
        /// The alias.
        alias: String,
        /// Aliases that look alike.
        near: Vec<String>,
        /// Some of the aliases that there are, if none looks alike.
        known: Vec<String>,
    },
    /// The agent has no such attribute.
    #[error("`{agent}` has no attribute `{attribute}`{}", Instead { near, known, none: "it has none" })]
    UnknownAttribute {
        /// Who was asked.
        agent: Name,
        /// The attribute.
        attribute: String,
        /// Attributes that look alike.
        near: Vec<String>,
        /// Some of the attributes that there are, if none looks alike.
        known: Vec<String>,
    },
    /// The agent has no such function that it could be given as a method.
    #[error("`{agent}` knows no function `{function}`{}", Instead { near, known, none: "it knows none" })]
    UnknownFunction {
        /// Who was asked.
        agent: Name,
        /// The function.
        function: String,
        /// Functions that look alike.
        near: Vec<String>,
        /// Some of the functions that there are, if none looks alike.
        known: Vec<String>,
    },
    /// The agent has no such method.
    #[error("`{agent}` has no method `{method}`{}", Instead { near, known, none: NO_METHODS })]
    UnknownMethod {
        /// Who was called.
        agent: Name,
        /// The method.
        method: String,
        /// Methods that look alike.
        near: Vec<String>,
        /// Some of the methods that there are, if none looks alike.
        known: Vec<String>,
    },
    /// The agent waits for the caller, directly or through others, and would do so for ever. Nothing was done.
    #[error("agents would wait for each other for ever: {}", arrows(path))]
    WouldDeadlock {
        /// Who waits for whom, from the one that was called to the caller, and back to the one that was called.
        path: Vec<Name>,
    },
    /// The process of the agent cannot be reached.
    #[error("`{agent}` cannot be reached: {reason}")]
    Unreachable {
        /// Who was called.
        agent: Name,
        /// Why.
        reason: String,
        /// Whether the call may have arrived.
        sent: bool,
    },
    /// An argument, or the answer of what was done, cannot be carried.
    #[error("cannot carry {what}: {reason}")]
    Value {
        /// Which one.
        what: String,
        /// Why.
        reason: String,
    },
}

fn because(fault: Option<&Fault>) -> String {
    fault.map(|it| format!(": {it}")).unwrap_or_default()
}

fn arrows(path: &[Name]) -> String {
    path.iter().map(Name::as_str).collect::<Vec<_>>().join(" -> ")
}

/// What may be wrong with an agent without methods.
const NO_METHODS: &str = "it has none marked with `#[method]`";

impl CallError {
    /// The answer is no `R`.
    pub(crate) fn answer<R>(method: &str, source: &ValueError) -> Self {
        let expected = std::any::type_name::<R>().to_owned();
        Self::Answer { method: method.to_owned(), expected, reason: source.to_string() }
    }

    pub(crate) fn refused(
        agent: &Name,
        what: impl Into<String>,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        let (agent, reason) = (agent.clone(), crate::text::chain(error));
        Self::Refused { agent, what: what.into(), reason }
    }

    pub(crate) fn value(what: &str, source: &ValueError) -> Self {
        Self::Value { what: what.to_owned(), reason: source.to_string() }
    }
}

/// Why an attribute was not read or set.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AttributeError {
    /// Something else of the agent has this name.
    #[error("`{attribute}` is {what} of the agent")]
    Taken {
        /// The name.
        attribute: String,
        /// What it is.
        what: &'static str,
    },
    /// The agent has as many free attributes as allowed, or they would be too large.
    #[error("no more than {limit} attributes of {bytes} bytes together")]
    TooMany {
        /// How many are allowed.
        limit: usize,
        /// How large they may be.
        bytes: usize,
    },
    /// There is no such attribute.
    #[error("no attribute `{attribute}`{}", Instead { near, known, none: "there is none yet" })]
    Unknown {
        /// The name.
        attribute: String,
        /// Attributes that look alike.
        near: Vec<String>,
        /// Some of the attributes that there are, if none looks alike.
        known: Vec<String>,
    },
    /// It is of another type, or cannot be kept.
    #[error("`{attribute}` does not fit: {reason}")]
    Value {
        /// The name.
        attribute: String,
        /// Why.
        reason: String,
    },
}

impl AttributeError {
    pub(crate) fn value(attribute: &str, source: &ValueError) -> Self {
        Self::Value { attribute: attribute.to_owned(), reason: source.to_string() }
    }
}

/// Why an agent was not given a method.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MethodError {
    /// The agent takes no scripts, or its program was built without them.
    #[error("the agent takes no scripts")]
    NoScripts,
    /// Whoever wants to define or remove scripts did not say the key for that.
    #[error("scripts are defined by those who have the key")]
    NotAdmitted,
    /// This is no script, or one that is too large.
    #[error("{reason}")]
    Script {
        /// What is wrong, and in which line.
        reason: String,
    },
    /// The agent's type has a method of this name.
    #[error("`{method}` is a method of the agent's type")]
    Taken {
        /// The name.
        method: String,
    },
    /// The agent was given as many methods as allowed.
    #[error("no more than {limit} methods")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

/// Why an agent has no logger.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum LoggerError {
    /// The socket is closed already.
    #[error(transparent)]
    Alias(#[from] crate::AliasError),
    /// A logger is a `Sub` that is bound.
    #[error("{kind} is no logger: it is a SUB that is bound, `logs` of one that was run")]
    Kind {
        /// What it is.
        kind: crate::Kind,
    },
    /// Nobody listens there.
    #[error("no logger listened within {patience:?}")]
    Late {
        /// How long we waited.
        patience: Duration,
    },
    /// It cannot be connected to.
    #[error(transparent)]
    Open(#[from] crate::OpenError),
}

/// Why there is no timer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// Another timer of the agent has this alias.
    #[error("there is a timer `{alias}` already")]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// The agent is no more, or has stopped after a fault.
    #[error("the agent has stopped")]
    Stopped,
    /// The agent has as many timers as allowed.
    #[error("no more than {limit} timers at a time")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

/// Why a name server was not started.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum NameServerError {
    /// It cannot be opened.
    #[error(transparent)]
    Bind(#[from] gleis_naming::BindError),
}

/// Why there is no proxy.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The agent does not have what was looked for.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The agent's process cannot be reached.
    #[error("cannot reach `{name}`")]
    Connect {
        /// Who.
        name: Name,
        /// Why.
        source: gleis_patterns::OpenError,
    },
    /// The text is no name.
    #[error("{text:?} is no name of an agent")]
    Name {
        /// The text.
        text: String,
        /// Why it is none.
        source: NameError,
    },
    /// The name server does not know the agent, or does not answer.
    #[error(transparent)]
    Naming(#[from] NamingError),
}

/// Why a shutdown is not complete.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ShutdownError {
    /// The name server was asked and did not answer.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// These agents did not leave in time. The name server has closed, unless it was to stay.
    #[error("{} did not leave in time", crate::text::list(agents))]
    Stayed {
        /// Who stayed.
        agents: Vec<Name>,
    },
}
