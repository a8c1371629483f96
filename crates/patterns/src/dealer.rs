//! Sends to its peers in turn and receives from all of them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::Message;
use gleis_core::Endpoint;
use gleis_transport::SocketType;

use crate::core::Core;
use crate::error::OpenError;
use crate::exchange::Exchange;
use crate::options::{Settings, Side};
use crate::pull::Bodies;
use crate::receiving::Receiving;
use crate::sending::Sending;
use crate::socket::{receives, sends, shared, streams};

/// Sends `S` to its peers in turn, as [`Push`](crate::Push) does, and takes `R` from all of them
/// fairly, as [`Pull`](crate::Pull) does: a [`Requester`](crate::Requester) without the
/// bookkeeping.
///
/// A message is its body and nothing else: no id ties an answer to a question. Where the peer expects
/// an envelope, as a [`Replier`](crate::Replier) or a foreign `REP` does, say it in frames with a
/// `Dealer<Multipart>`: `["", body]` is answered with `["", answer]`, and further frames before the
/// empty one come back as they were.
///
/// Without a peer that has room it does what [`Overflow`](crate::Overflow) says; by default the
/// send waits. May be shared between tasks. Dropping it closes it at once; what waits is lost.
pub struct Dealer<S, R = S> {
    pub(crate) core: Arc<Core>,
    receiving: Receiving<Bodies<R>>,
    pub(crate) sending: Sending,
    value: PhantomData<fn(S)>,
}

impl<S: Message, R: Message> Dealer<S, R> {
    shared!(receiving);
    sends!(S);
    receives!(R);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let exchange = Arc::new(Exchange::new(&settings));
        let reader = Bodies::new(settings.limits());
        let receiving = Receiving::new(exchange.intake.clone(), reader, settings.recv_timeout);
        let ring = exchange.ring.clone();
        let core = Core::new::<S>(SocketType::Dealer, settings, exchange);
        let sending = Sending::new(ring, core.ledger().clone(), core.settings());
        core.queue_in(sending.front());
        core.open(side, at).await?;
        Ok(Self { core, receiving, sending, value: PhantomData })
    }
}

streams!(Dealer<S, R>, R);

impl<S, R> fmt::Debug for Dealer<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dealer").field("core", &self.core).finish_non_exhaustive()
    }
}
