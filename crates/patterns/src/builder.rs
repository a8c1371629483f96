//! How sockets are opened: optional things are methods, `.await` opens.

mod common;
mod kinds;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

use gleis_codec::Message;
use gleis_core::{Endpoint, EndpointError};

pub use crate::builder::kinds::{Conflates, Queues, Receives, Sends, Subscribes};
use crate::error::OpenError;
use crate::options::{Settings, Side};
use crate::{
    Dealer, Pair, Publisher, Pull, Push, Replier, Requester, Router, Subscriber, XPub, XSub,
};

/// A socket about to be opened: choose, then `.await`.
///
/// Every option has a default, all limits are on, and the order of the calls does not matter: see
/// `docs/options.md` for all of them with their prices.
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
                    $socket::open(self.side, at, self.settings.complete()).await
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
