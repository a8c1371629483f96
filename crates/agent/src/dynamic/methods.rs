//! Methods that an agent is given while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use gleis_core::{Value, ValueError, from_value, to_value};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Agent, CallError, Context, Handler, MethodError,
    method::Answer,
    socket::{AnyHandler, forget_shared},
};

/// How many methods an agent may be given, and how many functions it may know.
pub(super) const LIMIT: usize = 1_000;

/// A method with a name, as others see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MethodInfo {
    /// Its name.
    pub name: String,
    /// What it takes, such as `name: String, n: u32`; `None` if that is not known, as of those that are
    /// given while the agent runs.
    pub parameters: Option<String>,
    /// What its author says of it.
    pub docs: String,
}

/// A method that was given to an agent: for callers, and as a handler of messages.
pub(crate) struct DynMethod<A: 'static> {
    pub(crate) call: Call<A>,
    pub(crate) handler: AnyHandler<A>,
    /// What it takes, if it is a script.
    pub(crate) script: Option<String>,
}

/// A script that an agent was given as a method.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScriptInfo {
    /// The name of the method.
    pub name: String,
    /// What it takes, such as `a, b`.
    pub parameters: String,
    /// Counts what the agent was given: the later, the larger.
    pub version: u64,
}

type Call<A> = Arc<
    dyn for<'a> Fn(
            &'a mut A,
            &'a Context<A>,
            Vec<Value>,
        ) -> BoxFuture<'a, Result<Result<Value, crate::BoxError>, CallError>>
        + Send
        + Sync,
>;

impl<A> Clone for DynMethod<A> {
    fn clone(&self) -> Self {
        let (call, handler) = (self.call.clone(), self.handler.clone());
        Self { call, handler, script: self.script.clone() }
    }
}

/// Makes a method of a handler: its message is the arguments.
pub(crate) fn dynamic<A, M, S>(name: &str, handler: impl Handler<A, M, S>) -> DynMethod<A>
where
    A: Agent,
    M: DeserializeOwned + Send + 'static,
    S: 'static,
{
    let handler = Arc::new(handler);
    let name: Arc<str> = name.into();
    let shared = handler.clone();
    DynMethod {
        call: Arc::new(move |agent, cx, values| {
            call(shared.clone(), name.clone(), agent, cx, values)
        }),
        handler: forget_shared(handler),
        script: None,
    }
}

fn call<'a, A, M, S, H>(
    handler: Arc<H>,
    name: Arc<str>,
    agent: &'a mut A,
    cx: &'a Context<A>,
    values: Vec<Value>,
) -> BoxFuture<'a, Result<Result<Value, crate::BoxError>, CallError>>
where
    A: Agent,
    M: DeserializeOwned + Send + 'static,
    S: 'static,
    H: Handler<A, M, S>,
{
    Box::pin(async move {
        let message = message::<M>(values).map_err(|error| CallError::Arguments {
            method: name.to_string(),
            expected: short(std::any::type_name::<M>()),
            reason: error.to_string(),
        })?;
        match handler.handle(agent, cx, message).await {
            Ok(reply) => match to_value(&reply) {
                Ok(value) => Ok(Ok(value)),
                Err(error) => Err(CallError::value(&format!("the answer of `{name}`"), &error)),
            },
            Err(error) => Ok(Err(error)),
        }
    })
}

/// What the arguments are together, if they fit, or the one argument that there is.
fn message<M: DeserializeOwned>(mut values: Vec<Value>) -> Result<M, ValueError> {
    match values.len() {
        0 => from_value(Value::Null).or_else(|_| from_value(Value::List(values))),
        1 => match from_value(Value::List(values.clone())) {
            Ok(message) => Ok(message),
            Err(_) => from_value(values.remove(0)),
        },
        _ => from_value(Value::List(values)),
    }
}

/// A type without the modules that it is in.
fn short(name: &str) -> String {
    let mut text = String::new();
    for piece in name.split_inclusive(|it: char| !it.is_alphanumeric() && it != '_' && it != ':') {
        text.push_str(piece.rsplit("::").next().unwrap_or(piece));
    }
    text
}

/// The methods that an agent was given, by name.
pub(crate) struct Methods<A: 'static> {
    table: Mutex<BTreeMap<String, DynMethod<A>>>,
}

impl<A: Agent> Methods<A> {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::default() }
    }

    /// Gives the agent a method, in place of another one that it was given under this name. That is returned,
    /// since what it captured may run code when it is dropped: not under a lock.
    pub(crate) fn set(
        &self,
        name: &str,
        method: DynMethod<A>,
    ) -> Result<Option<DynMethod<A>>, MethodError> {
        if A::METHODS.iter().any(|it| it.name() == name) {
            return Err(MethodError::Taken { method: name.to_owned() });
        }
        let mut table = self.table.lock();
        if LIMIT <= table.len() && !table.contains_key(name) {
            return Err(MethodError::TooMany { limit: LIMIT });
        }
        Ok(table.insert(name.to_owned(), method))
    }

    pub(crate) fn find(&self, name: &str) -> Option<DynMethod<A>> {
        self.table.lock().get(name).cloned()
    }

    /// Takes a method away.
    pub(crate) fn remove(&self, name: &str) -> Option<DynMethod<A>> {
        self.table.lock().remove(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.table.lock().keys().cloned().collect()
    }

    /// The names, each with what the method takes if it is a script.
    pub(crate) fn list(&self) -> Vec<(String, Option<String>)> {
        let table = self.table.lock();
        table.iter().map(|(name, it)| (name.clone(), it.script.clone())).collect()
    }
}

/// Functions that an agent may be given as methods, from elsewhere too.
pub(crate) type Functions<A> = BTreeMap<String, DynMethod<A>>;

/// The answer of a method that was called with values.
pub(crate) fn value(answer: Answer) -> Result<Value, crate::BoxError> {
    answer.map(crate::method::Reply::into_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_the_message_alone_or_together() {
        let list = |it: &[i64]| it.iter().map(|it| Value::from(*it)).collect::<Vec<_>>();
        assert_eq!(message::<i64>(list(&[7])).unwrap(), 7);
        assert_eq!(message::<(i64,)>(list(&[7])).unwrap(), (7,));
        assert_eq!(message::<(i64, u8)>(list(&[7, 8])).unwrap(), (7, 8));
        assert_eq!(message::<Vec<i64>>(list(&[7, 8])).unwrap(), [7, 8]);
        message::<()>(Vec::new()).unwrap();
        assert_eq!(message::<Vec<i64>>(Vec::new()).unwrap(), [0; 0]);
        assert!(message::<i64>(list(&[7, 8])).is_err());
        assert!(message::<i64>(Vec::new()).is_err());
    }

    #[test]
    fn types_are_named_shortly() {
        assert_eq!(short("alloc::vec::Vec<(a::b::Foo, u8)>"), "Vec<(Foo, u8)>");
    }
}
