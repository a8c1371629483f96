//! Talks to exactly one peer.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::Message;
use gleis_core::Endpoint;
use gleis_transport::SocketType;

use crate::core::Core;
use crate::error::{OpenError, RequestError};
use crate::exchange::Exchange;
use crate::local::Outgoing;
use crate::options::{Settings, Side};
use crate::pull::Bodies;
use crate::receiving::Receiving;
use crate::sending::Sending;
use crate::socket::{receives, sends, shared, streams};

/// Talks to exactly one peer, another [`Pair`]: sends `S`, receives `R`.
///
/// A second peer is refused and told so, and tries again until the first has gone; that it was
/// refused is an [`Event::HandshakeFailed`](crate::Event) here, and the reason of a
/// [`Disconnected`](crate::Event) there. Connecting while another peer is there is an error.
///
/// Without a peer, or without room, it does what [`Overflow`](crate::Overflow) says; by default the
/// send waits. May be shared between tasks. Dropping it closes it at once; what waits is lost.
pub struct Pair<S, R = S> {
    core: Arc<Core>,
    receiving: Receiving<Bodies<R>>,
    sending: Sending,
    value: PhantomData<fn(S)>,
}

impl<S: Message, R: Message> Pair<S, R> {
    shared!(receiving);
    sends!(S);
    receives!(R);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let exchange = Arc::new(Exchange::exclusive(&settings));
        let reader = Bodies::new(settings.limits());
        let receiving = Receiving::new(exchange.intake.clone(), reader, settings.recv_timeout);
        let ring = exchange.ring.clone();
        let core = Core::new::<S>(SocketType::Pair, settings, exchange);
        let sending = Sending::new(ring, core.ledger().clone(), core.settings());
        core.open(side, at).await?;
        Ok(Self { core, receiving, sending, value: PhantomData })
    }

    /// Sends `message` and waits for what comes next: for a talk in which each side speaks in turn.
    ///
    /// Nothing ties the answer to the question: what the peer said before it heard the question
    /// counts as well, and so does what another task was to receive. A peer that leaves without an
    /// answer is waited for, unless there is a [`recv_timeout`](crate::Builder::recv_timeout).
    ///
    /// # Errors
    /// [`RequestError`]; `DeadlineExceeded` tells whether the message was sent.
    ///
    /// # Cancel safety
    /// A dropped future has sent the message or not; an answer that comes is there for the next
    /// [`recv`](Self::recv).
    pub async fn send_recv(&self, message: impl Outgoing<S>) -> Result<R, RequestError> {
        self.send(message).await.map_err(RequestError::not_sent)?;
        self.recv().await.map_err(RequestError::not_answered)
    }
}

streams!(Pair<S, R>, R);

impl<S, R> fmt::Debug for Pair<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("core", &self.core).finish_non_exhaustive()
    }
}
