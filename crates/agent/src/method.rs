//! Methods by name: arguments come as values or as a message, and so goes the answer.

use std::{fmt, vec};

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{BoxError, CallError, Context, text::chain};

type Call<A> =
    for<'a> fn(&'a mut A, &'a Context<A>, Arguments) -> BoxFuture<'a, Result<Answer, CallError>>;

type Beside<A> = for<'a> fn(&'a Context<A>, Arguments) -> BoxFuture<'a, Result<Answer, CallError>>;

/// Where a method runs.
enum Way<A: 'static> {
    /// Beside the agent's work, since it does not need its state.
    Beside(Beside<A>),
    /// Between two other pieces of the agent's work.
    Lane(Call<A>),
}

/// A method of an agent of type `A` that can be called by name; `#[method]` makes these.
pub struct Method<A: 'static> {
    name: &'static str,
    docs: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    way: Way<A>,
}

impl<A> Method<A> {
    /// A method with a name, its documentation and, for each parameter, its name and its type as text.
    pub const fn new(
        name: &'static str,
        docs: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        call: Call<A>,
    ) -> Self {
        Self { name, docs, parameters, way: Way::Lane(call) }
    }

    /// A method that does not take the agent's state, and so runs beside its work.
    pub const fn beside(
        name: &'static str,
        docs: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        call: Beside<A>,
    ) -> Self {
        Self { name, docs, parameters, way: Way::Beside(call) }
    }

    /// Whether it runs beside the agent's work.
    pub fn is_beside(&self) -> bool {
        matches!(self.way, Way::Beside(_))
    }

    /// What its author says of it.
    pub fn docs(&self) -> &'static str {
        self.docs
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes, such as `name: String, n: u32`.
    pub fn parameters(&self) -> String {
        texts(self.parameters)
    }

    /// Calls it, if the number of arguments is right.
    pub(crate) fn call<'a>(
        &'static self,
        agent: &'a mut A,
        cx: &'a Context<A>,
        source: Source,
    ) -> BoxFuture<'a, Result<Answer, CallError>> {
        match (self.arguments(source), &self.way) {
            (Ok(arguments), Way::Beside(call)) => call(cx, arguments),
            (Ok(arguments), Way::Lane(call)) => call(agent, cx, arguments),
            (Err(error), _) => Box::pin(std::future::ready(Err(error))),
        }
    }

    /// Calls it without the agent, if it can be; `None` otherwise.
    pub(crate) fn call_beside<'a>(
        &'static self,
        cx: &'a Context<A>,
        source: Source,
    ) -> Option<BoxFuture<'a, Result<Answer, CallError>>> {
        let Way::Beside(call) = &self.way else {
            return None;
        };
        Some(match self.arguments(source) {
            Ok(arguments) => call(cx, arguments),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        })
    }

    fn arguments(&self, source: Source) -> Result<Arguments, CallError> {
        let given = source.len();
        let (method, parameters) = (self.name, self.parameters);
        let arguments = Arguments { method, parameters, source, n_taken: 0 };
        match given == parameters.len() {
            true => Ok(arguments),
            false => Err(arguments.error(self.parameters(), format!("{given} given"))),
        }
    }
}

impl<A> Clone for Way<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Way<A> {}

impl<A> Clone for Method<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Method<A> {}

impl<A> fmt::Debug for Method<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.parameters())
    }
}

/// Where the arguments of a call come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A message of a socket, which is the one argument.
    Message {
        codec: AnyCodec,
        body: Option<Bytes>,
    },
    Values(vec::IntoIter<Value>),
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Self::Message { body, .. } => usize::from(body.is_some()),
            Self::Values(values) => values.len(),
        }
    }
}

/// What a method did: the answer, or why there is none.
pub type Answer = Result<Reply, BoxError>;

/// The answer of a method, as whoever called it wants it.
#[derive(Debug)]
pub struct Reply(Replied);

#[derive(Debug)]
enum Replied {
    Bytes(Bytes),
    Value(Value),
}

impl Reply {
    /// The answer to a call with values.
    pub(crate) fn into_value(self) -> Value {
        match self.0 {
            Replied::Bytes(it) => Value::Bytes(it.into()),
            Replied::Value(it) => it,
        }
    }

    /// The answer to a message.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.0 {
            Replied::Bytes(it) => it,
            Replied::Value(_) => Bytes::new(),
        }
    }
}

fn texts(parameters: &[(&str, &str)]) -> String {
    let texts: Vec<_> = parameters.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
    texts.join(", ")
}

/// The arguments of one call, taken one after the other.
#[derive(Debug)]
pub struct Arguments {
    method: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    source: Source,
    n_taken: usize,
}

impl Arguments {
    /// The next argument.
    ///
    /// # Errors
    /// [`CallError::Arguments`] when there is none, or it is no `T`.
    pub fn take<T: DeserializeOwned + 'static>(&mut self) -> Result<T, CallError> {
        let next = match &mut self.source {
            Source::Message { codec, body } => body
                .take()
                .map(|body| codec.decode(&body, &Limits::default()).map_err(|it| chain(&it))),
            Source::Values(values) => {
                values.next().map(|it| from_value(it).map_err(|it| it.to_string()))
            }
        };
        let Some(next) = next else {
            return Err(self.error(texts(self.parameters), "too few given".to_owned()));
        };
        let n = self.n_taken;
        self.n_taken += 1;
        next.map_err(|error| {
            let (name, ty) = self.parameters.get(n).unwrap_or(&("?", "?"));
            self.error(texts(self.parameters), format!("`{name}` is no {ty}: {error}"))
        })
    }

    /// Turns what the method returned into the answer.
    ///
    /// # Errors
    /// [`CallError::Value`] when a dynamic value, or the codec of the message, cannot carry it.
    pub fn answer<R: Serialize + 'static>(
        self,
        res: Result<R, BoxError>,
    ) -> Result<Answer, CallError> {
        let reply = match res {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        let replied = match self.source {
            Source::Message { codec, .. } => codec
                .encode(&reply, &Limits::default())
                .map(Replied::Bytes)
                .map_err(|it| chain(&it)),
            Source::Values(_) => to_value(&reply).map(Replied::Value).map_err(|it| it.to_string()),
        };
        let what = format!("the answer of `{}`", self.method);
        replied.map(|it| Ok(Reply(it))).map_err(|reason| CallError::Value { what, reason })
    }

    fn error(&self, expected: String, reason: String) -> CallError {
        CallError::Arguments { method: self.method.to_owned(), expected, reason }
    }
}

/// The values of a tuple, a list or nothing; any other value stands alone.
pub(crate) fn arguments<T: Serialize + ?Sized>(arguments: &T) -> Result<Vec<Value>, CallError> {
    match to_value(arguments).map_err(|it| CallError::value("the arguments", &it))? {
        Value::List(values) => Ok(values),
        Value::Null => Ok(Vec::new()),
        alone => Ok(vec![alone]),
    }
}
