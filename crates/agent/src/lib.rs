//! Agents: named things that talk, with handlers and timers.
//!
//! An agent is a task with a state, a name and sockets. It does one thing at a time: handle a
//! message, answer a call, run a timer. A name server knows where everybody is.
//!
//! ```
//! use std::time::Duration;
//!
//! use gleis_agent::{Context, Kind, Result, agent, run_agent, run_nameserver};
//!
//! struct Greeter;
//!
//! #[agent]
//! impl Greeter {
//!     async fn on_init(&mut self, cx: &Context<Self>) -> Result {
//!         cx.bind(Kind::Push, "main").await?;
//!         Ok(())
//!     }
//!
//!     #[method]
//!     async fn hello(&mut self, cx: &Context<Self>, name: String) -> Result {
//!         Ok(cx.send("main", format!("Hello, {name}!")).await?)
//!     }
//! }
//!
//! struct Bob;
//!
//! #[agent]
//! impl Bob {
//!     async fn custom_log(&mut self, cx: &Context<Self>, message: String) {
//!         println!("Received: {message}");
//!         cx.shutdown();
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result {
//! let ns = run_nameserver().await?;
//! let alice = run_agent("Alice", Greeter).await?;
//! let bob = run_agent("Bob", Bob).await?;
//! bob.connect(alice.addr("main").await?, Bob::custom_log).await?;
//! alice.hello("Bob").await?;
//! bob.gone().await;
//! ns.shutdown(Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | want | see |
//! |---|---|
//! | run things | [`run_nameserver`], [`run_agent`], [`Node`] |
//! | write an agent | [`agent`], [`method`], [`Context`], [`Handler`] |
//! | collect what agents log | [`run_logger`], [`Context::log`] |
//! | run an agent in a process of its own | [`run_agent_process`], [`processes!`](macro@crate::processes) |
//! | talk to an agent of this program | [`AgentRef`] |
//! | call many agents at once, or one of many | [`Group`] |
//! | see what agents do, while they do it | [`AgentRef::status`], [`Proxy::status`], [`RunAgent::stuck_after`], [`AgentRef::stuck`] |
//! | spare who is called: how often, and who fails | [`RateLimit`], [`Breaker`] |
//! | overtake what waits | [`AgentRef::urgent`], [`Proxy::urgent`] |
//! | wait for each other | [`Barrier`], [`run_barrier`] |
//! | go on after failures | [`RunAgent::restart`], [`Supervisor`], [`AgentRef::ended`], [`AgentRef::link`] |
//! | see what was not handled | [`Node::dead_letters`], [`RunAgent::drain`] |
//! | read the log and the dead letters of other programs | [`NameServerProxy::nodes`], [`NodeProxy`] |
//! | take methods as text from other programs | `RunAgent::scripts`, with the feature `script` |
//! | talk to an agent anywhere | [`NameServerProxy`], [`Proxy`], [`TypedProxy`] |
//!
//! # Where they listen
//! Whatever is not told otherwise listens on `tcp://127.0.0.1:0`, this machine and any free port:
//! name servers ([`RunNameServer::at`]), nodes that are called by others
//! ([`ConnectNode::listen`]), and sockets ([`Bind::at`]). Agents on several machines need all three
//! at an address that the others can reach, and [`Node`]s of their own. Nobody is authenticated:
//! whoever reaches a node may call its agents and shut them down.
//!
//! # Who waits for whom
//! An agent does one thing at a time, so one that asks another one, whose answer waits for the turn of the first,
//! would wait for ever. Whoever closes such a circle is told at once, with the names of those who wait
//! ([`CallError::WouldDeadlock`]), and nothing was done. It counts what the handler of an agent itself waits for: calls
//! and attributes, several at a time as well; not what it has told others or does in tasks that it has spawned, nor a
//! call that was given up, nor what is done beside an agent. What is asked through sockets is not counted either.
//!
//! Among agents of a program that have references to each other a circle is found however it came about, also if all
//! ask at the same moment, as long as no more than 256 agents wait for each other there. Through proxies it is found if
//! each asked on behalf of the one before: no more than 16 are told to the next program. A circle that is longer, or
//! that several begin at the same moment, ends with the deadline of a call. A caller in another program that gives up before its time is believed
//! to wait until then.
//!
//! # On the wire
//! The name server is that of [`gleis_naming`]. Under a name stands the endpoint at which the node
//! of the agent is called: a `ROUTER` whose requests and answers are those of
//! [`gleis_patterns::Replier`], in MessagePack (`X-Gleis-Codec: msgpack`). A struct is a map of its
//! fields, an enum a map of one variant to its content, a variant without content its bare name.
//!
//! A request is `{agent, callers, names, within: {secs, nanos}, want}`, and `is_urgent: true` if it is: whom it is for,
//! which agents wait for it (the identities of no more than 16 of them, and their names in the same order, which those of
//! earlier versions leave out and ignore), and how long.
//!
//! | want | answer |
//! |---|---|
//! | `{"Call": {method, arguments: [value]}}` | `{"Ok": {"Value": value}}` |
//! | `{"Tell": {method, arguments: [value]}}` | `{"Ok": "Done"}` once it waits for its turn, or is at work |
//! | `{"Addr": {alias}}` | `{"Ok": {"Addr": {endpoint, kind, codec}}}` |
//! | `"Sockets"` | `{"Ok": {"Sockets": [[alias, {endpoint, kind, codec}]]}}` |
//! | `"Ledger"` | `{"Ok": {"Ledger": [{alias, codec, endpoint, is_bound, is_source, kind, peers, received, sent}]}}`, the last two `{dropped, passed, waiting}` |
//! | `{"Bind": {kind, alias, at, codec, handlers: [{topic, method}]}}` | `{"Ok": {"Addr": {endpoint, kind, codec}}}` |
//! | `{"Connect": {to, alias, handlers: [{topic, method}]}}` | `{"Ok": {"Alias": alias}}` |
//! | `{"Send": {alias, topic, message: value}}` | `{"Ok": "Done"}` |
//! | `{"Request": {alias, message: value}}`, `{"Recv": {alias}}` | `{"Ok": {"Value": value}}` |
//! | `{"SetLogger": {to, patience: {secs, nanos}}}` | `{"Ok": "Done"}` once the logger listens |
//! | `{"Subscribe": {alias, topic, method}}`, `{"Unsubscribe": {alias, topic}}` | `{"Ok": "Done"}` |
//! | `{"Close": {alias}}`, `"CloseAll"` | `{"Ok": {"Count": n}}`, how many messages did not leave |
//! | `{"Attribute": {name}}` | `{"Ok": {"Value": value}}` |
//! | `{"SetAttribute": {name, value}}` | `{"Ok": "Done"}` |
//! | `"Attributes"` | `{"Ok": {"Names": [name]}}` |
//! | `{"SetMethod": {method, function}}` | `{"Ok": "Done"}` |
//! | `{"SetScript": {method, script, key}}` | `{"Ok": {"Count": its version}}` |
//! | `{"RemoveScript": {method, key}}` | `{"Ok": {"Flag": whether it was there}}` |
//! | `"Scripts"` | `{"Ok": {"Scripts": [{name, parameters, version}]}}` |
//! | `{"Script": {method}}` | `{"Ok": {"Value": its text}}` |
//! | `"Methods"` | `{"Ok": {"Methods": [{name, parameters, docs}]}}` |
//! | `{"Timer": {method, arguments, alias, time: {secs, nanos}, is_periodic}}` | `{"Ok": {"Timer": id}}` |
//! | `{"StopTimer": {timer: {"Alias": alias} or {"Id": id}}}` | `{"Ok": {"Flag": whether it ran}}` |
//! | `"StopAllTimers"` | `{"Ok": {"Count": n}}` |
//! | `"Timers"` | `{"Ok": {"Timers": [{id, alias, period, due_in}]}}` |
//! | `"State"` | `{"Ok": {"State": state}}`, an [`AgentState`]; `"Starting"` stands for `Restarting` too |
//! | `"Life"` | `{"Ok": {"Life": {state, restarts}}}`, a [`Life`] |
//! | `"Status"` | `{"Ok": {"Status": {condition, handler, for_ms, queued, waits_for}}}`, a [`Status`] |
//! | `"Process"` | `{"Ok": {"Count": the number of its process}}` |
//! | `"Ended"` | `{"Ok": {"Ended": end}}`, an [`Ended`], or `{"Ok": "Done"}` if it has not ended in half of the time |
//! | `{"Log": {reading, least: level}}` | `{"Ok": {"Log": {page: {items: [{agent, level, text, time}], missed, next}, node, is_last}}}` |
//! | `{"Letters": {agent, next, node, waits}}` | `{"Ok": {"Letters": ..}}` likewise, of `{agent, what, reason}`; both are asked of the node, whichever agent is named |
//! | `"Kill"` | `{"Ok": "Done"}`; the agent has ended at once |
//! | `"Stop"` | `{"Ok": "Done"}` once the agent has stopped |
//! | `"Shutdown"` | `{"Ok": "Done"}` once the agent is gone |
//!
//! Each may be answered `{"Err": error}`, a [`CallError`]. A value is a [`Value`] with its kind:
//! `{"I64": 7}`, `{"String": "Bob"}`, `"Null"`. What arrives at the sockets of agents is the bare
//! message in the codec of the socket, as with every typed socket.

// What the macros write names this crate, also inside of it.
extern crate self as gleis_agent;

mod actor;
mod agent;
mod agent_ref;
mod barrier;
mod bell;
mod beside;
mod caller;
mod care;
mod cell;
mod context;
mod current;
mod deadline;
mod dynamic;
mod error;
mod find;
mod group;
mod guarded;
mod hand;
mod handler;
mod home;
mod identity;
mod job;
mod letters;
mod log;
mod lookup;
mod mailbox;
mod method;
mod name_server;
mod node;
mod orders;
mod outcome;
#[cfg(unix)]
mod process;
mod proxy;
mod ring;
mod run;
#[cfg(feature = "script")]
mod script;
mod socket;
mod state;
mod status;
mod supervise;
mod talk;
mod text;
mod timer;
mod topology;
mod waits;

pub use gleis_codec::AnyCodec;
pub use gleis_core::{Condition, Endpoint, Name, Status, Value};
pub use gleis_macros::{agent, method};
pub use gleis_naming::{ConnectError, NamingError, ShutdownReport};
pub use gleis_patterns::Overflow;
#[cfg(feature = "script")]
pub use gleis_script::{Limits, Script};
pub use gleis_transport::Network;

pub use crate::agent::Agent;
pub use crate::agent_ref::{AgentRef, Oneway};
pub use crate::barrier::{
    Arrival, Barrier, BarrierAgent, BarrierAgentCalls, BarrierAgentTells, BarrierError, Break,
    Passed, run_barrier,
};
pub use crate::caller::Caller;
pub use crate::care::{Breaker, BreakerState, CarefulRef, RateLimit};
pub use crate::context::Context;
pub use crate::dynamic::{Attribute, MethodInfo, ScriptInfo};
pub use crate::error::{
    AttributeError, BoxError, CallError, LoggerError, MethodError, NameServerError, NodeError,
    ProxyError, Result, RunError, ShutdownError, TimerError,
};
pub use crate::group::{Group, GroupError};
pub use crate::handler::{Action, Handler, shape};
pub use crate::letters::{DeadLetter, DeadLetters, Undelivered};
pub use crate::log::{
    LogLevel, LogLevelError, LogLine, Logger, LoggerCalls, LoggerTells, RunLogger, run_logger,
};
pub use crate::method::{Answer, Arguments, Method, Reply};
pub use crate::name_server::{
    ConnectNameServerProxy, NameServerHandle, NameServerProxy, RunNameServer, run_nameserver,
};
pub use crate::node::{ConnectNode, Node};
pub use crate::outcome::Outcome;
#[cfg(unix)]
pub use crate::process::{
    ProcessHandle, ProcessType, RunAgentProcess, processes, run_agent_process,
};
#[cfg(feature = "script")]
pub use crate::proxy::ProxyScripts;
pub use crate::proxy::{NodeProxy, Proxy, ProxyBind, ProxyConnect, ProxyPlace, Tail, TypedProxy};
pub use crate::run::{RunAgent, run_agent};
#[cfg(feature = "script")]
pub use crate::script::Scripts;
pub use crate::socket::{
    Addr, AliasError, Ask, Bind, Connect, EarlyReplyError, Kind, KindError, OpenError, RecvError,
    RequestError, SendError, SubscribeError,
};
pub use crate::state::{AgentState, ErrorPolicy, Fault, Life};
pub use crate::supervise::{
    Child, ChildInfo, ChildKind, Ended, Link, Restart, Strategy, Supervisor, SupervisorCalls,
    SupervisorTells,
};
pub use crate::timer::{Missed, TimerId, TimerInfo, TimerKey, TimerPlan};

/// Lets agents of these types run in processes of their own: call it first in `main`.
///
/// In a process that [`run_agent_process`] has started it runs the agent and ends the process; in every other
/// one it does nothing.
#[cfg(unix)]
#[macro_export]
macro_rules! processes {
    ($($kind:ty),* $(,)?) => {
        $crate::processes(const { &[$($crate::ProcessType::of::<$kind>()),*] })
    };
}

/// What the macros use. Nobody else may: it changes without notice.
#[doc(hidden)]
pub mod __private {
    use gleis_core::ValueError;

    pub use gleis_core::{from_value, to_value};
    pub use serde::Serialize;

    use crate::{BoxError, Outcome, Value};

    /// What serde reads. A bound on `DeserializeOwned` of a type without parameters would be ambiguous.
    pub trait Read: Sized {
        /// Reads it.
        ///
        /// # Errors
        /// [`ValueError`]: it is another type.
        fn read(value: Value) -> Result<Self, ValueError>;
    }

    impl<T: serde::de::DeserializeOwned> Read for T {
        fn read(value: Value) -> Result<Self, ValueError> {
            from_value(value)
        }
    }

    /// Sets a field to a value.
    pub fn set<T: serde::de::DeserializeOwned>(
        field: &mut T,
        value: Value,
    ) -> Result<(), ValueError> {
        *field = from_value(value)?;
        Ok(())
    }

    /// What a hook returned.
    pub fn hook_result<O: Outcome<Reply = ()>>(outcome: O) -> Result<(), BoxError> {
        outcome.into_result()
    }
}
