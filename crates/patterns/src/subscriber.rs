//! Receives what it subscribed to.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Control, Inbound, Message as Frames, SocketType};

use crate::commands::Word;
use crate::core::Core;
use crate::error::{OpenError, RecvError};
use crate::intake::Intake;
use crate::local::unpack;
use crate::options::{Settings, Side};
use crate::peer::Link;
use crate::receiving::{Reader, Receiving};
use crate::socket::{receives, shared, streams, subscribes};
use crate::wishes::Wishes;

/// Receives what is published under the topics that one of its [filters](crate::Filter) wants; at first it
/// has none and receives nothing.
///
/// Its filters are told to every publisher it is connected to, and again after each reconnect.
/// Dropping it closes it at once.
pub struct Subscriber<T> {
    core: Arc<Core>,
    receiving: Receiving<Publications<T>>,
    wishes: Arc<Wishes>,
}

/// A message and the topic it was published under.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication<T> {
    /// The message.
    pub message: T,
    /// What it was published under; empty if the publisher, a foreign one, puts no topic before
    /// its messages.
    pub topic: Bytes,
}

impl<T: Message> Subscriber<T> {
    shared!(receiving);
    receives!(Publication<T>);
    subscribes!();

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let mut settings = settings;
        let intake = Arc::new(Intake::new(&settings));
        let filters = std::mem::take(&mut settings.subscriptions);
        let wishes = Arc::new(Wishes::new(intake.clone(), filters));
        let reader = Publications::new(settings.limits(), wishes.clone());
        let receiving = Receiving::new(intake, reader, settings.recv_timeout);
        let core = Core::new::<T>(SocketType::Sub, settings, wishes.clone());
        core.open(side, at).await?;
        Ok(Self { core, receiving, wishes })
    }
}

streams!(Subscriber<T>, Publication<T>);

/// Reads publications that are wanted.
pub(crate) struct Publications<T> {
    limits: Limits,
    value: PhantomData<fn() -> T>,
    wishes: Arc<Wishes>,
}

impl<T: Message> Publications<T> {
    pub(crate) fn new(limits: Limits, wishes: Arc<Wishes>) -> Self {
        Self { limits, value: PhantomData, wishes }
    }

    /// Reads `[topic, body]`, or the single frame of a foreign publisher, which begins with its topic.
    fn open(&self, link: &Link, message: Frames) -> Result<Option<Publication<T>>, RecvError> {
        if !self.wishes.want_message(&message) {
            return Ok(None);
        }
        let Frames { mut head, body } = message;
        let topic = head.pop_first().unwrap_or_default();
        let message = unpack(Frames { head, body }, link, &self.limits)?;
        Ok(Some(Publication { message, topic }))
    }
}

impl<T: Message> Reader for Publications<T> {
    type Item = Publication<T>;

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Self::Item>, RecvError> {
        match item {
            Inbound::Control(control) => gap(link, &control).map_or(Ok(None), Err),
            Inbound::Message(message) => self.open(link, message),
        }
    }
}

/// What a publisher says that it dropped.
pub(crate) fn gap(link: &Link, control: &Control) -> Option<RecvError> {
    let Control::Command(command) = control else {
        return None;
    };
    match Word::read(command) {
        Some(Word::Gap(missed)) => Some(RecvError::Gap { missed, peer: link.address().to_owned() }),
        _ => None,
    }
}

impl<T> fmt::Debug for Subscriber<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("core", &self.core).finish_non_exhaustive()
    }
}
