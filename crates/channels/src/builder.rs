//! How channels are opened: optional things are methods, `.await` opens.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::OpenError;
use gleis_transport::Options;

use crate::settings::Settings;

/// A channel about to be opened: choose, then `.await`.
///
/// Every option has a default, and the order of the calls does not matter, except that
/// [`options`](Self::options) replaces what [`high_water`](Self::high_water) said before.
///
/// # Errors
/// Opening gives [`OpenError`]. That nobody listens *yet* is no error: connecting goes on in the
/// background.
#[must_use = "a builder opens nothing until it is awaited"]
pub struct Builder<C: Channel> {
    at: Result<Endpoint, EndpointError>,
    pub(crate) more: C::More,
    settings: Settings,
    side: Side,
}

/// Which side of its links a channel is. It is public in name only.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// Others connect to it.
    Bind,
    /// It connects.
    Connect,
}

/// The channels that a [`Builder`] opens.
pub trait Channel: sealed::Open {}

/// Channels that ask.
pub trait Asks: Channel {}

/// Channels that answer.
pub trait Answers: Channel {}

pub(crate) mod sealed {
    use super::{Endpoint, Future, OpenError, Settings, Side};

    /// The channels of this crate and no others.
    pub trait Open: Sized + Send + 'static {
        /// What channels of this kind are told beside what all are told.
        type More: Default + Send + 'static;

        fn open(
            side: Side,
            at: Endpoint,
            settings: Settings,
            more: Self::More,
        ) -> impl Future<Output = Result<Self, OpenError>> + Send;
    }
}

impl<C: Channel> Builder<C> {
    pub(crate) fn new<E>(side: Side, at: E) -> Self
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        let at = at.try_into().map_err(Into::into);
        Self { at, more: C::More::default(), settings: Settings::default(), side }
    }

    /// The codec that this side asks or publishes in; [`AnyCodec::default_for`] its type by default.
    /// Answers come in the codec of their requests, so both sides may differ as long as the codecs
    /// are built in; one of your own has to be given to both.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.settings.codec = Some(codec);
        self
    }

    /// How many messages may wait per peer, in each direction; 1,000 by default. What waits costs
    /// memory and gets old; with little room publications are missed sooner.
    pub fn high_water(mut self, messages: usize) -> Self {
        self.settings.options.recv_high_water.messages = messages;
        self.settings.options.send_high_water.messages = messages;
        self
    }

    /// All limits and times of the links: see [`Options`].
    pub fn options(mut self, options: Options) -> Self {
        self.settings.options = options;
        self
    }
}

impl<C: Asks> Builder<C> {
    /// How many requests may be in flight at a time, answers that were not taken yet included;
    /// 10,000 by default. One more is refused as [`Full`](crate::RequestError::Full).
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.settings.max_in_flight = requests;
        self
    }

    /// Opening waits until the peer is there, and fails after `timeout` otherwise. By default it waits
    /// 250 ms, and goes on connecting in the background.
    pub fn ready(mut self, timeout: Duration) -> Self {
        self.settings.ready = Some(timeout);
        self
    }

    /// How long a request waits for its answer unless it says [otherwise](crate::Request::within); 10 s
    /// by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }
}

impl<C: Answers> Builder<C> {
    /// How long an answer waits for a requester that does not take what it is sent; 1 s by default.
    /// Then the requester is disconnected.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }
}

impl<C: Channel> IntoFuture for Builder<C> {
    type Output = Result<C, OpenError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let at = self.at.map_err(OpenError::Endpoint)?;
            C::open(self.side, at, self.settings, self.more).await
        })
    }
}

impl<C: Channel> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("at", &self.at)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
