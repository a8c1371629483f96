//! Hands each message to one of its peers.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::Message;
use gleis_core::Endpoint;
use gleis_transport::SocketType;

use crate::core::Core;
use crate::error::OpenError;
use crate::options::{Settings, Side};
use crate::outlet::Outlet;
use crate::sending::Sending;
use crate::socket::{sends, shared};

/// Hands each message to one of its peers that has room, in turn.
///
/// Without such a peer it does what [`Overflow`](crate::Overflow) says; by default the send waits. May
/// be shared between tasks. Dropping it closes it at once; [`close`](Self::close) waits for what is
/// queued.
pub struct Push<T> {
    pub(crate) core: Arc<Core>,
    pub(crate) sending: Sending,
    value: PhantomData<fn(T)>,
}

impl<T: Message> Push<T> {
    shared!();
    sends!(T);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let outlet = Arc::new(Outlet::default());
        let ring = outlet.ring.clone();
        let core = Core::new::<T>(SocketType::Push, settings, outlet);
        let sending = Sending::new(ring, core.ledger().clone(), core.settings());
        core.queue_in(sending.front());
        core.open(side, at).await?;
        Ok(Self { core, sending, value: PhantomData })
    }
}

impl<T> fmt::Debug for Push<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("core", &self.core).finish_non_exhaustive()
    }
}
