//! Who is called.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;

use crate::api::{Argument, CALL, Method, PATH};
use crate::error::{OpenError, UrlError};
use crate::events::{Guard, Received};
use crate::link::Link;
use crate::message::Message;
use crate::url::Url;

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

type Called = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

struct Entry {
    arguments: Vec<String>,
    called: Called,
}

/// What a server exposes, before it is on a link.
pub struct ServerBuilder {
    key: Option<String>,
    methods: BTreeMap<String, Entry>,
    name: String,
    path: String,
}

/// Answers calls on a link.
pub struct Server {
    _guard: Guard,
    link: Link,
}

impl Server {
    /// A server that exposes nothing yet.
    #[expect(clippy::new_ret_no_self, reason = "it is a server once it is on a link")]
    pub fn new() -> ServerBuilder {
        let name = "Server".to_owned();
        ServerBuilder { key: None, methods: BTreeMap::new(), name, path: PATH.to_owned() }
    }

    /// The link that it is on.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Where its main wire is.
    ///
    /// # Panics
    /// Its link was disconnected.
    pub fn url(&self) -> Url {
        self.link.url("main").expect("a server's link has a main wire")
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("link", &self.link).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.methods.keys().collect();
        f.debug_struct("ServerBuilder").field("methods", &methods).finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// The path below which it is called, `comm` if not said: several servers may share a link.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// What it calls itself in errors.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Callers need this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Exposes a function under `method`. It takes a tuple of as many arguments as are named here, `()` for
    /// none; callers give them in order or by name.
    #[must_use]
    pub fn expose<const N: usize, A, R, E>(
        mut self,
        method: impl Into<String>,
        arguments: [&str; N],
        function: impl Exposed<A, R, E>,
    ) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let function = Arc::new(function);
        let called: Called = Arc::new(move |args| {
            let function = function.clone();
            async move {
                let args = from_value::<A>(args).map_err(|it| format!("wrong arguments: {it}"))?;
                let result = function.call(args).await.map_err(|it| it.to_string())?;
                to_value(&result).map_err(|it| it.to_string())
            }
            .boxed()
        });
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        self.methods.insert(method.into(), Entry { arguments, called });
        self
    }

    /// Opens a link of its own, that others connect to.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn listen(
        self,
        url: impl TryInto<Url, Error: Into<UrlError>>,
    ) -> Result<Server, OpenError> {
        Ok(self.on(Link::listen(url).await?))
    }

    /// Answers calls on a link that is there.
    pub fn on(self, link: Link) -> Server {
        let event = format!("receive_{}.{CALL}", self.path);
        let desk = Arc::new(self);
        let _guard = link.on(&event, move |received| {
            let desk = desk.clone();
            async move { desk.answer(received).await }
        });
        Server { _guard, link }
    }

    async fn answer(&self, received: Received) {
        let message = &received.message;
        let result = match self.admit(message) {
            Ok(()) => self.call(message).await,
            Err(error) => Err(error),
        };
        let answer = match result {
            Ok(result) => Message::new(result),
            Err(error) => Message::error(error),
        };
        if let Err(error) = received.respond(answer).await {
            tracing::warn!(target: "gleis::rpc", %error, "a call has no answer");
        }
    }

    /// Looks at the key, before anything else.
    fn admit(&self, message: &Message) -> Result<(), String> {
        let given = message.meta.get("auth").and_then(Value::as_str).unwrap_or_default();
        // The time that it takes tells nothing of the key.
        let is_it = |key: &String| bool::from(key.as_bytes().ct_eq(given.as_bytes()));
        match &self.key {
            Some(key) if !is_it(key) => Err("Authentication failed.".to_owned()),
            _ => Ok(()),
        }
    }

    async fn call(&self, message: &Message) -> Result<Value, String> {
        if message.path() != format!("{}.{CALL}", self.path) {
            return Err("Unknown call route".to_owned());
        }
        let name = message.data.as_str().unwrap_or_default();
        match name {
            // Every client asks this first; only one that is called back needs an id of its own.
            "obtain_client_id" => return Ok(Value::from("$")),
            "describe" => return to_value(&self.describe()).map_err(|it| it.to_string()),
            _ => (),
        }
        let unknown = || format!("action '{name}' not exposed on API ({})", self.name);
        let entry = self.methods.get(name).ok_or_else(unknown)?;
        let args = entry.args(name, message)?;
        (entry.called)(args).await
    }

    fn describe(&self) -> Vec<Method> {
        let describe = |(name, entry): (&String, &Entry)| {
            let argument = |name: &String| Argument { name: name.clone() };
            let arguments = entry.arguments.iter().map(argument).collect();
            Method { arguments, name: name.clone() }
        };
        self.methods.iter().map(describe).collect()
    }
}

impl Entry {
    /// The arguments in order, as its tuple is read.
    fn args(&self, name: &str, message: &Message) -> Result<Value, String> {
        let Message { args, kwargs, .. } = message;
        let names = &self.arguments;
        if names.len() < args.len() {
            let (takes, got) = (names.len(), args.len());
            return Err(format!("{name} takes {takes} arguments and got {got}"));
        }
        let (given, rest) = names.split_at(args.len());
        if let Some(odd) = kwargs.keys().find(|it| !rest.contains(it)) {
            let twice = given.contains(odd);
            let what = if twice { "got twice" } else { "does not take" };
            return Err(format!("{name} {what} the argument '{odd}'"));
        }
        let mut all = args.clone();
        for missing in rest {
            let lacks = || format!("{name} lacks the argument '{missing}'");
            all.push(kwargs.get(missing).cloned().ok_or_else(lacks)?);
        }
        // The tuple of nothing is the value of nothing.
        Ok(if names.is_empty() { Value::Null } else { Value::List(all) })
    }
}
