//! Answers each request once.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Message as Frames, SocketType};

use crate::core::Core;
use crate::envelope::split_request;
use crate::error::{OpenError, RecvError};
use crate::event::chain;
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::reply::{ReplyHandle, Return};
use crate::socket::shared;
use crate::stats::{Counters, Stats};
use crate::taker::Taker;

/// How long an answer waits for a requester that does not take its answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes requests from all its peers, one of each in turn, and answers each once.
///
/// Dropping it closes it at once; requests that were not taken are lost, and their requesters learn
/// that their peer is gone.
pub struct Replier<Q, R> {
    core: Arc<Core>,
    limits: Limits,
    patience: Duration,
    sent: Arc<Counters>,
    taker: Taker,
    value: PhantomData<fn(Q) -> R>,
}

impl<Q: Message, R: Message> Replier<Q, R> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let intake = Arc::new(Intake::new(settings.options.recv_high_water));
        let (limits, sent) = (settings.limits(), Arc::new(Counters::default()));
        let patience = settings.timeout.unwrap_or(PATIENCE);
        let core = Core::new::<Q>(SocketType::Router, settings, intake.clone(), sent.clone());
        core.open(side, at).await?;
        let taker = Taker::new(intake);
        Ok(Self { core, limits, patience, sent, taker, value: PhantomData })
    }

    /// Waits for the next request, which comes with the handle to answer it.
    ///
    /// # Errors
    /// [`RecvError`]; except after `Closed` the next call goes on with the next request. Whoever sent
    /// a request that cannot be decoded is answered with an error.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: the request stays in the queue.
    pub async fn recv(&mut self) -> Result<(Q, ReplyHandle<R>), RecvError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next request: what [`recv`](Self::recv) awaits.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Q, ReplyHandle<R>), RecvError>> {
        let (limits, patience, sent) = (self.limits, self.patience, &self.sent);
        let to = |link: &Arc<Link>, envelope| Return {
            envelope,
            limits,
            link: link.clone(),
            patience,
            sent: sent.clone(),
        };
        self.taker.poll_next(cx, |link, message| open(link, message, to, &limits).map(Some))
    }

    /// What became of the requests (received) and answers (sent).
    pub fn stats(&self) -> Stats {
        self.core.stats(self.taker.flow())
    }
}

fn open<Q: Message, R: Message>(
    link: &Arc<Link>,
    message: Frames,
    to: impl Fn(&Arc<Link>, Vec<bytes::Bytes>) -> Return,
    limits: &Limits,
) -> Result<(Q, ReplyHandle<R>), RecvError> {
    let (envelope, body) = match split_request(message) {
        Ok(parts) => parts,
        Err((envelope, frames)) => {
            let error = RecvError::Frames { peer: link.address().to_owned(), frames };
            to(link, envelope).fail_now(chain(&error));
            return Err(error);
        }
    };
    match unpack(body, link, limits) {
        Ok(request) => Ok((request, ReplyHandle::new(to(link, envelope)))),
        Err(error) => {
            // The requester knows its own address; what it needs is the reason.
            let reason = std::error::Error::source(&error).map_or_else(|| chain(&error), chain);
            to(link, envelope).fail_now(reason);
            Err(error)
        }
    }
}

impl<Q, R> fmt::Debug for Replier<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replier").field("core", &self.core).finish_non_exhaustive()
    }
}
