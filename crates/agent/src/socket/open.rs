//! Binding and connecting: optional things are methods, `.await` opens.

use std::fmt;
use std::future::IntoFuture;

use bytes::Bytes;
use futures::future::BoxFuture;
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, EndpointError, Name};
use gleis_patterns::{Builder, Overflow, Publisher, Pull, Push, Replier, Requester, Subscriber};
use serde::de::DeserializeOwned;

use super::{
    Addr, Kind, OpenError,
    pump::{AnyHandler, Pump, Source, forget},
    table::{Open, Reserved, Socket},
    wire,
};
use crate::{Agent, Context, Handler};

/// What both ways of opening have in common.
struct Plan<A: 'static> {
    cx: Context<A>,
    handler: Option<AnyHandler<A>>,
    high_water: Option<usize>,
    overflow: Option<Overflow>,
    subscriptions: Vec<Bytes>,
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
        let codec = AnyCodec::default_for::<()>();
        Self { plan: Plan::new(cx), kind, alias, at: "tcp://127.0.0.1:0".parse(), codec }
    }

    /// Where to listen; `tcp://127.0.0.1:0` by default: this machine, any free port.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = at.try_into().map_err(Into::into);
        self
    }

    /// The codec; bincode by default.
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
}

macro_rules! shared {
    ($name:ident) => {
        impl<A: Agent> $name<A> {
            /// What handles each message, and answers it if the socket is a replier.
            pub fn handler<M, S>(mut self, handler: impl Handler<A, M, S>) -> Self
            where
                M: DeserializeOwned + Send + 'static,
                S: 'static,
            {
                self.plan.handler = Some(forget(handler));
                self
            }

            /// How many messages may wait per peer, in each direction; 1,000 by default.
            pub fn high_water(mut self, messages: usize) -> Self {
                self.plan.high_water = Some(messages);
                self
            }

            /// What happens to a message for which there is no room: `Push` and `Req` wait by
            /// default, `Pub` drops the newest.
            pub fn overflow(mut self, overflow: Overflow) -> Self {
                self.plan.overflow = Some(overflow);
                self
            }

            /// Receives, on a subscriber, only what is published under topics that begin with
            /// `prefix` or another one named; everything by default.
            pub fn subscribe(mut self, prefix: impl AsRef<[u8]>) -> Self {
                self.plan.subscriptions.push(Bytes::copy_from_slice(prefix.as_ref()));
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
            let failed = |source| OpenError::Bind { alias: alias.clone(), source };
            let at = at.map_err(|it| failed(gleis_patterns::OpenError::Endpoint(it)))?;
            let cx = plan.cx.clone();
            let reserved = cx.cell.sockets.reserve(alias)?;
            plan.open(&reserved, kind, Side::Bind(at), codec).await?.put(reserved)
        })
    }
}

impl<A: Agent> IntoFuture for Connect<A> {
    type Output = Result<String, OpenError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { plan, to, alias, codec } = self;
            let codec = codec.or_else(|| AnyCodec::by_name(&to.codec));
            let codec = codec.ok_or_else(|| OpenError::Codec { codec: to.codec.clone() })?;
            let alias = alias.unwrap_or_else(|| Name::random().to_string());
            let cx = plan.cx.clone();
            let reserved = cx.cell.sockets.reserve(alias.clone())?;
            let kind = to.kind.twin();
            plan.open(&reserved, kind, Side::Connect(to), codec).await?.put(reserved)?;
            Ok(alias)
        })
    }
}

enum Side {
    Bind(Endpoint),
    Connect(Addr),
}

impl Open {
    fn put(self, reserved: Reserved<'_>) -> Result<Addr, OpenError> {
        let addr = self.addr.clone();
        reserved.fill(self)?;
        Ok(addr)
    }
}

/// Opens a socket of one type with all that was chosen.
macro_rules! open {
    ($plan:ident, $side:ident, $codec:ident, $failed:ident, $socket:ty $(, $more:ident)?) => {{
        let builder = match &$side {
            Side::Bind(at) => <$socket>::bind(at.clone()),
            Side::Connect(to) => <$socket>::connect(to.endpoint.clone()),
        };
        let builder = $plan.options(builder).codec(wire::encoded(&$codec));
        $(let builder = $plan.$more(builder);)?
        let socket = builder.await.map_err($failed)?;
        let endpoint = socket.endpoint().clone();
        (socket, endpoint)
    }};
}

impl<A: Agent> Plan<A> {
    fn new(cx: Context<A>) -> Self {
        Self { cx, handler: None, high_water: None, overflow: None, subscriptions: Vec::new() }
    }

    async fn open(
        mut self,
        reserved: &Reserved<'_>,
        kind: Kind,
        side: Side,
        codec: AnyCodec,
    ) -> Result<Open, OpenError> {
        let alias = reserved.alias();
        let failed = |source| match &side {
            Side::Bind(_) => OpenError::Bind { alias: alias.to_owned(), source },
            Side::Connect(to) => OpenError::Connect { to: Box::new(to.clone()), source },
        };
        let handler = self.handler.take();
        if matches!(kind, Kind::Pub | Kind::Push | Kind::Req) && handler.is_some() {
            return Err(OpenError::HandlerUnused { kind });
        }
        let (socket, endpoint) = match kind {
            Kind::Pub => {
                let (socket, endpoint) = open!(self, side, codec, failed, Publisher<Bytes>);
                (Socket::Pub(socket), endpoint)
            }
            Kind::Push => {
                let (socket, endpoint) = open!(self, side, codec, failed, Push<Bytes>);
                (Socket::Push(socket), endpoint)
            }
            Kind::Req => {
                let (socket, endpoint) = open!(self, side, codec, failed, Requester<Bytes, Bytes>);
                (Socket::Req(socket), endpoint)
            }
            Kind::Pull => {
                let (socket, endpoint) = open!(self, side, codec, failed, Pull<Bytes>);
                let socket = match handler {
                    Some(handler) => self.pump(socket, alias, &codec, handler),
                    None => Socket::Pull(tokio::sync::Mutex::new(socket)),
                };
                (socket, endpoint)
            }
            Kind::Sub => {
                let (socket, endpoint) =
                    open!(self, side, codec, failed, Subscriber<Bytes>, subscribed);
                let socket = match handler {
                    Some(handler) => self.pump(socket, alias, &codec, handler),
                    None => Socket::Sub(tokio::sync::Mutex::new(socket)),
                };
                (socket, endpoint)
            }
            Kind::Rep => {
                let handler = handler.ok_or(OpenError::HandlerRequired { kind })?;
                let (socket, endpoint) = open!(self, side, codec, failed, Replier<Bytes, Bytes>);
                (self.pump(socket, alias, &codec, handler), endpoint)
            }
        };
        let addr = Addr { endpoint, kind, codec: codec.name().to_owned() };
        Ok(Open { addr, codec, socket })
    }

    fn pump<S: Source>(
        &self,
        source: S,
        alias: &str,
        codec: &AnyCodec,
        handler: AnyHandler<A>,
    ) -> Socket {
        Socket::Handled(Pump::start(source, alias, codec.clone(), handler, &self.cx.cell))
    }

    fn options<S>(&self, mut builder: Builder<S>) -> Builder<S> {
        if let Some(messages) = self.high_water {
            builder = builder.high_water(messages);
        }
        if let Some(overflow) = self.overflow {
            builder = builder.overflow(overflow);
        }
        builder
    }

    fn subscribed<T>(&self, builder: Builder<Subscriber<T>>) -> Builder<Subscriber<T>> {
        if self.subscriptions.is_empty() {
            return builder.subscribe("");
        }
        self.subscriptions.iter().fold(builder, |builder, prefix| builder.subscribe(prefix))
    }
}
