//! Widgets: values with functions of their own, by name and id.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use gleis_core::{Value, from_value};
use parking_lot::{Mutex, MutexGuard};
use serde::{Serialize, de::DeserializeOwned};

use crate::api::caller::ClientRef;
use crate::api::client::Shared;
use crate::api::reading::{AHEAD, Way, ask_for};
use crate::api::table::{ExposedWith, Giving, Table};
use crate::api::{Method, Methods, Streaming, WidgetMethods, values};
use crate::error::RpcError;
use crate::link::Link;
use crate::message::Message;

/// A kind of widget: how one is made, and what it exposes. Each is told apart by its id and keeps a `W`.
pub struct Widget<W> {
    make: Arc<dyn Fn(&Init) -> W + Send + Sync>,
    table: Table<WidgetRef<W>>,
}

/// What a widget is made with.
#[derive(Clone, Debug, Default)]
pub struct Init {
    /// Its id, as whoever made it named it.
    pub id: String,
    /// What else was said.
    pub kwargs: BTreeMap<String, Value>,
}

impl Init {
    /// What was said under this name, if it was and is a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        from_value(self.kwargs.get(name)?.clone()).ok()
    }
}

impl<W: WidgetMethods> Widget<W> {
    /// A kind of widget that exposes the methods of its type: see [`widget`](macro@crate::widget).
    pub fn of(make: impl Fn(&Init) -> W + Send + Sync + 'static) -> Self {
        let mut this = Self::new(make);
        W::expose(&mut Methods(&mut this.table));
        this
    }
}

impl<W: Send + 'static> Widget<W> {
    /// A kind of widget that exposes nothing yet.
    pub fn new(make: impl Fn(&Init) -> W + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), table: Table::new() }
    }

    /// Exposes a function under `method`; it is told which widget is meant, and takes a tuple of as many
    /// arguments as are named here.
    #[must_use]
    pub fn expose<const N: usize, A, R, E>(
        mut self,
        method: impl Into<String>,
        arguments: [&str; N],
        function: impl ExposedWith<WidgetRef<W>, A, R, E>,
    ) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.table.expose_with(Method::named(method.into(), &arguments), function);
        self
    }

    /// As [`expose`](Self::expose), of a function that gives a stream.
    #[must_use]
    pub fn expose_stream<const N: usize, A, T, E>(
        mut self,
        method: impl Into<String>,
        arguments: [&str; N],
        function: impl ExposedWith<WidgetRef<W>, A, Streaming<T>, E>,
    ) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.table.expose_stream_with(Method::named(method.into(), &arguments), function);
        self
    }
}

impl<W> fmt::Debug for Widget<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Widget").finish_non_exhaustive()
    }
}

/// One widget. Cheap to clone.
pub struct WidgetRef<W> {
    far: Far,
    init: Arc<Init>,
    state: Arc<Mutex<W>>,
}

/// The widget on the other side, if it can be called.
#[derive(Clone)]
pub(crate) enum Far {
    /// That of a client: below which path it is.
    Client(ClientRef, Arc<str>),
    Nowhere,
    /// That of the server; the client that has both keeps this too.
    Server(Weak<Shared>, Link, Arc<str>),
}

impl<W> WidgetRef<W> {
    /// What it was made with.
    pub fn init(&self) -> &Init {
        &self.init
    }

    /// What it keeps, until the guard is dropped; not to be kept while waiting for anything.
    pub fn lock(&self) -> MutexGuard<'_, W> {
        self.state.lock()
    }

    /// Calls the widget on the other side that has the same name and id.
    ///
    /// # Errors
    /// [`RpcError`]; [`RpcError::NoWayBack`] if the other side cannot be called.
    ///
    /// # Cancel safety
    /// A dropped future may have called it.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, RpcError> {
        let message = Message { args: values(method, &args)?, ..Message::new(method) };
        let result = match &self.far {
            Far::Client(client, below) => client.call_at(below, message).await?,
            Far::Nowhere => return Err(RpcError::NoWayBack),
            Far::Server(shared, link, below) => {
                let shared = shared.upgrade().ok_or(RpcError::Closed)?;
                shared.call(link, below, message).await?
            }
        };
        from_value(result)
            .map_err(|it| RpcError::Answer { method: method.to_owned(), reason: it.to_string() })
    }

    /// As [`call`](Self::call), of a method that gives a stream, which is read 64 items ahead.
    ///
    /// # Errors
    /// As [`call`](Self::call), and [`RpcError::Unable`].
    ///
    /// # Cancel safety
    /// A dropped future may have called it; no stream is left open.
    pub async fn stream<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<Streaming<T>, RpcError> {
        let message = Message { args: values(method, &args)?, ..Message::new(method) };
        match &self.far {
            Far::Client(client, below) => client.stream_at(below, message).await,
            Far::Nowhere => Err(RpcError::NoWayBack),
            Far::Server(shared, link, below) => {
                let shared = shared.upgrade().ok_or(RpcError::Closed)?;
                let message = ask_for(message, AHEAD, shared.knows().streams)?;
                let told = shared.call(link, below, message).await?;
                Way::Server(shared, link.clone()).read(method, told, AHEAD)
            }
        }
    }
}

impl<W> Clone for WidgetRef<W> {
    fn clone(&self) -> Self {
        Self { far: self.far.clone(), init: self.init.clone(), state: self.state.clone() }
    }
}

impl<W> fmt::Debug for WidgetRef<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WidgetRef").field("init", &self.init).finish_non_exhaustive()
    }
}

/// A kind of widget whose type is forgotten.
pub(crate) trait Kind: Send + Sync {
    fn describe(&self) -> Vec<Method>;
    fn make(self: Arc<Self>, init: Init, far: Far) -> Arc<dyn Instance>;
}

/// A widget whose type is forgotten.
pub(crate) trait Instance: Send + Sync {
    /// Calls what the message names; `None` if there is no such function.
    fn call(&self, message: &Message) -> Option<Giving>;
    /// A `WidgetRef` of its type.
    fn any(&self) -> Box<dyn Any + Send>;
    fn init(&self) -> &Init;
}

impl<W: Send + 'static> Kind for Widget<W> {
    fn describe(&self) -> Vec<Method> {
        self.table.describe()
    }

    fn make(self: Arc<Self>, init: Init, far: Far) -> Arc<dyn Instance> {
        let state = Arc::new(Mutex::new((self.make)(&init)));
        Arc::new(Live { kind: self, widget: WidgetRef { far, init: Arc::new(init), state } })
    }
}

struct Live<W> {
    kind: Arc<Widget<W>>,
    widget: WidgetRef<W>,
}

impl<W: Send + 'static> Instance for Live<W> {
    fn call(&self, message: &Message) -> Option<Giving> {
        self.kind.table.call(self.widget.clone(), message)
    }

    fn any(&self) -> Box<dyn Any + Send> {
        Box::new(self.widget.clone())
    }

    fn init(&self) -> &Init {
        &self.widget.init
    }
}
