//! Running a script as a method.

use std::sync::Arc;

use bytes::Bytes;
use gleis_core::Value;
use gleis_script::Program;
use parking_lot::Mutex;

use super::host::{Call, Sent};
use crate::{Agent, AttributeError, BoxError, CallError, Context, node::bare};

/// A script that an agent was given.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(super) call: Arc<Mutex<Call>>,
    /// What it is called in errors.
    pub(super) name: Arc<str>,
    pub(super) program: Program,
    /// Whether it may see the fields of the agent.
    pub(super) sees_fields: bool,
}

impl Scripted {
    /// Calls it, and then does what it wants to have done.
    pub(crate) async fn run<A: Agent>(
        &self,
        agent: &mut A,
        cx: &Context<A>,
        args: Vec<Value>,
    ) -> Result<Result<Value, BoxError>, CallError> {
        if args.len() != self.program.parameters().len() {
            return Err(CallError::Arguments {
                method: self.name.to_string(),
                expected: format!("({})", self.program.parameters().join(", ")),
                reason: format!("there are {}", args.len()),
            });
        }
        let fields = A::ATTRIBUTES.iter().filter(|_| self.sees_fields);
        // A field that is no value is not there for a script.
        let fields = fields.filter_map(|it| Some((it.name(), it.get(agent).ok()?)));
        *self.call.lock() = Call::new(fields.collect());
        let done = self.program.call(args);
        let call = std::mem::take(&mut *self.call.lock());
        for line in &call.lines {
            cx.log_info(&**line);
        }
        Ok(match done {
            Ok(answer) => conclude(agent, cx, call).await.map(|()| answer),
            Err(error) => Err(error.into()),
        })
    }

    /// The arguments that a message is: the one that it takes, or the elements of a list.
    pub(super) fn arguments(&self, message: Value) -> Vec<Value> {
        match message {
            Value::List(all) if self.program.parameters().len() != 1 => all,
            Value::Null if self.program.parameters().is_empty() => Vec::new(),
            one => vec![one],
        }
    }
}

/// Sets and sends what the script wants: all that it sets, or nothing.
async fn conclude<A: Agent>(agent: &mut A, cx: &Context<A>, call: Call) -> Result<(), BoxError> {
    let mut undone = Vec::new();
    for (name, value) in call.set {
        let old = set(agent, cx, &name, value);
        match old {
            Ok(old) => undone.push((name, old)),
            Err(error) => {
                for (name, old) in undone.into_iter().rev() {
                    // It was so before; a free attribute that was not there is nothing now.
                    let _ = set(agent, cx, &name, old);
                }
                return Err(error.into());
            }
        }
    }
    for Sent { alias, message, topic } in call.sent {
        let open = cx.cell.sockets.find(&alias)?;
        let body = bare(&open.codec, &message)?;
        cx.send_encoded(&open, &alias, topic.map(Bytes::from), body).await?;
    }
    Ok(())
}

/// Sets an attribute; gives what it was.
fn set<A: Agent>(
    agent: &mut A,
    cx: &Context<A>,
    name: &str,
    value: Value,
) -> Result<Value, AttributeError> {
    let Some(field) = A::ATTRIBUTES.iter().find(|it| it.name() == name) else {
        let old = cx.cell.attributes.get(name).unwrap_or(Value::Null);
        return cx.cell.set_free(name, value).map(|()| old);
    };
    let old = field.get(agent).map_err(|it| AttributeError::value(name, &it))?;
    field.set(agent, value).map_err(|it| AttributeError::value(name, &it))?;
    Ok(old)
}
