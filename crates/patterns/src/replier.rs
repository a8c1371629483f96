//! Answers each request once.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Head, Inbound, SocketType};

use crate::core::Core;
use crate::envelope::split_request;
use crate::error::{OpenError, RecvError};
use crate::event::chain;
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::receiving::{Reader, Receiving};
use crate::reply::{ReplyHandle, Return};
use crate::socket::{receives, shared, streams};

/// How long an answer waits for a requester that does not take its answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes requests from all its peers, one of each in turn, and answers each once.
///
/// Dropping it closes it at once; requests that were not taken are lost, and their requesters learn
/// that their peer is gone.
pub struct Replier<Q, R> {
    core: Arc<Core>,
    receiving: Receiving<Requests<Q, R>>,
}

impl<Q: Message, R: Message> Replier<Q, R> {
    shared!(receiving);
    receives!((Q, ReplyHandle<R>));

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let intake = Arc::new(Intake::new(&settings));
        let patience = settings.timeout.unwrap_or(PATIENCE);
        let reader = Requests { limits: settings.limits(), patience, value: PhantomData };
        let receiving = Receiving::new(intake.clone(), reader, settings.recv_timeout);
        let core = Core::new::<Q>(SocketType::Router, settings, intake);
        core.open(side, at).await?;
        Ok(Self { core, receiving })
    }
}

streams!(Replier<Q, R>, (Q, ReplyHandle<R>));

/// Reads requests, and says where their answers go.
struct Requests<Q, R> {
    limits: Limits,
    patience: Duration,
    value: PhantomData<fn(Q) -> R>,
}

impl<Q, R> Requests<Q, R> {
    fn way_back(&self, link: &Arc<Link>, envelope: Head) -> Return {
        Return { envelope, limits: self.limits, link: link.clone(), patience: self.patience }
    }
}

impl<Q: Message, R: Message> Reader for Requests<Q, R> {
    type Item = (Q, ReplyHandle<R>);

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Self::Item>, RecvError> {
        let Inbound::Message(message) = item else {
            return Ok(None);
        };
        let (envelope, value) = match split_request(message) {
            Ok(parts) => parts,
            Err(frames) => {
                let error = RecvError::Frames { peer: link.address().to_owned(), frames };
                self.way_back(link, Head::new()).fail_now(chain(&error));
                return Err(error);
            }
        };
        match unpack(value, link, &self.limits) {
            Ok(request) => Ok(Some((request, ReplyHandle::new(self.way_back(link, envelope))))),
            Err(error) => {
                // The requester knows its own address; what it needs is the reason.
                let reason = std::error::Error::source(&error).map_or_else(|| chain(&error), chain);
                self.way_back(link, envelope).fail_now(reason);
                Err(error)
            }
        }
    }
}

impl<Q, R> fmt::Debug for Replier<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replier").field("core", &self.core).finish_non_exhaustive()
    }
}
