//! Takes messages from all its peers.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Inbound, SocketType};

use crate::core::Core;
use crate::error::{OpenError, RecvError};
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::receiving::{Reader, Receiving};
use crate::socket::{receives, shared, streams};

/// Takes messages from all its peers, one of each in turn.
///
/// When it is not read, peers wait once their [high-water mark](crate::Builder::high_water) is
/// reached. May be shared between tasks; each message goes to one of them. Dropping it closes it at
/// once; what waits is lost.
pub struct Pull<T> {
    pub(crate) core: Arc<Core>,
    receiving: Receiving<Bodies<T>>,
}

impl<T: Message> Pull<T> {
    shared!(receiving);
    receives!(T);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let intake = Arc::new(Intake::new(&settings));
        let reader = Bodies::new(settings.limits());
        let receiving = Receiving::new(intake.clone(), reader, settings.recv_timeout);
        let core = Core::new::<T>(SocketType::Pull, settings, intake);
        core.open(side, at).await?;
        Ok(Self { core, receiving })
    }
}

streams!(Pull<T>, T);

/// Reads messages that are nothing but a value.
pub(crate) struct Bodies<T> {
    limits: Limits,
    value: PhantomData<fn() -> T>,
}

impl<T> Bodies<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, value: PhantomData }
    }
}

impl<T: Message> Reader for Bodies<T> {
    type Item = T;

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<T>, RecvError> {
        match item {
            Inbound::Control(_) => Ok(None),
            Inbound::Message(message) => unpack(message, link, &self.limits).map(Some),
        }
    }
}

impl<T> fmt::Debug for Pull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pull").field("core", &self.core).finish_non_exhaustive()
    }
}
