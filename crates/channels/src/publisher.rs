//! Publishes, and answers its subscribers in the same stream.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use gleis_codec::Message;
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::{Given, OpenError, Outgoing, Overflow, SendError, Shared};

use crate::audience::{Audience, Listener, WishLimits};
use crate::builder::{Answers, Builder, Channel, Side, sealed};
use crate::error::RecvError;
use crate::handler::{self, Method, Outcome, State};
use crate::office::{Office, OfficeOwner};
use crate::reply::Reply;
use crate::serving::{self, Serving};
use crate::settings::Settings;
use crate::stats::{PublishStats, ReplyStats};
use crate::wire;

/// One unit of the runtime's budget is spent for so many publications.
const PACE: usize = 8;

/// Publishes to [`SyncSubscriber`](crate::SyncSubscriber)s, and answers what they ask.
///
/// Publications and answers for a subscriber are one stream, in the order in which they were made: an
/// answer that is given between two publications stands between them. It goes to the connection that
/// asked, so no other subscriber can see it, whatever it subscribes to.
///
/// A subscriber without room misses the new publication, which is counted and told to it before the next
/// one, and others are not delayed, unless the channel is [lossless](Builder::lossless). Requests are received or served as those of an
/// [`AsyncReplier`](crate::AsyncReplier); when as many wait as the [high-water
/// mark](Builder::high_water) allows, and nobody takes them, later subscriptions wait, too, until requests
/// expire. May be shared between tasks; as long as one of them publishes
/// at a time, all subscribers see the same order. Dropping it closes it at once.
pub struct SyncPublisher<P, Q, R> {
    books: Books,
    overflow: Overflow,
    owner: OfficeOwner,
    pace: AtomicUsize,
    value: PhantomData<fn(P, R) -> Q>,
}

/// What a publisher is told beside what all channels are told.
#[derive(Debug, Default)]
pub struct More {
    overflow: Option<Overflow>,
}

#[derive(Default)]
struct Books {
    delivered: AtomicU64,
    dropped: AtomicU64,
    published: AtomicU64,
    unheard: AtomicU64,
}

impl<P: Message, Q: Message, R: Message> sealed::Open for SyncPublisher<P, Q, R> {
    type More = More;

    async fn open(
        side: Side,
        at: Endpoint,
        settings: Settings,
        more: More,
    ) -> Result<Self, OpenError> {
        let overflow = more.overflow.unwrap_or(Overflow::DropNewest);
        let options = &settings.options;
        let limits =
            WishLimits { bytes: options.limits.subscription, filters: options.max_subscriptions };
        let owner = OfficeOwner::open::<P>(side, at, settings, Some(Audience::new(limits))).await?;
        let (books, pace) = Default::default();
        Ok(Self { books, overflow, owner, pace, value: PhantomData })
    }
}

impl<P: Message, Q: Message, R: Message> Builder<SyncPublisher<P, Q, R>> {
    /// Publishing waits for subscribers without room, for as long as they are connected. By default they
    /// miss the publication and are told so. The price: the slowest subscriber sets the pace for all.
    pub fn lossless(mut self) -> Self {
        self.more.overflow = Some(Overflow::Block);
        self
    }

    /// That a subscriber has no room is an error of publishing, beside being counted and told to that
    /// subscriber, as [`Overflow::Fail`](gleis_patterns::Overflow::Fail) of a
    /// [`Publisher`](gleis_patterns::Publisher); the others have it all the same. The last word of this
    /// and [`lossless`](Self::lossless) counts.
    pub fn fail_when_full(mut self) -> Self {
        self.more.overflow = Some(Overflow::Fail);
        self
    }
}

impl<P: Message, Q: Message, R: Message> Channel for SyncPublisher<P, Q, R> {}
impl<P: Message, Q: Message, R: Message> Answers for SyncPublisher<P, Q, R> {}

impl<P: Message, Q: Message, R: Message> SyncPublisher<P, Q, R> {
    /// Opens a channel that subscribers connect to. Port 0 and `ipc://*` let the system choose: see
    /// [`endpoint`](Self::endpoint).
    pub fn bind<E>(at: E) -> Builder<Self>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Builder::new(Side::Bind, at)
    }

    /// Publishes `message`, by value or by reference, under `topic`. It is encoded once for all.
    ///
    /// # Errors
    /// [`SendError::Encode`] and [`SendError::Closed`]: nobody has it. That some have no room is one,
    /// [`SendError::Full`], only if it was told to [fail](Builder::fail_when_full): the others have it. Else it is counted,
    /// and so is that nobody subscribed.
    ///
    /// # Cancel safety
    /// Waits only if it is to be [lossless](Builder::lossless); a future dropped then has reached some
    /// subscribers and not others.
    pub async fn publish(
        &self,
        topic: impl AsRef<[u8]>,
        message: impl Outgoing<P>,
    ) -> Result<(), SendError> {
        if self.pace.fetch_add(1, Ordering::Relaxed).is_multiple_of(PACE) {
            // A tight loop leaves the runtime time for others.
            tokio::task::coop::consume_budget().await;
        }
        self.publish_to_all(topic.as_ref(), message.value()).await
    }

    /// Publishes `message` under the empty topic: only those that subscribed to everything, or to this
    /// topic, get it.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    /// As [`publish`](Self::publish).
    pub async fn send(&self, message: impl Outgoing<P>) -> Result<(), SendError> {
        self.publish("", message).await
    }

    async fn publish_to_all(&self, topic: &[u8], message: &P) -> Result<(), SendError> {
        let office = &self.owner.office;
        if office.is_closed() {
            return Err(SendError::Closed);
        }
        let audience = office.audience.as_ref().expect("a publisher has an audience");
        let (mut whole, mut gone) = (None, Vec::new());
        let (mut n_delivered, mut is_full) = (0, false);
        let listeners = audience.listeners();
        for listener in listeners.iter().filter(|it| it.wants(topic)) {
            let whole = match &mut whole {
                Some(whole) => whole,
                empty => empty.insert(Whole::new(office, topic, message)?),
            };
            if listener.missed_nothing() && listener.route.give_lightly(&whole.shared) {
                n_delivered += 1;
                continue;
            }
            // Whoever stops waiting has delivered these.
            add(&self.books.delivered, std::mem::take(&mut n_delivered));
            match self.give(listener, whole).await? {
                Given::Displaced(_) | Given::Taken => n_delivered += 1,
                Given::Full => is_full = true,
                Given::Gone => gone.push(listener.id().clone()),
            }
        }
        add(&self.books.delivered, n_delivered);
        count(&self.books.published);
        if whole.is_none() {
            count(&self.books.unheard);
        }
        if !gone.is_empty() {
            audience.keep(|it| !gone.contains(it));
        }
        if is_full && self.overflow == Overflow::Fail {
            return Err(SendError::Full);
        }
        Ok(())
    }

    /// Gives a publication to one for whom there may be no room, or who is to be told what it missed.
    async fn give(&self, listener: &Listener, whole: &Whole<'_>) -> Result<Given, SendError> {
        let missed = listener.take_missed();
        let again;
        let shared = match missed {
            0 => &whole.shared,
            _ => {
                again = whole.after(missed)?;
                &again
            }
        };
        let given = listener.route.give(shared, self.overflow).await?;
        match given {
            Given::Displaced(_) | Given::Taken => (),
            Given::Full => {
                count(&self.books.dropped);
                listener.miss(missed + 1);
            }
            Given::Gone => count(&self.books.dropped),
        }
        Ok(given)
    }

    /// How many subscribers want anything at all.
    pub fn subscribers(&self) -> usize {
        self.owner.office.audience.as_ref().map_or(0, Audience::n_subscribers)
    }

    /// Waits until at least `n` subscribers want anything.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for_subscribers(&self, n: usize) {
        if let Some(audience) = &self.owner.office.audience {
            audience.wait_for_subscribers(n).await;
        }
    }

    /// What became of the publications.
    pub fn published(&self) -> PublishStats {
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        PublishStats {
            delivered: read(&self.books.delivered),
            dropped: read(&self.books.dropped),
            published: read(&self.books.published),
            unheard: read(&self.books.unheard),
        }
    }

    answering!();
}

fn count(number: &AtomicU64) {
    add(number, 1);
}

fn add(number: &AtomicU64, more: u64) {
    number.fetch_add(more, Ordering::Relaxed);
}

/// A publication, encoded for all.
struct Whole<'a> {
    body: Bytes,
    office: &'a Office,
    /// For those who missed nothing.
    shared: Shared,
    topic: &'a [u8],
}

impl<'a> Whole<'a> {
    fn new<P: Message>(
        office: &'a Office,
        topic: &'a [u8],
        message: &P,
    ) -> Result<Self, SendError> {
        let body = office.codec.encode(message, &office.limits);
        let body = body.map_err(|it| SendError::Encode(Box::new(it)))?;
        let shared =
            office.router.share(wire::told(0, office.codec.name(), topic, body.clone()))?;
        Ok(Self { body, office, shared, topic })
    }

    /// For one who missed so many before it.
    fn after(&self, missed: u64) -> Result<Shared, SendError> {
        let Self { body, office, topic, .. } = self;
        office.router.share(wire::told(missed, office.codec.name(), topic, body.clone()))
    }
}

impl<P, Q, R> fmt::Debug for SyncPublisher<P, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncPublisher")
            .field("endpoint", self.owner.office.router.endpoint())
            .finish_non_exhaustive()
    }
}
