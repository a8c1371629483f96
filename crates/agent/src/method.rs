//! Methods by name: arguments come as values, and so goes the answer.

use std::{fmt, vec};

use futures::future::BoxFuture;
use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{BoxError, CallError, Context};

type Call<A> =
    for<'a> fn(&'a mut A, &'a Context<A>, Arguments) -> BoxFuture<'a, Result<Answer, CallError>>;

/// A method of an agent of type `A` that can be called by name; `#[method]` makes these.
pub struct Method<A: 'static> {
    name: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    call: Call<A>,
}

impl<A> Method<A> {
    /// A method with a name and, for each parameter, its name and its type as text.
    pub const fn new(
        name: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        call: Call<A>,
    ) -> Self {
        Self { name, parameters, call }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes, such as `name: String, n: u32`.
    pub fn parameters(&self) -> String {
        let texts: Vec<_> =
            self.parameters.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        texts.join(", ")
    }

    /// Calls it, if the number of arguments is right.
    pub(crate) fn call<'a>(
        &'static self,
        agent: &'a mut A,
        cx: &'a Context<A>,
        values: Vec<Value>,
    ) -> BoxFuture<'a, Result<Answer, CallError>> {
        let given = values.len();
        let arguments = Arguments {
            method: self.name,
            parameters: self.parameters,
            values: values.into_iter(),
            n_taken: 0,
        };
        if given != self.parameters.len() {
            let error = arguments.error(self.parameters(), format!("{given} given"));
            return Box::pin(std::future::ready(Err(error)));
        }
        (self.call)(agent, cx, arguments)
    }
}

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

/// What a method did: the answer as a value, or why there is none.
pub type Answer = Result<Value, BoxError>;

/// The arguments of one call, taken one after the other.
#[derive(Debug)]
pub struct Arguments {
    method: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    values: vec::IntoIter<Value>,
    n_taken: usize,
}

impl Arguments {
    /// The next argument.
    ///
    /// # Errors
    /// [`CallError::Arguments`] when there is none, or it is no `T`.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, CallError> {
        let Some(value) = self.values.next() else {
            return Err(self.error(self.expected(), "too few given".to_owned()));
        };
        let n = self.n_taken;
        self.n_taken += 1;
        from_value(value).map_err(|error| {
            let (name, ty) = self.parameters.get(n).unwrap_or(&("?", "?"));
            let text = format!("`{name}` is no {ty}: {error}");
            self.error(self.expected(), text)
        })
    }

    /// Turns what the method returned into the answer.
    ///
    /// # Errors
    /// [`CallError::Value`] when a dynamic value cannot carry it.
    pub fn answer<R: Serialize>(self, res: Result<R, BoxError>) -> Result<Answer, CallError> {
        match res {
            Ok(reply) => match to_value(&reply) {
                Ok(value) => Ok(Ok(value)),
                Err(error) => {
                    Err(CallError::value(&format!("the answer of `{}`", self.method), &error))
                }
            },
            Err(error) => Ok(Err(error)),
        }
    }

    fn expected(&self) -> String {
        let texts: Vec<_> =
            self.parameters.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        texts.join(", ")
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
