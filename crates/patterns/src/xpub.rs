//! Publishes, and hears what its subscribers say.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gleis_codec::{Limits, Message};
use gleis_core::Endpoint;
use gleis_transport::{Inbound, Message as Frames, SocketType};

use crate::audience::Audience;
use crate::core::Core;
use crate::error::{OpenError, RecvError, SendError};
use crate::filter::Filter;
use crate::intake::Intake;
use crate::local::unpack;
use crate::multipart::Multipart;
use crate::news::{News, Piece};
use crate::options::{Settings, Side};
use crate::peer::{Link, PeerInfo};
use crate::publishing::Publishing;
use crate::receiving::{Reader, Receiving};
use crate::socket::{publishes, receives, shared, streams};

/// A [`Publisher`](crate::Publisher) that also receives: what its peers subscribe to, and what an
/// [`XSub`](crate::XSub) among them sends.
///
/// Subscriptions have their effect whether they are received or not. They come before messages, and
/// what comes and goes before it is received is not told. Messages wait as in a
/// [`Pull`](crate::Pull), and a peer whose messages are not received is not read on, its later
/// subscriptions included. May be shared between tasks. Dropping it closes it at once.
pub struct XPub<T> {
    pub(crate) core: Arc<Core>,
    publishing: Publishing,
    receiving: Receiving<Upstreams<T>>,
}

/// What the subscribers of an [`XPub`] say.
#[derive(Clone, Debug)]
pub enum Upstream<T> {
    /// The last subscription to `filter` is over: it was cancelled, or its peer is gone. With
    /// [`verbose`](crate::Builder::verbose) each one is told.
    Cancel {
        /// What nobody wants any more, unless another filter does.
        filter: Filter,
        /// Whose subscription it was.
        peer: PeerInfo,
    },
    /// A message that a peer sent.
    Message(T),
    /// The first subscription to `filter` of all peers. With [`verbose`](crate::Builder::verbose)
    /// each one is told.
    Subscribe {
        /// What is wanted from now on.
        filter: Filter,
        /// Who asked for it.
        peer: PeerInfo,
    },
}

impl<T: Message> XPub<T> {
    shared!(receiving);
    publishes!(T);
    receives!(Upstream<T>);

    pub(crate) async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        let intake = Arc::new(Intake::new(&settings));
        let news = Arc::new(News::new(intake.clone(), settings.verbose));
        let reader = Upstreams::new(settings.limits(), news.clone());
        let receiving = Receiving::new(intake.clone(), reader, settings.recv_timeout);
        let audience = Arc::new(Audience::hearing::<T>(&settings, intake, news));
        let core = Core::new::<T>(SocketType::XPub, settings, audience.clone());
        core.open(side, at).await?;
        let publishing = Publishing::new(audience, core.ledger().clone(), core.settings());
        Ok(Self { core, publishing, receiving })
    }
}

impl XPub<Multipart> {
    /// Publishes a message as it is, under the topic that its first frame begins with: what
    /// [`XSub::recv_whole`](crate::XSub::recv_whole) received, of any number of frames.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    /// As [`publish`](Self::publish).
    pub async fn publish_whole(&self, message: Multipart) -> Result<(), SendError> {
        self.publishing.publish_whole(message).await
    }

    /// Has subscribers told that so many messages were lost before they came here.
    pub(crate) fn miss(&self, messages: u64) {
        self.publishing.audience().miss(messages);
    }
}

streams!(XPub<T>, Upstream<T>);

/// Reads what subscribers say.
struct Upstreams<T> {
    limits: Limits,
    news: Arc<News>,
    value: PhantomData<fn() -> T>,
}

impl<T> Upstreams<T> {
    fn new(limits: Limits, news: Arc<News>) -> Self {
        Self { limits, news, value: PhantomData }
    }
}

impl<T: Message> Reader for Upstreams<T> {
    type Item = Upstream<T>;

    fn aside(&self) -> Option<Upstream<T>> {
        let Piece { begins, filter, peer } = self.news.next()?;
        Some(match begins {
            true => Upstream::Subscribe { filter, peer },
            false => Upstream::Cancel { filter, peer },
        })
    }

    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Upstream<T>>, RecvError> {
        let Inbound::Message(message) = item else {
            return Ok(None);
        };
        let Some(message) = content(link, message) else {
            return Ok(None);
        };
        unpack(message, link, &self.limits).map(|it| Some(Upstream::Message(it)))
    }
}

/// What a gleis socket sends stands behind an empty frame: alone, a value could begin as a
/// subscription does.
fn content(link: &Link, message: Frames) -> Option<Frames> {
    if !link.gleis {
        return Some(message);
    }
    let Frames { mut head, body } = message;
    if !head.first()?.is_empty() {
        return None;
    }
    head.pop_first();
    Some(Frames { head, body })
}

impl<T> fmt::Debug for XPub<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XPub").field("core", &self.core).finish_non_exhaustive()
    }
}
