//! Makes the socket behind an alias, of whatever kind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_channels::{AsyncReplier, AsyncRequester, SyncPublisher, SyncSubscriber};
use gleis_codec::AnyCodec;
use gleis_core::Endpoint;
use gleis_patterns::{
    Multipart, OpenError, Overflow, Publisher, Pull, Push, Replier, Requester, Subscriber, XPub,
    XSub,
};
use gleis_transport::Network;

use super::{
    Addr, Kind,
    carrier::{Socket, filter},
    glue::Glue,
    wire,
};

/// Which side opens it.
pub(super) enum Side {
    Bind(Endpoint),
    Connect(Addr),
}

impl Side {
    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Bind(at) => at.clone(),
            Self::Connect(to) => to.endpoint.clone(),
        }
    }

    /// The error of an agent that could not open it.
    pub(super) fn failed(self, alias: &str, source: OpenError) -> super::OpenError {
        match self {
            Self::Bind(_) => super::OpenError::Bind { alias: alias.to_owned(), source },
            Self::Connect(to) => super::OpenError::Connect { to: Box::new(to), source },
        }
    }
}

/// What was chosen for a socket.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Options {
    /// Whether topics are as those of osBrain.
    pub(super) is_glued: bool,
    pub(super) high_water: Option<usize>,
    pub(super) linger: Option<Duration>,
    pub(super) overflow: Option<Overflow>,
    pub(super) queue_without_peer: bool,
    pub(super) ready: Option<Duration>,
    pub(super) subscriptions: Vec<Bytes>,
}

/// The socket of a pattern, which is opened from either side.
macro_rules! pattern {
    ($options:ident, $side:ident, $codec:ident, $network:ident, $socket:ty) => {{
        let builder = match $side {
            Side::Bind(at) => <$socket>::bind(at.clone()),
            Side::Connect(to) => <$socket>::connect(to.endpoint.clone()),
        };
        let mut builder = builder.codec(wire::encoded($codec));
        if let Some(network) = $network {
            builder = builder.network(network.clone());
        }
        if let Some(messages) = $options.high_water {
            builder = builder.high_water(messages);
        }
        if let Some(linger) = $options.linger {
            builder = builder.linger(linger);
        }
        if let Some(overflow) = $options.overflow {
            builder = builder.overflow(overflow);
        }
        if let Some(timeout) = $options.ready {
            builder = builder.ready(timeout);
        }
        builder
    }};
}

/// A channel, which has one side that it is opened from.
macro_rules! channel {
    ($options:ident, $codec:ident, $network:ident, $builder:expr) => {
        $builder.codec(wire::encoded($codec)).options($options.transport($network))
    };
}

impl Options {
    /// What a socket keeps of them.
    pub(super) fn lasting(&self) -> Self {
        Self { ready: None, subscriptions: Vec::new(), ..self.clone() }
    }

    /// Opens a socket of this kind; everything in it is bytes of `codec`.
    pub(super) async fn open(
        &self,
        kind: Kind,
        side: &Side,
        codec: &AnyCodec,
        network: Option<&Arc<dyn Network>>,
    ) -> Result<Socket, OpenError> {
        let raw = &AnyCodec::Raw;
        let glue = Glue { is_raw: codec.name() == AnyCodec::Raw.name() };
        let socket = match kind {
            Kind::AsyncRep => {
                let builder = AsyncReplier::<Bytes, Bytes>::bind(side.endpoint());
                Socket::AsyncRep(channel!(self, codec, network, builder).await?)
            }
            Kind::AsyncReq => {
                let builder = AsyncRequester::<Bytes, Bytes>::connect(side.endpoint());
                let builder = channel!(self, codec, network, builder);
                Socket::AsyncReq(match self.ready {
                    Some(timeout) => builder.ready(timeout).await?,
                    None => builder.await?,
                })
            }
            Kind::Pub if self.is_glued => {
                let builder = pattern!(self, side, raw, network, XPub<Multipart>);
                Socket::GluedPub(builder.await?, glue)
            }
            Kind::Sub if self.is_glued => {
                let builder = pattern!(self, side, raw, network, XSub<Multipart>);
                let wanted = self.subscriptions.iter();
                let builder = wanted.fold(builder, |it, topic| it.subscribe(filter(topic)));
                Socket::GluedSub(builder.await?, glue)
            }
            Kind::Pub => Socket::Pub(pattern!(self, side, codec, network, Publisher<Bytes>).await?),
            Kind::Pull => Socket::Pull(pattern!(self, side, codec, network, Pull<Bytes>).await?),
            Kind::Push => {
                let mut builder = pattern!(self, side, codec, network, Push<Bytes>);
                if self.queue_without_peer {
                    builder = builder.queue_without_peer();
                }
                Socket::Push(builder.await?)
            }
            Kind::Rep => {
                Socket::Rep(pattern!(self, side, codec, network, Replier<Bytes, Bytes>).await?)
            }
            Kind::Req => {
                Socket::Req(pattern!(self, side, codec, network, Requester<Bytes, Bytes>).await?)
            }
            Kind::Sub => {
                let builder = pattern!(self, side, codec, network, Subscriber<Bytes>);
                let wanted = self.subscriptions.iter();
                Socket::Sub(wanted.fold(builder, |it, topic| it.subscribe(filter(topic))).await?)
            }
            Kind::SyncPub => {
                let builder = SyncPublisher::<Bytes, Bytes, Bytes>::bind(side.endpoint());
                Socket::SyncPub(channel!(self, codec, network, builder).await?)
            }
            Kind::SyncSub => Socket::SyncSub(self.sync_sub(side, codec, network).await?),
        };
        Ok(socket)
    }

    async fn sync_sub(
        &self,
        side: &Side,
        codec: &AnyCodec,
        network: Option<&Arc<dyn Network>>,
    ) -> Result<SyncSubscriber<Bytes, Bytes, Bytes>, OpenError> {
        let builder = SyncSubscriber::<Bytes, Bytes, Bytes>::connect(side.endpoint());
        let builder = channel!(self, codec, network, builder);
        let builder = match self.ready {
            Some(timeout) => builder.ready(timeout),
            None => builder,
        };
        self.subscriptions.iter().fold(builder, |it, topic| it.subscribe(filter(topic))).await
    }

    fn transport(&self, network: Option<&Arc<dyn Network>>) -> gleis_channels::Options {
        let mut options = gleis_channels::Options::default();
        options.network = network.cloned();
        if let Some(messages) = self.high_water {
            options.recv_high_water.messages = messages;
            options.send_high_water.messages = messages;
        }
        if let Some(linger) = self.linger {
            options.linger = linger;
        }
        options
    }
}
