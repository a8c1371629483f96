//! Takes messages from all its peers.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Message as Frames, SocketType};

use crate::core::Core;
use crate::error::{OpenError, RecvError};
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::socket::shared;
use crate::stats::{Counters, Stats};
use crate::taker::Taker;

/// Takes messages from all its peers, one of each in turn.
///
/// When it is not read, peers wait once their [high-water mark](crate::Builder::high_water) is
/// reached. Dropping it closes it at once; what waits is lost.
pub struct Pull<T> {
    core: Arc<Core>,
    limits: Limits,
    taker: Taker,
    value: PhantomData<fn() -> T>,
}

impl<T: Message> Pull<T> {
    shared!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let intake = Arc::new(Intake::new(settings.options.recv_high_water));
        let limits = settings.limits();
        let sent = Arc::new(Counters::default());
        let core = Core::new::<T>(SocketType::Pull, settings, intake.clone(), sent);
        core.open(side, at).await?;
        Ok(Self { core, limits, taker: Taker::new(intake), value: PhantomData })
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`RecvError`]; except after `Closed` the next call goes on with the next message.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: the message stays in the queue.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next message: what [`recv`](Self::recv) awaits.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let limits = &self.limits;
        self.taker.poll_next(cx, |link, message| open(link, message, limits))
    }

    /// What became of the messages.
    pub fn stats(&self) -> Stats {
        self.core.stats(self.taker.flow())
    }
}

fn open<T: Message>(link: &Link, message: Frames, limits: &Limits) -> Result<Option<T>, RecvError> {
    if !message.head.is_empty() {
        let frames = message.head.len() + 1;
        return Err(RecvError::Frames { peer: link.address().to_owned(), frames });
    }
    unpack(message.body, link, limits).map(Some)
}

impl<T> fmt::Debug for Pull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pull").field("core", &self.core).finish_non_exhaustive()
    }
}
