//! Functions by name, and how their arguments are given.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::streaming::{Items, Streaming};
use crate::api::streams::fits;
use crate::api::{Argument, Method};
use crate::message::Message;

/// A function that may be called: from a tuple of its arguments to its result, or to an error that says
/// what is wrong.
pub trait Exposed<A, R, E>: Send + Sync + 'static {
    /// Calls it.
    fn call(&self, args: A) -> impl Future<Output = Result<R, E>> + Send;
}

impl<F, Fut, A, R, E> Exposed<A, R, E> for F
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send,
{
    fn call(&self, args: A) -> impl Future<Output = Result<R, E>> + Send {
        self(args)
    }
}

/// As [`Exposed`], of a function that is told first on whose behalf it is called.
pub trait ExposedWith<C, A, R, E>: Send + Sync + 'static {
    /// Calls it.
    fn call(&self, cx: C, args: A) -> impl Future<Output = Result<R, E>> + Send;
}

impl<F, Fut, C, A, R, E> ExposedWith<C, A, R, E> for F
where
    F: Fn(C, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send,
{
    fn call(&self, cx: C, args: A) -> impl Future<Output = Result<R, E>> + Send {
        self(cx, args)
    }
}

/// What a function gives.
pub(crate) enum Given {
    Items(Items),
    Value(Value),
}

/// A function at work.
pub(crate) type Giving = BoxFuture<'static, Result<Given, String>>;

/// A function that is not told on whose behalf it is called.
struct Unaware<F>(F);

impl<C: Send + 'static, A: Send + 'static, R, E, F: Exposed<A, R, E>> ExposedWith<C, A, R, E>
    for Unaware<F>
{
    fn call(&self, _: C, args: A) -> impl Future<Output = Result<R, E>> + Send {
        self.0.call(args)
    }
}

/// A function that may be called.
pub(crate) type Called<C> = Arc<dyn Fn(C, Value) -> Giving + Send + Sync>;

struct Entry<C> {
    called: Called<C>,
    method: Method,
}

/// Functions by name, each told a `C` when it is called.
pub(crate) struct Table<C>(BTreeMap<String, Entry<C>>);

impl<C: Send + 'static> Table<C> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Puts a function in that does not want to know who calls.
    pub(crate) fn expose<A, R, E>(&mut self, method: Method, function: impl Exposed<A, R, E>)
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.expose_with(method, Unaware(function));
    }

    /// Puts a function in that is told who calls.
    pub(crate) fn expose_with<A, R, E>(
        &mut self,
        method: Method,
        function: impl ExposedWith<C, A, R, E>,
    ) where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.add(method, function, value);
    }

    /// Puts a function in that gives a stream, and does not want to know who calls.
    pub(crate) fn expose_stream<A, T, E>(
        &mut self,
        method: Method,
        function: impl Exposed<A, Streaming<T>, E>,
    ) where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.expose_stream_with(method, Unaware(function));
    }

    /// Puts a function in that gives a stream, and is told who calls.
    pub(crate) fn expose_stream_with<A, T, E>(
        &mut self,
        method: Method,
        function: impl ExposedWith<C, A, Streaming<T>, E>,
    ) where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.add(Method { streams: true, ..method }, function, |it| Ok(Given::Items(it.items())));
    }

    fn add<A, R, E>(
        &mut self,
        method: Method,
        function: impl ExposedWith<C, A, R, E>,
        given: fn(R) -> Result<Given, String>,
    ) where
        A: DeserializeOwned + Send + 'static,
        R: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let function = Arc::new(function);
        let called: Called<C> = Arc::new(move |cx, args| {
            let function = function.clone();
            async move {
                let result = function.call(cx, read(args)?).await;
                given(result.map_err(|it| it.to_string())?)
            }
            .boxed()
        });
        self.0.insert(method.name.clone(), Entry { called, method });
    }

    /// The function of this name, if it gives a value and takes so many arguments.
    pub(crate) fn plain(&self, name: &str, n_arguments: usize) -> Option<&Called<C>> {
        let Entry { called, method } = self.0.get(name)?;
        (!method.streams && method.arguments.len() == n_arguments).then_some(called)
    }

    /// Calls what the message names; `None` if there is no such function.
    pub(crate) fn call(&self, cx: C, message: &Message) -> Option<Giving> {
        let name = message.data.as_str().unwrap_or_default();
        let entry = self.0.get(name)?;
        let fits = fits(name, entry.method.streams, message);
        Some(match fits.and_then(|()| entry.args(name, message)) {
            Ok(args) => (entry.called)(cx, args),
            Err(error) => std::future::ready(Err(error)).boxed(),
        })
    }

    pub(crate) fn describe(&self) -> Vec<Method> {
        self.0.values().map(|it| it.method.clone()).collect()
    }
}

fn read<A: DeserializeOwned>(args: Value) -> Result<A, String> {
    from_value(args).map_err(|it| format!("wrong arguments: {it}"))
}

/// As a value is given.
pub(crate) fn value(result: impl Serialize) -> Result<Given, String> {
    to_value(&result).map(Given::Value).map_err(|it| it.to_string())
}

impl<C> Entry<C> {
    /// The arguments in order, as its tuple is read.
    fn args(&self, name: &str, message: &Message) -> Result<Value, String> {
        let Message { args, kwargs, .. } = message;
        let names = &self.method.arguments;
        if names.len() < args.len() {
            let (takes, got) = (names.len(), args.len());
            return Err(format!("{name} takes {takes} arguments and got {got}"));
        }
        let (given, rest) = names.split_at(args.len());
        let has = |all: &[Argument], name: &str| all.iter().any(|it| it.name == name);
        if let Some(odd) = kwargs.keys().find(|it| !has(rest, it)) {
            let twice = has(given, odd);
            let what = if twice { "got twice" } else { "does not take" };
            return Err(format!("{name} {what} the argument '{odd}'"));
        }
        let mut all = args.clone();
        for missing in rest {
            let lacks = || format!("{name} lacks the argument '{}'", missing.name);
            let value = kwargs.get(&missing.name).or(missing.default.as_ref());
            all.push(value.cloned().ok_or_else(lacks)?);
        }
        Ok(tuple(all))
    }
}

/// Arguments as the tuple of them is read.
pub(crate) fn tuple(arguments: Vec<Value>) -> Value {
    // The tuple of nothing is the value of nothing.
    if arguments.is_empty() { Value::Null } else { Value::List(arguments) }
}
