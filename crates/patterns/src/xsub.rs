//! Subscribes, and talks to its publishers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::Sink;
use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Body, Broadcast, Head, Inbound, Message as Frames, SocketType};

use crate::core::Core;
use crate::error::{OpenError, RecvError, SendError};
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::local::{Outgoing, unpack};
use crate::moment;
use crate::multipart::Multipart;
use crate::options::{Overflow, Settings, Side};
use crate::pace::Pace;
use crate::parcel::Copies;
use crate::peer::Link;
use crate::receiving::{Reader, Receiving};
use crate::route::Given;
use crate::sink::{Begun, Outbound, View};
use crate::socket::{receives, shared, streams, subscribes};
use crate::stats::DropReason;
use crate::subscriber::{Publication, Publications, gap};
use crate::wishes::Wishes;

/// A [`Subscriber`](crate::Subscriber) that also sends: to every [`XPub`](crate::XPub) that it is
/// connected to.
///
/// A publisher without room misses the new message, which is counted, unless another
/// [`Overflow`] is chosen. May be shared between tasks. Dropping it closes it at once.
pub struct XSub<T> {
    pub(crate) core: Arc<Core>,
    pace: Pace,
    receiving: Receiving<Publications<T>>,
    wishes: Arc<Wishes>,
}

impl<T: Message> XSub<T> {
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
        let core = Core::new::<T>(SocketType::XSub, settings, wishes.clone());
        core.open(side, at).await?;
        Ok(Self { core, pace: Pace::default(), receiving, wishes })
    }

    /// Sends `message` to all publishers that hear it; a [`Publisher`](crate::Publisher) does not.
    ///
    /// To one that is no gleis socket only messages go that do not begin with a byte of 0 or 1, which
    /// would make them subscriptions; others are counted as dropped, being undecodable.
    ///
    /// # Errors
    /// [`SendError::Full`] and [`SendError::NoPeer`] only if [`Overflow::Fail`] was chosen: in the
    /// first case those that had room have the message, and so they have with
    /// [`SendError::TimedOut`], after a [`send_timeout`](crate::Builder::send_timeout). Otherwise what is dropped is counted.
    ///
    /// # Cancel safety
    /// Waits only if [`Overflow::Block`] was chosen; a future dropped then has reached some
    /// publishers and not others.
    pub async fn send(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        self.pace.keep().await;
        let settings = self.core.settings();
        let overflow = settings.overflow.unwrap_or(Overflow::DropNewest);
        let hearing = self.hearing(message.value())?;
        let until = settings.send_timeout.map(moment::after);
        let (n_hearing, mut n_full) = (hearing.len(), 0);
        for (link, frames) in hearing {
            let Some(frames) = frames else {
                link.account.lose_sent(DropReason::Undecodable);
                continue;
            };
            n_full += usize::from(
                link.give(&Broadcast::new(frames), overflow, until).await? == Given::Full,
            );
        }
        match overflow {
            Overflow::Fail if n_hearing == 0 => Err(SendError::NoPeer),
            Overflow::Block if 0 < n_full => Err(SendError::TimedOut),
            Overflow::Fail if 0 < n_full => Err(SendError::Full),
            _ if n_hearing == 0 => {
                self.ledger().lose(DropReason::NoPeer, 1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sends `message` as [`send`](Self::send) does if no publisher has to be waited for, whatever
    /// [`Overflow`] says.
    ///
    /// # Errors
    /// [`SendError::Full`] if a publisher has no room, and [`SendError::NoPeer`]: then nobody has the
    /// message, nothing is counted, and it is safe to try again. Only if another task sends at the same
    /// moment may it be that just those without room missed it, which is counted.
    #[expect(clippy::needless_pass_by_value, reason = "messages are given to all that send alike")]
    pub fn try_send(&self, message: impl Outgoing<T>) -> Result<(), SendError> {
        let hearing = self.hearing(message.value())?;
        if hearing.is_empty() {
            return Err(SendError::NoPeer);
        }
        if hearing.iter().any(|(link, frames)| frames.is_some() && !link.may_take()) {
            return Err(SendError::Full);
        }
        let mut n_full = 0;
        for (link, frames) in hearing {
            let Some(frames) = frames else {
                link.account.lose_sent(DropReason::Undecodable);
                continue;
            };
            n_full +=
                usize::from(link.give_now(&Broadcast::new(frames), Overflow::Fail)? == Given::Full);
        }
        if n_full == 0 { Ok(()) } else { Err(SendError::Full) }
    }

    /// The socket as a [`Sink`], which [sends](Self::send) each message: a view, the socket can be used
    /// beside it. What it took is sent, or waits, one message at most, until it is flushed. An error
    /// concerns that message alone.
    pub fn sink(&self) -> impl Sink<T, Error = SendError> + Send + '_ {
        View::new(self)
    }

    /// The publishers that hear, and what each gets, if it does not take that for a subscription.
    /// Encoded for all of them before the first gets it, so that all get it or nobody does.
    fn hearing(&self, value: &T) -> Result<Vec<ForOne>, SendError> {
        let links = self.wishes.links().ok_or(SendError::Closed)?;
        let mut copies = Copies::new(None, value, self.core.settings().limits());
        let hearing =
            links.into_iter().filter(|it| it.sender.peer().socket_type == SocketType::XPub);
        let ready = hearing.map(|link| {
            let frames = copies.frames(&link).map_err(|it| self.ledger().refuse(it))?;
            let frames = upstream(&link, frames.message().clone());
            Ok((link, frames))
        });
        ready.collect()
    }

    fn ledger(&self) -> &Ledger {
        self.core.ledger()
    }
}

impl<T: Message> Outbound<T> for XSub<T> {
    fn begin(&self, message: T) -> Begun<'_> {
        Begun::polled(self.send(message))
    }
}

impl XSub<Multipart> {
    /// Waits for what comes next and hands it out as it came, of any number of frames, the first of
    /// which begins with its topic.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv).
    pub async fn recv_whole(&self) -> Result<Multipart, RecvError> {
        let limits = self.core.settings().limits();
        self.receiving.recv_by(&Whole { limits, wishes: &self.wishes }).await
    }
}

streams!(XSub<T>, Publication<T>);

/// A publisher, and the message for it, if it may have it.
type ForOne = (Arc<Link>, Option<Frames>);

/// A message for a publisher: a gleis one finds it behind an empty frame, since alone it could begin
/// as a subscription does. `None` if another one would take it for a subscription.
fn upstream(link: &Link, frames: Frames) -> Option<Frames> {
    let Frames { head, body } = frames;
    if link.gleis {
        let mut behind = Head::from(Bytes::new());
        behind.append(head);
        return Some(Frames { head: behind, body });
    }
    let first = match (head.first(), &body) {
        (Some(first), _) => first.first(),
        (None, Body::Bytes(first)) => first.first(),
        (None, Body::Local(_)) => None,
    };
    match first {
        Some(0 | 1) => None,
        _ => Some(Frames { head, body }),
    }
}

/// Reads publications that are wanted, without taking them apart.
struct Whole<'a> {
    limits: Limits,
    wishes: &'a Wishes,
}

impl Reader for Whole<'_> {
    type Item = Multipart;

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Multipart>, RecvError> {
        match item {
            Inbound::Control(control) => gap(link, &control).map_or(Ok(None), Err),
            Inbound::Message(message) if self.wishes.want_message(&message) => {
                unpack(message, link, &self.limits).map(Some)
            }
            Inbound::Message(_) => Ok(None),
        }
    }
}

impl<T> fmt::Debug for XSub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XSub").field("core", &self.core).finish_non_exhaustive()
    }
}
