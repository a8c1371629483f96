//! Answers requests, now or later.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use gleis_codec::Message;
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::OpenError;

use crate::builder::{Answers, Builder, Channel, Side, sealed};
use crate::error::RecvError;
use crate::handler::{self, Method, Outcome, State};
use crate::office::OfficeOwner;
use crate::reply::Reply;
use crate::serving::{self, Serving};
use crate::settings::Settings;
use crate::stats::ReplyStats;

/// Takes requests of [`AsyncRequester`](crate::AsyncRequester)s in the order they come, and answers each
/// once: early, and goes on working; or later, from another task.
///
/// Requests are [received](Self::recv) by hand, or given to a handler: one that
/// [returns the answer](Self::serve), or one that [takes the request whole](Self::serve_asked). Without
/// either they wait, and their requesters run into their deadlines.
///
/// A request that was given up before it was taken is never handed out; neither is one whose deadline
/// has passed. Dropping the channel closes it at once, and its requesters learn that it is gone.
pub struct AsyncReplier<Q, R> {
    owner: OfficeOwner,
    value: PhantomData<fn(Q) -> R>,
}

impl<Q: Message, R: Message> sealed::Open for AsyncReplier<Q, R> {
    type More = ();

    async fn open(side: Side, at: Endpoint, settings: Settings, (): ()) -> Result<Self, OpenError> {
        let owner = OfficeOwner::open::<Q>(side, at, settings, None).await?;
        Ok(Self { owner, value: PhantomData })
    }
}

impl<Q: Message, R: Message> Channel for AsyncReplier<Q, R> {}
impl<Q: Message, R: Message> Answers for AsyncReplier<Q, R> {}

impl<Q: Message, R: Message> AsyncReplier<Q, R> {
    /// Opens a channel that requesters connect to. Port 0 and `ipc://*` let the system choose: see
    /// [`endpoint`](Self::endpoint).
    pub fn bind<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Bind, at)
    }

    /// Opens a channel that connects to a requester that is [bound](crate::AsyncRequester::bind), and again
    /// whenever the link breaks. That it is not there *yet* is no error.
    pub fn connect<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Connect, at)
    }

    answering!();
}

impl<Q, R> fmt::Debug for AsyncReplier<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReplier")
            .field("endpoint", self.owner.office.router.endpoint())
            .finish_non_exhaustive()
    }
}
