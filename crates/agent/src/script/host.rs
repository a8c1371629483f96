//! What a script does beside computing: kept until it has ended, then done or forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::thread::{ThreadId, current};

use gleis_core::Value;
use gleis_script::{Grant, Host, HostError};
use parking_lot::Mutex;

use super::Scripts;
use crate::{Agent, cell::Cell, node::weight};

/// How many messages and lines one call may leave.
const EFFECTS: usize = 1_000;
/// How many bytes these, and what it sets, may have.
const ROOM: usize = 1 << 20;

/// One call of a script, as seen from outside of it.
#[derive(Default)]
pub(super) struct Call {
    /// The fields of the agent as they were, and what the script has set.
    fields: BTreeMap<&'static str, Value>,
    pub(super) lines: Vec<String>,
    n_bytes: usize,
    pub(super) sent: Vec<Sent>,
    pub(super) set: BTreeMap<String, Value>,
    /// On which it runs: what is compiled meanwhile on another one is no call.
    thread: Option<ThreadId>,
}

/// A message that a script wants to send.
pub(super) struct Sent {
    pub(super) alias: String,
    pub(super) message: Value,
    pub(super) topic: Option<String>,
}

impl Call {
    pub(super) fn new(fields: BTreeMap<&'static str, Value>) -> Self {
        Self { fields, thread: Some(current().id()), ..Self::default() }
    }

    fn hold(&mut self, n_bytes: usize) -> Result<(), HostError> {
        self.n_bytes += n_bytes;
        let n_effects = self.lines.len() + self.sent.len() + self.set.len();
        match self.n_bytes <= ROOM && n_effects < EFFECTS {
            true => Ok(()),
            false => Err(HostError::new("it sets, sends and logs too much in one call")),
        }
    }
}

/// Serves the scripts of one agent. They run one at a time, so there is one call.
pub(super) struct AgentHost<A: 'static> {
    pub(super) call: Arc<Mutex<Call>>,
    pub(super) cell: Weak<Cell<A>>,
    pub(super) scripts: Scripts,
}

impl<A: Agent> Host for AgentHost<A> {
    fn grants(&self) -> Vec<Grant> {
        self.scripts.grants()
    }

    fn call(&self, name: &str, args: Vec<Value>) -> Result<Value, HostError> {
        if self.call.lock().thread != Some(current().id()) {
            return Err(HostError::new(format!("{name} is granted within the closure alone")));
        }
        match (name, <[Value; 3]>::try_from(padded(args))) {
            ("get", Ok([name, ..])) => self.get(&text(name)?),
            ("log", Ok([line, ..])) => self.log(line),
            ("publish", Ok([alias, topic, message])) => {
                self.send(text(alias)?, Some(text(topic)?), message)
            }
            ("send", Ok([alias, message, _])) => self.send(text(alias)?, None, message),
            ("set", Ok([name, value, _])) => self.set(text(name)?, value),
            _ => Err(HostError::new(format!("{name} is not granted"))),
        }
    }
}

impl<A: Agent> AgentHost<A> {
    fn get(&self, name: &str) -> Result<Value, HostError> {
        let call = self.call.lock();
        if let Some(value) = call.set.get(name).or_else(|| call.fields.get(name)) {
            return Ok(value.clone());
        }
        let value = self.cell.upgrade().and_then(|it| it.attributes.get(name));
        value.ok_or_else(|| HostError::new(format!("there is no attribute `{name}`")))
    }

    fn set(&self, name: String, value: Value) -> Result<Value, HostError> {
        let mut call = self.call.lock();
        call.hold(name.len() + weight(&value))?;
        call.set.insert(name, value);
        Ok(Value::Null)
    }

    fn send(
        &self,
        alias: String,
        topic: Option<String>,
        message: Value,
    ) -> Result<Value, HostError> {
        if !self.scripts.sockets.contains(&alias) {
            return Err(HostError::new(format!("the socket `{alias}` is not granted")));
        }
        let mut call = self.call.lock();
        call.hold(alias.len() + topic.as_ref().map_or(0, String::len) + weight(&message))?;
        call.sent.push(Sent { alias, message, topic });
        Ok(Value::Null)
    }

    fn log(&self, line: Value) -> Result<Value, HostError> {
        let mut call = self.call.lock();
        let line = match line {
            Value::String(text) => text,
            other => format!("{other:?}"),
        };
        call.hold(line.len())?;
        call.lines.push(line);
        Ok(Value::Null)
    }
}

fn padded(mut args: Vec<Value>) -> Vec<Value> {
    args.resize(args.len().max(3), Value::Null);
    args
}

fn text(value: Value) -> Result<String, HostError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(HostError::new(format!("a name is text, not {}", other.kind()))),
    }
}
