//! Where a proxy takes messages, and where it passes them on.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::error::{RecvError, SendError};
use crate::parcel::Parcel;
use crate::peer_id::PeerId;
use crate::{Dealer, Filter, Multipart, Pull, Push, Router, Upstream, XPub, XSub};

/// How long an answer waits for a client that does not take its answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where messages are taken.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Dealer(Arc<Dealer<Multipart>>),
    Pull(Arc<Pull<Multipart>>),
    Router(Arc<Router<Multipart>>),
    XPub(Arc<XPub<Multipart>>),
    XSub(Arc<XSub<Multipart>>),
}

/// Where messages are passed on.
#[derive(Clone, Debug)]
pub(super) enum Sink {
    Dealer(Arc<Dealer<Multipart>>),
    Push(Arc<Push<Multipart>>),
    Router(Arc<Router<Multipart>>),
    XPub(Arc<XPub<Multipart>>),
    XSub(Arc<XSub<Multipart>>),
}

/// What was taken.
pub(super) enum Taken {
    Cancel(Filter),
    Message(Multipart),
    Subscribe(Filter),
}

/// What was taken and is to be passed on.
pub(super) enum Held {
    InTurn(Parcel<Multipart, Multipart>),
    To(PeerId, Parcel<Multipart, Multipart>),
    Whole(Taken),
}

impl Source {
    pub(super) fn core(&self) -> &Arc<Core> {
        match self {
            Self::Dealer(it) => &it.core,
            Self::Pull(it) => &it.core,
            Self::Router(it) => &it.core,
            Self::XPub(it) => &it.core,
            Self::XSub(it) => &it.core,
        }
    }

    /// Closes the socket.
    pub(super) async fn close(&self) {
        match self {
            Self::Dealer(it) => it.close().await,
            Self::Pull(it) => it.close().await,
            Self::Router(it) => it.close().await,
            Self::XPub(it) => it.close().await,
            Self::XSub(it) => it.close().await,
        };
    }

    /// How many messages wait to be taken.
    pub(super) fn queued(&self) -> u64 {
        self.core().stats().received.queued
    }

    /// What comes next. Cancel-safe.
    pub(super) async fn recv(&self) -> Result<Taken, RecvError> {
        match self {
            Self::Dealer(it) => it.recv().await.map(Taken::Message),
            Self::Pull(it) => it.recv().await.map(Taken::Message),
            Self::Router(it) => it.recv().await.map(addressed),
            Self::XPub(it) => it.recv().await.map(said),
            Self::XSub(it) => it.recv_whole().await.map(Taken::Message),
        }
    }
}

/// A message with the name of its sender before it.
fn addressed((from, mut message): (PeerId, Multipart)) -> Taken {
    message.frames.insert(0, from.into());
    Taken::Message(message)
}

fn said(upstream: Upstream<Multipart>) -> Taken {
    match upstream {
        Upstream::Cancel { filter, .. } => Taken::Cancel(filter),
        Upstream::Message(message) => Taken::Message(message),
        Upstream::Subscribe { filter, .. } => Taken::Subscribe(filter),
    }
}

impl Sink {
    pub(super) fn core(&self) -> &Arc<Core> {
        match self {
            Self::Dealer(it) => &it.core,
            Self::Push(it) => &it.core,
            Self::Router(it) => &it.core,
            Self::XPub(it) => &it.core,
            Self::XSub(it) => &it.core,
        }
    }

    /// Passes on that messages were lost before they came here.
    pub(super) fn miss(&self, messages: u64) {
        match self {
            Self::XPub(it) => it.miss(messages),
            // What they take comes from sockets that tell no gaps.
            Self::Dealer(_) | Self::Push(_) | Self::Router(_) | Self::XSub(_) => (),
        }
    }

    /// Waits until a message can be passed on, as far as that is known without it; false if never.
    pub(super) async fn room(&self) -> bool {
        match self {
            Self::Dealer(it) => it.sending.room().await,
            Self::Push(it) => it.sending.room().await,
            // Whose room it needs is known once it was taken; publishers have a policy for each.
            Self::Router(_) | Self::XPub(_) | Self::XSub(_) => true,
        }
    }

    /// Makes ready what was taken; `None` if it cannot be passed on.
    pub(super) fn hold(&self, taken: Taken) -> Option<Held> {
        Some(match (self, taken) {
            (Self::Dealer(it), Taken::Message(message)) => Held::InTurn(it.sending.parcel(message)),
            (Self::Push(it), Taken::Message(message)) => Held::InTurn(it.sending.parcel(message)),
            (Self::Router(it), Taken::Message(mut message)) => {
                // What is no more than a name is no answer.
                if message.frames.len() < 2 {
                    return None;
                }
                let to = PeerId::new(message.frames.remove(0));
                Held::To(to, it.parcel(message))
            }
            (_, taken) => Held::Whole(taken),
        })
    }

    /// True if [`pass`](Self::pass) may be given up halfway and tried again.
    pub(super) fn can_pause(&self) -> bool {
        !matches!(self, Self::XPub(_) | Self::XSub(_))
    }

    /// Passes on what is held, which is gone afterwards.
    pub(super) async fn pass(&self, held: &mut Option<Held>) -> Result<(), SendError> {
        let res = match (self, &mut *held) {
            (Self::Dealer(it), Some(Held::InTurn(parcel))) => {
                it.sending.send_parcel(parcel, None).await
            }
            (Self::Push(it), Some(Held::InTurn(parcel))) => {
                it.sending.send_parcel(parcel, None).await
            }
            (Self::Router(it), Some(Held::To(to, parcel))) => {
                let patience = it.core.settings().send_timeout.unwrap_or(PATIENCE);
                let res = it.send_parcel(to, parcel, Some(patience)).await;
                if matches!(res, Err(SendError::TimedOut)) {
                    // One such client must not hold up all others time and again.
                    it.expel(to);
                }
                res
            }
            (it, held) => match held.take() {
                Some(Held::Whole(taken)) => it.publish(taken).await,
                _ => Ok(()),
            },
        };
        *held = None;
        res
    }

    async fn publish(&self, taken: Taken) -> Result<(), SendError> {
        match (self, taken) {
            (Self::XPub(it), Taken::Message(message)) => it.publish_whole(message).await,
            (Self::XSub(it), Taken::Message(message)) => it.send(message).await,
            (Self::XSub(it), Taken::Cancel(filter)) => {
                it.unsubscribe(filter);
                Ok(())
            }
            (Self::XSub(it), Taken::Subscribe(filter)) => {
                it.subscribe(filter);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
