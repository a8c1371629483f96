//! Binding and connecting: optional things are methods, `.await` opens.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, EndpointError, Name};
use gleis_patterns::Overflow;
use serde::de::DeserializeOwned;

use super::{
    Addr, Kind, OpenError,
    handler::{AnyHandler, forget, named},
    make::{Options, Side},
    origin::{Origin, Wanted},
    routes::Route,
    table::Open,
};
use crate::{Agent, Context, Handler, cell::SocketDefaults, current::Frame};

/// What both ways of opening have in common.
struct Plan<A: 'static> {
    cx: Context<A>,
    options: Options,
    /// The names of methods that are handlers.
    methods: Vec<String>,
    routes: Vec<Route<A>>,
    /// Whether one of the handlers is for whatever comes.
    takes_all: bool,
    /// Whether that is what was subscribed to, and nothing else.
    is_narrowed: bool,
}

/// A socket about to be bound: choose, then `.await` for its [`Addr`].
#[must_use = "nothing is bound until it is awaited"]
pub struct Bind<A: 'static> {
    plan: Plan<A>,
    kind: Kind,
    alias: String,
    at: Result<Endpoint, EndpointError>,
    codec: AnyCodec,
}

/// A socket about to be connected: choose, then `.await` for its alias.
#[must_use = "nothing is connected until it is awaited"]
pub struct Connect<A: 'static> {
    plan: Plan<A>,
    to: Addr,
    alias: Option<String>,
    codec: Option<AnyCodec>,
}

impl<A: Agent> Bind<A> {
    pub(crate) fn new(cx: Context<A>, kind: Kind, alias: String) -> Self {
        let SocketDefaults { at, codec, .. } = cx.cell.socket_defaults.clone();
        let at = at.map_or_else(|| "tcp://127.0.0.1:0".parse(), Ok);
        let codec = codec.unwrap_or_else(AnyCodec::default_for::<()>);
        Self { plan: Plan::new(cx), kind, alias, at, codec }
    }

    /// Where to listen; by default what the agent was [run with](crate::RunAgent::at), otherwise
    /// `tcp://127.0.0.1:0`: this machine, any free port.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = at.try_into().map_err(Into::into);
        self
    }

    /// The codec; by default what the agent was [run with](crate::RunAgent::codec), otherwise bincode.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.codec = codec;
        self
    }
}

impl<A: Agent> Connect<A> {
    pub(crate) fn new(cx: Context<A>, to: Addr) -> Self {
        Self { plan: Plan::new(cx), to, alias: None, codec: None }
    }

    /// What the agent calls the socket; a random name by default.
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// The codec, when it is not the built-in one that the address names.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Waits until the peer is there, and fails after `timeout` otherwise. By default it waits a moment,
    /// and goes on connecting in the background.
    pub fn ready(mut self, timeout: Duration) -> Self {
        self.plan.options.ready = Some(timeout);
        self
    }
}

macro_rules! shared {
    ($name:ident) => {
        impl<A: Agent> $name<A> {
            /// What handles each message, and answers it if the socket is one that answers. On
            /// `AsyncReq` it takes the answers that have no [handler of their own](crate::Ask::handler).
            /// Sockets that do not answer may have several, which run one after the other.
            pub fn handler<M, S>(mut self, handler: impl Handler<A, M, S>) -> Self
            where
                M: DeserializeOwned + Send + 'static,
                S: 'static,
            {
                self.plan.takes_all = true;
                self.plan.routes.push(Route { topic: Bytes::new(), handler: forget(handler) });
                self
            }

            /// Subscribes, and has `handler` handle what is published under topics that begin with
            /// `topic`. Where several match, they run one after the other, as they were named.
            pub fn on<M, S>(
                mut self,
                topic: impl AsRef<[u8]>,
                handler: impl Handler<A, M, S>,
            ) -> Self
            where
                M: DeserializeOwned + Send + 'static,
                S: 'static,
            {
                let topic = Bytes::copy_from_slice(topic.as_ref());
                self.plan.options.subscriptions.push(topic.clone());
                self.plan.routes.push(Route { topic, handler: forget(handler) });
                self
            }

            /// Has the method of this name handle each message: one of the agent's type that takes one
            /// argument, or one that it was [given](Context::set_method), whichever has the name when a
            /// message comes. Otherwise as [`handler`](Self::handler).
            pub fn method(mut self, name: &str) -> Self {
                self.plan.takes_all = true;
                self.plan.methods.push(name.to_owned());
                self.plan.routes.push(Route { topic: Bytes::new(), handler: named(name) });
                self
            }

            /// As [`on`](Self::on), with the [method](Self::method) of this name.
            pub fn on_method(mut self, topic: impl AsRef<[u8]>, name: &str) -> Self {
                let topic = Bytes::copy_from_slice(topic.as_ref());
                self.plan.options.subscriptions.push(topic.clone());
                self.plan.methods.push(name.to_owned());
                self.plan.routes.push(Route { topic, handler: named(name) });
                self
            }

            /// Has any handler handle what comes, or what comes under a topic.
            pub(crate) fn any(mut self, topic: Option<Vec<u8>>, handler: AnyHandler<A>) -> Self {
                match topic.map(Bytes::from) {
                    Some(topic) => {
                        self.plan.options.subscriptions.push(topic.clone());
                        self.plan.routes.push(Route { topic, handler });
                    }
                    None => {
                        self.plan.takes_all = true;
                        self.plan.routes.push(Route { topic: Bytes::new(), handler });
                    }
                }
                self
            }

            /// How many messages may wait per peer, in each direction; 1,000 by default.
            pub fn high_water(mut self, messages: usize) -> Self {
                self.plan.options.high_water = Some(messages);
                self
            }

            /// How long a socket that is closed waits for what is queued to leave.
            pub fn linger(mut self, linger: Duration) -> Self {
                self.plan.options.linger = Some(linger);
                self
            }

            /// What happens to a message for which there is no room: `Push` and `Req` wait by
            /// default, `Pub` drops the newest. Channels have rules of their own.
            pub fn overflow(mut self, overflow: Overflow) -> Self {
                self.plan.options.overflow = Some(overflow);
                self
            }

            /// Has topic and message in one frame, as osBrain has them, for a `Pub` or `Sub` socket that
            /// talks to one of its: with JSON a byte 0x80 stands between; raw messages have nothing
            /// between, so whoever receives one gets topic and message as one. It is to be said on both
            /// sides.
            pub fn osbrain_topics(mut self) -> Self {
                self.plan.options.is_glued = true;
                self
            }

            /// Takes messages for `Push` while there is no peer: they wait in a queue up to the
            /// high-water mark, and closing waits for them up to the [linger](Self::linger) time. By
            /// default a send waits for a peer.
            pub fn queue_without_peer(mut self) -> Self {
                self.plan.options.queue_without_peer = true;
                self
            }

            /// Receives, on a subscriber, only what is published under topics that begin with
            /// `prefix` or another one named; everything by default.
            pub fn subscribe(mut self, prefix: impl AsRef<[u8]>) -> Self {
                self.plan.options.subscriptions.push(Bytes::copy_from_slice(prefix.as_ref()));
                self.plan.is_narrowed = true;
                self
            }
        }

        impl<A: 'static> fmt::Debug for $name<A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("cx", &self.plan.cx).finish_non_exhaustive()
            }
        }
    };
}

shared!(Bind);
shared!(Connect);

impl<A: Agent> IntoFuture for Bind<A> {
    type Output = Result<Addr, OpenError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { plan, kind, alias, at, codec } = self;
            if matches!(kind, Kind::AsyncReq | Kind::SyncSub) {
                return Err(OpenError::WrongSide { kind });
            }
            let failed = |source| OpenError::Bind { alias: alias.clone(), source };
            let at = at.map_err(|it| failed(gleis_patterns::OpenError::Endpoint(it)))?;
            let (_, addr) = plan.open(Some(alias), kind, Side::Bind(at), codec).await?;
            Ok(addr)
        })
    }
}

impl<A: Agent> IntoFuture for Connect<A> {
    type Output = Result<String, OpenError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { plan, to, alias, codec } = self;
            let kind = to.kind.twin();
            if matches!(kind, Kind::AsyncRep | Kind::SyncPub) {
                return Err(OpenError::WrongSide { kind });
            }
            let codec = codec.or_else(|| AnyCodec::by_name(&to.codec));
            let codec = codec.ok_or_else(|| OpenError::Codec { codec: to.codec.clone() })?;
            let (alias, _) = plan.open(alias, kind, Side::Connect(to), codec).await?;
            Ok(alias)
        })
    }
}

impl<A: Agent> Plan<A> {
    fn new(cx: Context<A>) -> Self {
        Self {
            cx,
            options: Options::default(),
            methods: Vec::new(),
            routes: Vec::new(),
            takes_all: false,
            is_narrowed: false,
        }
    }

    async fn open(
        mut self,
        alias: Option<String>,
        kind: Kind,
        side: Side,
        codec: AnyCodec,
    ) -> Result<(String, Addr), OpenError> {
        check(kind, self.routes.len())?;
        if let Some(name) = self.methods.iter().find(|it| !self.cx.cell.has_method(it)) {
            return Err(OpenError::UnknownMethod { method: name.clone() });
        }
        let subscriptions = &mut self.options.subscriptions;
        if subscriptions.is_empty() || (self.takes_all && !self.is_narrowed) {
            subscriptions.push(Bytes::new());
        }
        let cell = &self.cx.cell;
        let is_own = cell.is_revivable && Frame::is_at_work(&cell.identity);
        let wanted = is_own.then(|| self.wanted(alias.as_ref(), kind, &side, &codec));
        if let Some(wanted) = &wanted {
            match cell.sockets.take_left(wanted, self.routes, &self.options.subscriptions) {
                Ok(taken) => return Ok(taken),
                Err(routes) => self.routes = routes,
            }
            if let Some(alias) = &alias {
                // Boxed, as it is rare.
                Box::pin(cell.sockets.close_left_as(alias)).await;
            }
        }
        let alias = alias.unwrap_or_else(|| Name::random().to_string());
        let reserved = cell.sockets.reserve(alias.clone())?;
        let is_bound = matches!(side, Side::Bind(_));
        let socket =
            self.options.open(kind, &side, &codec, cell.socket_defaults.network.as_ref()).await;
        let socket = socket.map_err(|source| side.failed(reserved.alias(), source))?;
        let addr =
            Addr { endpoint: socket.endpoint().clone(), kind, codec: codec.name().to_owned() };
        #[cfg(unix)]
        if is_bound {
            crate::process::note(&addr.endpoint);
        }
        let mut open = Open::new(&alias, addr.clone(), is_bound, codec, socket, self.routes, cell);
        open.set_origin(wanted.map(|it| Origin::new(it, self.options.subscriptions)));
        reserved.fill(open)?;
        Ok((alias, addr))
    }

    /// What an earlier life of the agent may have opened.
    fn wanted(&self, alias: Option<&String>, kind: Kind, side: &Side, codec: &AnyCodec) -> Wanted {
        Wanted {
            alias: alias.cloned(),
            at: side.endpoint(),
            codec: codec.name(),
            is_bound: matches!(side, Side::Bind(_)),
            is_handled: !self.routes.is_empty(),
            kind,
            options: self.options.lasting(),
        }
    }
}

/// Whether a socket of this kind may have so many handlers.
fn check(kind: Kind, n_handlers: usize) -> Result<(), OpenError> {
    match n_handlers {
        0 if kind.requires_handler() => Err(OpenError::HandlerRequired { kind }),
        0 => Ok(()),
        _ if !kind.receives() => Err(OpenError::HandlerUnused { kind }),
        1 => Ok(()),
        _ if kind.requires_handler() || kind == Kind::AsyncReq => {
            Err(OpenError::OneHandler { kind })
        }
        _ => Ok(()),
    }
}
