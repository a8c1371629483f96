//! How sockets are opened: optional things are methods, `.await` opens.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Message};
use gleis_core::{Endpoint, EndpointError};
use gleis_transport::{HighWater, Options};

use crate::error::OpenError;
use crate::filter::Filter;
use crate::options::{Overflow, Settings, Side};
use crate::{
    Dealer, Pair, Publisher, Pull, Push, Replier, Requester, Router, Subscriber, XPub, XSub,
};

/// A socket about to be opened: choose, then `.await`.
///
/// # Errors
/// Opening gives [`OpenError`]: the text is no endpoint, somebody else listens there, or the peer
/// refuses us. That nobody listens *yet* is no error: connecting goes on in the background.
#[must_use = "a builder opens nothing until it is awaited"]
pub struct Builder<S> {
    at: Result<Endpoint, EndpointError>,
    side: Side,
    settings: Settings,
    socket: PhantomData<fn() -> S>,
}

impl<S> Builder<S> {
    pub(crate) fn new<E>(side: Side, at: E) -> Self
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        let at = at.try_into().map_err(Into::into);
        Self { at, side, settings: Settings::default(), socket: PhantomData }
    }

    /// The codec, whatever the peer's is: one that speaks another is refused.
    ///
    /// Without it a binding socket uses [`AnyCodec::default_for`] its type, and a connecting one
    /// what the binding one uses.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.settings.codec = Some(codec);
        self
    }

    /// How long opening waits for the peer that is connected to; 250 ms by default. Afterwards
    /// the socket is open and connecting goes on in the background.
    pub fn connect_patience(mut self, patience: Duration) -> Self {
        self.settings.connect_patience = patience;
        self
    }

    /// How many messages may wait per peer, in each direction; 1,000 by default.
    pub fn high_water(mut self, messages: usize) -> Self {
        self.settings.options.recv_high_water.messages = messages;
        self.settings.options.send_high_water.messages = messages;
        self
    }

    /// What the peers may see as our identity; none by default.
    pub fn identity(mut self, identity: impl Into<Bytes>) -> Self {
        self.settings.options.identity = identity.into();
        self
    }

    /// How long closing waits for what is queued; 1 s by default.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.options.linger = linger;
        self
    }

    /// All limits and times at once. It replaces what was chosen by [`high_water`](Self::high_water),
    /// [`identity`](Self::identity) and [`linger`](Self::linger) before.
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = options;
        self
    }

    /// What happens to a message to be sent for which there is no room. A [`Replier`] has a
    /// patience instead, and sockets that only receive have no use for it.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.settings.overflow = Some(overflow);
        self
    }

    /// Opening waits until everything is up in both directions, and fails after `timeout` otherwise:
    /// the peer is there, and a publisher has the subscriptions. See
    /// [`ready`](crate::Push::ready) of the socket.
    pub fn ready(mut self, timeout: Duration) -> Self {
        self.settings.ready = Some(timeout);
        self
    }

    /// How much of what was received may wait per peer; 1,000 messages and 16 MiB by default.
    pub fn recv_high_water(mut self, mark: HighWater) -> Self {
        self.settings.options.recv_high_water = mark;
        self
    }

    /// How long a receive waits; for ever by default. Then it fails with
    /// [`RecvError::TimedOut`](crate::RecvError::TimedOut).
    pub fn recv_timeout(mut self, timeout: Duration) -> Self {
        self.settings.recv_timeout = Some(timeout);
        self
    }

    /// How much may wait to be sent per peer; 1,000 messages and 16 MiB by default.
    pub fn send_high_water(mut self, mark: HighWater) -> Self {
        self.settings.options.send_high_water = mark;
        self
    }

    /// How long a send waits for room; for ever by default. Then it fails with
    /// [`SendError::TimedOut`](crate::SendError::TimedOut).
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.settings.send_timeout = Some(timeout);
        self
    }
}

impl<T> Builder<Subscriber<T>> {
    /// Also receives what is published under the topics that `filter` wants; bytes and text are
    /// prefixes, the empty one is all.
    pub fn subscribe(mut self, filter: impl Into<Filter>) -> Self {
        self.settings.subscriptions.push(filter.into());
        self
    }
}

impl<T> Builder<XPub<T>> {
    /// Each subscription of each peer is told, and each one's end; by default only the first to a
    /// filter and the end of the last.
    pub fn verbose(mut self) -> Self {
        self.settings.verbose = true;
        self
    }
}

impl<T> Builder<XSub<T>> {
    /// Also receives what is published under the topics that `filter` wants; bytes and text are
    /// prefixes, the empty one is all.
    pub fn subscribe(mut self, filter: impl Into<Filter>) -> Self {
        self.settings.subscriptions.push(filter.into());
        self
    }
}

impl<Q, R> Builder<Requester<Q, R>> {
    /// How long a request waits for its answer; 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }
}

impl<Q, R> Builder<Replier<Q, R>> {
    /// How long an answer waits for a requester that does not take its answers, before that
    /// requester is disconnected; 1 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }
}

impl<S, R> Builder<Router<S, R>> {
    /// A message to a peer that is not here is dropped and counted; by default it is
    /// [`SendError::NoPeer`](crate::SendError::NoPeer).
    pub fn drop_unroutable(mut self) -> Self {
        self.settings.drop_unroutable = true;
        self
    }

    /// A peer that announces the identity of another takes it over, and the other is disconnected; by
    /// default the newcomer is refused. Whoever can reach the socket can then take anybody's place.
    pub fn handover(mut self) -> Self {
        self.settings.handover = true;
        self
    }
}

/// Makes `.await` on a builder open the socket.
macro_rules! opens {
    ($socket:ident < $($param:ident),+ >) => {
        impl<$($param: Message),+> IntoFuture for Builder<$socket<$($param),+>> {
            type Output = Result<$socket<$($param),+>, OpenError>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move {
                    let at = self.at.map_err(OpenError::Endpoint)?;
                    $socket::open(self.side, at, self.settings).await
                })
            }
        }
    };
}

opens!(Dealer<S, R>);
opens!(Pair<S, R>);
opens!(Publisher<T>);
opens!(Pull<T>);
opens!(Push<T>);
opens!(Replier<Q, R>);
opens!(Requester<Q, R>);
opens!(Router<S, R>);
opens!(Subscriber<T>);
opens!(XPub<T>);
opens!(XSub<T>);

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("at", &self.at)
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}
