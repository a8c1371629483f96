//! What the laws of the pattern suite act with.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use gleis_core::Endpoint;
use gleis_patterns::{AnyCodec, Builder, Network, OpenError, Stats};
use serde::{Deserialize, Serialize};

/// Far longer than anything takes here.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Which of two sockets binds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Binder {
    /// The first one; the second connects.
    First,
    /// The second one; the first connects.
    Second,
}

/// What a socket must offer for [`World::pair`].
pub trait Socket: Send + Sized {
    /// Begins to bind.
    fn bind_at(at: &Endpoint) -> Builder<Self>;

    /// Begins to connect.
    fn connect_at(at: &Endpoint) -> Builder<Self>;

    /// Where it is bound, or what it is connected to.
    fn at(&self) -> &Endpoint;

    /// Opens what was begun.
    fn open(builder: Builder<Self>) -> impl Future<Output = Result<Self, OpenError>> + Send;
}

macro_rules! socket {
    ($socket:ident < $($param:ident),+ >) => {
        impl<$($param: gleis_patterns::Message),+> Socket for gleis_patterns::$socket<$($param),+> {
            fn bind_at(at: &Endpoint) -> Builder<Self> {
                Self::bind(at)
            }

            fn connect_at(at: &Endpoint) -> Builder<Self> {
                Self::connect(at)
            }

            fn at(&self) -> &Endpoint {
                self.endpoint()
            }

            fn open(
                builder: Builder<Self>,
            ) -> impl Future<Output = Result<Self, OpenError>> + Send {
                builder.into_future()
            }
        }
    };
}

socket!(Dealer<S, R>);
socket!(Pair<S, R>);
socket!(Publisher<T>);
socket!(Pull<T>);
socket!(Push<T>);
socket!(Replier<Q, R>);
socket!(Requester<Q, R>);
socket!(Router<S, R>);
socket!(Subscriber<T>);
socket!(XPub<T>);
socket!(XSub<T>);

/// Makes endpoints and sockets that use them.
pub struct World {
    codec: AnyCodec,
    fresh: Box<dyn Fn() -> Endpoint + Send + Sync>,
    network: Option<Arc<dyn Network>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl World {
    /// A world whose endpoints come from `fresh` and whose values are encoded by `codec`.
    pub fn new(fresh: impl Fn() -> Endpoint + Send + Sync + 'static, codec: AnyCodec) -> Self {
        Self { codec, fresh: Box::new(fresh), network: None }
    }

    /// A world whose tcp and ipc go through `network`.
    pub fn over(
        network: Arc<dyn Network>,
        fresh: impl Fn() -> Endpoint + Send + Sync + 'static,
        codec: AnyCodec,
    ) -> Self {
        Self { network: Some(network), ..Self::new(fresh, codec) }
    }

    /// The codec of the values.
    pub fn codec(&self) -> &AnyCodec {
        &self.codec
    }

    /// An endpoint that nobody uses.
    pub fn endpoint(&self) -> Endpoint {
        (self.fresh)()
    }

    /// Begins to bind a socket of values to a fresh endpoint.
    pub fn bind<A: Socket>(&self) -> Builder<A> {
        self.bind_at(&self.endpoint())
    }

    /// Begins to bind a socket of values.
    pub fn bind_at<A: Socket>(&self, at: &Endpoint) -> Builder<A> {
        self.inside(A::bind_at(at)).codec(self.codec.clone())
    }

    /// Begins to connect a socket, which takes the codec of the other side.
    pub fn connect<A: Socket>(&self, at: &Endpoint) -> Builder<A> {
        self.inside(A::connect_at(at))
    }

    /// Two sockets of values that talk to each other.
    ///
    /// # Panics
    /// If one of them does not open.
    pub async fn pair<A: Socket, B: Socket>(&self, binder: Binder) -> (A, B) {
        let codec = Some(&self.codec);
        match binder {
            Binder::First => self.meet(codec).await,
            Binder::Second => swapped(self.meet(codec).await),
        }
    }

    /// Two sockets of what is not encoded, and so has no codec, that talk to each other.
    ///
    /// # Panics
    /// If one of them does not open.
    pub async fn bare_pair<A: Socket, B: Socket>(&self, binder: Binder) -> (A, B) {
        match binder {
            Binder::First => self.meet(None).await,
            Binder::Second => swapped(self.meet(None).await),
        }
    }

    /// The first one binds.
    async fn meet<A: Socket, B: Socket>(&self, codec: Option<&AnyCodec>) -> (A, B) {
        let binding = self.inside(A::bind_at(&self.endpoint()));
        let binding = match codec {
            None => binding,
            Some(codec) => binding.codec(codec.clone()),
        };
        let a = A::open(binding).await.expect("a fresh endpoint opens");
        let b = B::open(self.connect(a.at())).await.expect("somebody is bound there");
        (a, b)
    }

    fn inside<A>(&self, builder: Builder<A>) -> Builder<A> {
        match &self.network {
            None => builder,
            Some(network) => builder.network(network.clone()),
        }
    }
}

impl Binder {
    /// Both ways.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];
}

fn swapped<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

/// What is sent about.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Job {
    pub(super) id: u32,
    name: String,
}

/// The job of this number.
pub(super) fn job(id: u32) -> Job {
    Job { id, name: format!("job {id}") }
}

/// Every message of the socket, and of each of its peers, is accounted for.
#[track_caller]
pub(super) fn check_balance(stats: &Stats) {
    let peers = stats.peers.iter().flat_map(|it| [&it.sent, &it.received]);
    for flow in peers.chain([&stats.sent, &stats.received]) {
        assert!(flow.is_balanced(), "{flow:?} of {stats:?}");
    }
}
