//! What servers and clients expose, before they are on a link.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::api::callee::{self, Callee};
use crate::api::caller::Call;
use crate::api::client::ApiError;
use crate::api::clients::{Rules, hook};
use crate::api::streams::Streams;
use crate::api::{
    Client, ClientRef, Command, CommandArgs, Exposed, ExposedWith, Method, Methods, PATH, Server,
    Service, Streaming, Widget,
};
use crate::error::{OpenError, RpcError, UrlError};
use crate::link::Link;
use crate::message::Message;
use crate::url::Url;

type Outgoing = Arc<dyn Fn(&mut Message) + Send + Sync>;
type Incoming = Arc<dyn Fn(&Message) -> Result<(), String> + Send + Sync>;

/// What was chosen for whatever goes out and comes in.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    incoming: Vec<Incoming>,
    outgoing: Vec<Outgoing>,
}

impl Hooks {
    /// Looks at what came, in order; the first that objects says why.
    pub(crate) fn incoming(&self, message: &Message) -> Result<(), String> {
        self.incoming.iter().try_for_each(|it| it(message))
    }

    pub(crate) fn are_there(&self) -> bool {
        !self.incoming.is_empty() || !self.outgoing.is_empty()
    }

    /// Changes what goes out, in order.
    pub(crate) fn outgoing(&self, message: &mut Message) {
        self.outgoing.iter().for_each(|it| it(message));
    }

    /// As [`outgoing`](Self::outgoing), where nobody else catches what panics; false if one did, and `message`
    /// says so then.
    pub(crate) fn outgoing_caught(&self, message: &mut Message) -> bool {
        let hooked = catch_unwind(AssertUnwindSafe(|| self.outgoing(message)));
        if hooked.is_err() {
            tracing::error!(target: "gleis::rpc", "a hook panicked");
            *message = Message::error("a hook panicked");
        }
        hooked.is_ok()
    }
}

/// What a server exposes, before it is on a link.
pub struct ServerBuilder {
    pub(crate) aware: Option<Rules>,
    pub(crate) callee: Callee,
}

/// What a client exposes to its server, before it is on a link.
pub struct ClientBuilder {
    pub(crate) api_error: Option<ApiError>,
    pub(crate) callee: Callee,
    pub(crate) within: Option<Duration>,
}

macro_rules! shared {
    ($builder:ident) => {
        impl $builder {
            /// The path below which calls are made, `comm` if not said: several servers may share a link.
            #[must_use]
            pub fn path(mut self, path: impl Into<String>) -> Self {
                self.callee.call_path = callee::below(&path.into());
                self
            }

            /// What it calls itself in errors.
            #[must_use]
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.callee.name = name.into();
                self
            }

            /// Its version, for those who ask what it is.
            #[must_use]
            pub fn version(mut self, version: impl Into<String>) -> Self {
                self.callee.version = version.into();
                self
            }

            /// The key that callers need, and that is shown where one is asked for.
            #[must_use]
            pub fn key(mut self, key: impl Into<String>) -> Self {
                self.callee.key = Some(key.into());
                self
            }

            /// Exposes a function under `method`. It takes a tuple of as many arguments as are named here,
            /// `()` for none; callers give them in order or by name.
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
                let method = Method::named(method.into(), &arguments);
                self.callee.table.expose(method, function);
                self
            }

            /// As [`expose`](Self::expose), of a function that is told who calls.
            #[must_use]
            pub fn expose_with<const N: usize, A, R, E>(
                mut self,
                method: impl Into<String>,
                arguments: [&str; N],
                function: impl ExposedWith<Call, A, R, E>,
            ) -> Self
            where
                A: DeserializeOwned + Send + 'static,
                R: Serialize + Send + 'static,
                E: fmt::Display + Send + 'static,
            {
                let method = Method::named(method.into(), &arguments);
                self.callee.table.expose_with(method, function);
                self
            }

            /// Exposes a function that gives a stream, under `method`; its arguments are those of
            /// [`expose`](Self::expose).
            #[must_use]
            pub fn expose_stream<const N: usize, A, T, E>(
                mut self,
                method: impl Into<String>,
                arguments: [&str; N],
                function: impl Exposed<A, Streaming<T>, E>,
            ) -> Self
            where
                A: DeserializeOwned + Send + 'static,
                T: Serialize + Send + 'static,
                E: fmt::Display + Send + 'static,
            {
                let method = Method::named(method.into(), &arguments);
                self.callee.table.expose_stream(method, function);
                self
            }

            /// As [`expose_stream`](Self::expose_stream), of a function that is told who calls.
            #[must_use]
            pub fn expose_stream_with<const N: usize, A, T, E>(
                mut self,
                method: impl Into<String>,
                arguments: [&str; N],
                function: impl ExposedWith<Call, A, Streaming<T>, E>,
            ) -> Self
            where
                A: DeserializeOwned + Send + 'static,
                T: Serialize + Send + 'static,
                E: fmt::Display + Send + 'static,
            {
                let method = Method::named(method.into(), &arguments);
                self.callee.table.expose_stream_with(method, function);
                self
            }

            /// Lets whoever calls have so many streams open at a time, on one connection: 32 if not said. One
            /// more is an error.
            #[must_use]
            pub fn open_streams(mut self, most: usize) -> Self {
                self.callee.streams = Arc::new(Streams::new(most));
                self
            }

            /// Exposes the functions of a service: see [`service`](crate::service).
            #[must_use]
            pub fn service(mut self, service: impl Service) -> Self {
                service.expose(&mut Methods(&mut self.callee.table));
                self
            }

            /// Has widgets of this name, each of its own `W`.
            #[must_use]
            pub fn widget<W: Send + 'static>(
                mut self,
                name: impl Into<String>,
                widget: Widget<W>,
            ) -> Self {
                self.callee.widgets.add(name.into(), Arc::new(widget));
                self
            }

            /// Has `look` look at each message that comes in, after its key was found right; the caller is
            /// told what it objects to.
            #[must_use]
            pub fn incoming(
                mut self,
                look: impl Fn(&Message) -> Result<(), String> + Send + Sync + 'static,
            ) -> Self {
                self.callee.hooks.incoming.push(Arc::new(look));
                self
            }

            /// Has `change` change each message that goes out.
            #[must_use]
            pub fn outgoing(
                mut self,
                change: impl Fn(&mut Message) + Send + Sync + 'static,
            ) -> Self {
                self.callee.hooks.outgoing.push(Arc::new(change));
                self
            }
        }

        impl fmt::Debug for $builder {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let methods: Vec<_> = self.callee.table.names().collect();
                f.debug_struct(stringify!($builder))
                    .field("methods", &methods)
                    .finish_non_exhaustive()
            }
        }
    };
}

shared!(ServerBuilder);
shared!(ClientBuilder);

impl ServerBuilder {
    pub(crate) fn new() -> Self {
        Self { aware: None, callee: Callee::new("Server", PATH) }
    }

    /// Tells its clients apart, so that they can be called back, and each has widgets of its own. What
    /// follows here makes it so too.
    #[must_use]
    pub fn aware(mut self) -> Self {
        self.rules();
        self
    }

    fn rules(&mut self) -> &mut Rules {
        self.aware.get_or_insert_default()
    }

    /// Has `handler` hear of each new client that can be called back. Its first call returns when all
    /// handlers are done.
    #[must_use]
    pub fn on_new_client<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(ClientRef) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.rules().new.push(hook(handler));
        self
    }

    /// Has `handler` hear of each client that is gone: that said so, or was silent for too long.
    #[must_use]
    pub fn on_client_gone<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(ClientRef) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.rules().gone.push(hook(handler));
        self
    }

    /// How often clients let hear of themselves that are called back over their own connection; 5 s if not
    /// said. One that is silent three times as long is gone.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.rules().heartbeat = every;
        self
    }

    /// Forgets clients that are called back over a connection of its own, as those of xbahn are, when they
    /// have not called for so long; never if not said.
    #[must_use]
    pub fn inactive_timeout(mut self, timeout: Duration) -> Self {
        self.rules().inactive_timeout = Some(timeout);
        self
    }

    /// Lets clients have themselves called at this host; at their own they always may.
    #[must_use]
    pub fn allow_remote(mut self, host: impl Into<String>) -> Self {
        self.rules().allowed.push(host.into());
        self
    }

    /// Has a command for the program `engineer`: a function of values by the names of the arguments and
    /// options that `command` takes; those that were not said have their defaults.
    #[must_use]
    pub fn command<F, Fut, R, E>(
        mut self,
        name: impl Into<String>,
        command: Command,
        run: F,
    ) -> Self
    where
        F: Fn(CommandArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize + 'static,
        E: fmt::Display + 'static,
    {
        self.callee.widgets.commands.add(name.into(), command, run);
        self
    }

    /// As [`command`](Self::command), of one that gives a stream, whose values are printed as they come.
    #[must_use]
    pub fn command_stream<F, Fut, T, E>(
        mut self,
        name: impl Into<String>,
        command: Command,
        run: F,
    ) -> Self
    where
        F: Fn(CommandArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Streaming<T>, E>> + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display + 'static,
    {
        self.callee.widgets.commands.add_stream(name.into(), command, run);
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
        Server::start(self, link)
    }
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self { api_error: None, callee: Callee::new("Client", PATH), within: None }
    }

    /// A call waits so long: 10 s if not said.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Has `handler` hear what a server says went wrong; where it returns true, the call is made once more.
    #[must_use]
    pub fn on_api_error<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.api_error = Some(Arc::new(move |text| Box::pin(handler(text))));
        self
    }

    /// Connects to a server, which calls back over the same connection what is exposed here.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect(
        self,
        url: impl TryInto<Url, Error: Into<UrlError>>,
    ) -> Result<Client, OpenError> {
        Ok(self.on(Link::connect(url).await?))
    }

    /// Calls on a link that is there, as [`connect`](Self::connect) does.
    pub fn on(self, link: Link) -> Client {
        Client::start(self, link)
    }

    /// Connects to a server, and listens at `responder`, where the server calls back what is exposed here:
    /// the way of xbahn, whose servers know no other.
    ///
    /// # Errors
    /// [`OpenError`]
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn connect_with_responder(
        self,
        url: impl TryInto<Url, Error: Into<UrlError>>,
        responder: impl TryInto<Url, Error: Into<UrlError>>,
    ) -> Result<Client, OpenError> {
        let link = Link::connect(url).await?;
        let responder = responder.try_into().map_err(Into::into)?;
        Client::start_with_responder(self, link, responder).await
    }
}

/// So that what is said of a call that failed fits into an answer.
impl From<RpcError> for String {
    fn from(error: RpcError) -> Self {
        error.to_string()
    }
}
