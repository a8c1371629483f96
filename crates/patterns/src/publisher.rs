//! Sends each message to whoever subscribed to its topic.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::Message;
use gleis_core::Endpoint;
use gleis_transport::SocketType;

use crate::audience::Audience;
use crate::core::Core;
use crate::error::OpenError;
use crate::options::{Settings, Side};
use crate::publishing::Publishing;
use crate::socket::{publishes, shared};

/// Sends each message to every peer that subscribed to its topic.
///
/// A message is encoded once, or cloned once for all peers on inproc. A peer without room misses the
/// new message, which is counted, unless another [`Overflow`](crate::Overflow) is chosen; a gleis
/// subscriber is told how many it missed. May be shared between tasks. Dropping it closes it at once.
pub struct Publisher<T> {
    core: Arc<Core>,
    publishing: Publishing,
    value: PhantomData<fn(T)>,
}

impl<T: Message> Publisher<T> {
    shared!();
    publishes!(T);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let audience = Arc::new(Audience::deaf::<T>(&settings));
        let core = Core::new::<T>(SocketType::Pub, settings, audience.clone());
        core.open(side, at).await?;
        let publishing = Publishing::new(audience, core.ledger().clone(), core.settings());
        Ok(Self { core, publishing, value: PhantomData })
    }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("core", &self.core).finish_non_exhaustive()
    }
}
