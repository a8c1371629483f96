//! Services: traits whose functions are called from elsewhere.

use std::fmt;
use std::future::Future;

use gleis_core::{Value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::caller::Call;
use crate::api::table::{ExposedWith, Table};
use crate::api::{Argument, Client, ClientRef, Method, RemoteWidget, Streaming, WidgetRef};
use crate::error::RpcError;

/// What a server exposes as a whole; [`#[service]`](crate::service) makes these.
pub trait Service {
    /// Exposes its functions.
    fn expose(self, methods: &mut Methods<'_>);
}

/// Where a service exposes its functions.
pub struct Methods<'a, C = Call>(pub(crate) &'a mut Table<C>);

/// What a kind of widget exposes as a whole; [`#[widget]`](macro@crate::widget) makes these.
pub trait WidgetMethods: Send + Sized + 'static {
    /// Exposes its methods.
    fn expose(methods: &mut Methods<'_, WidgetRef<Self>>);
}

impl<C: Send + 'static> Methods<'_, C> {
    /// Exposes a function that takes a tuple of the arguments that `method` describes.
    pub fn expose<A, R, E>(&mut self, method: Method, function: impl ExposedWith<C, A, R, E>)
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.0.expose_with(method, function);
    }

    /// Exposes a function that gives a stream, and takes a tuple of the arguments that `method` describes.
    pub fn expose_stream<A, T, E>(
        &mut self,
        method: Method,
        function: impl ExposedWith<C, A, Streaming<T>, E>,
    ) where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.0.expose_stream_with(method, function);
    }
}

impl<C: Send + 'static> fmt::Debug for Methods<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.names()).finish()
    }
}

/// What calls go out on: a client, a client that is called back, a widget on the other side.
pub trait Calls: Send + Sync {
    /// Calls a method with a tuple of arguments, `()` for none.
    ///
    /// # Errors
    /// [`RpcError`]
    fn call<R: DeserializeOwned + Send>(
        &self,
        method: &str,
        args: impl Serialize + Send + Sync,
    ) -> impl Future<Output = Result<R, RpcError>> + Send;

    /// Calls a method that gives a stream.
    ///
    /// # Errors
    /// [`RpcError`]
    fn stream<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: impl Serialize + Send + Sync,
    ) -> impl Future<Output = Result<Streaming<T>, RpcError>> + Send;
}

macro_rules! calls {
    ($($caller:ty $(where $state:ident)?;)*) => {$(
        impl$(<$state: Send + 'static>)? Calls for $caller {
            fn call<R: DeserializeOwned + Send>(
                &self,
                method: &str,
                args: impl Serialize + Send + Sync,
            ) -> impl Future<Output = Result<R, RpcError>> + Send {
                Self::call(self, method, args)
            }

            fn stream<T: DeserializeOwned + Send + 'static>(
                &self,
                method: &str,
                args: impl Serialize + Send + Sync,
            ) -> impl Future<Output = Result<Streaming<T>, RpcError>> + Send {
                Self::stream(self, method, args)
            }
        }
    )*};
}

calls!(Client; ClientRef; RemoteWidget; WidgetRef<W> where W;);

/// What a function of a service returns that may fail.
pub trait Fallible {
    /// What the caller gets.
    type Reply;
    /// What says why it failed.
    type Error: fmt::Display + Send + 'static;

    /// As the result that it is.
    ///
    /// # Errors
    /// Its own.
    fn into_result(self) -> Result<Self::Reply, Self::Error>;
}

impl<T, E: fmt::Display + Send + 'static> Fallible for Result<T, E> {
    type Reply = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Such as `multiply(a: i64, b: i64) -> i64`, as far as it is known.
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (n, argument) in self.arguments.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{argument}")?;
        }
        f.write_str(")")?;
        match &self.returns[..] {
            "" | "()" => Ok(()),
            returns => write!(f, " -> {returns}"),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ty[..] {
            "" => f.write_str(&self.name),
            ty => write!(f, "{}: {ty}", self.name),
        }
    }
}

impl Argument {
    /// An argument of this name and type.
    pub fn new(name: impl Into<String>, ty: impl Into<String>) -> Self {
        Self { name: name.into(), ty: ty.into(), default: None }
    }

    /// What it is if it is not given.
    ///
    /// # Panics
    /// If `default` is no [`Value`]: a number that is too large, or a map of other keys than text.
    #[must_use]
    pub fn or<T: Serialize>(mut self, default: T) -> Self {
        let default: Value = to_value(&default).expect("a default is a value");
        self.default = Some(default);
        self
    }
}
