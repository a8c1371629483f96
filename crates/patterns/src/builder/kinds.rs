//! The options that sockets of some kinds have.

use std::time::Duration;

use crate::builder::Builder;
use crate::filter::Filter;
use crate::{
    Dealer, Pair, Publisher, Pull, Push, Replier, Requester, Router, Subscriber, XPub, XSub,
};

/// Sockets that may keep the newest message alone: those whose messages each stand for themselves.
pub trait Conflates: sealed::Socket {}

/// Sockets that give each message to one of their peers, whichever comes.
pub trait Queues: sealed::Socket {}

/// Sockets that are asked for what came in.
pub trait Receives: sealed::Socket {}

/// Sockets whose sends may wait, [if they are told to](crate::Overflow::Block).
pub trait Sends: sealed::Socket {}

/// Sockets that receive what they subscribed to.
pub trait Subscribes: sealed::Socket {}

mod sealed {
    /// The sockets of this crate and no others.
    pub trait Socket {}
}

impl<S, R> sealed::Socket for Dealer<S, R> {}
impl<S, R> sealed::Socket for Pair<S, R> {}
impl<T> sealed::Socket for Publisher<T> {}
impl<T> sealed::Socket for Pull<T> {}
impl<T> sealed::Socket for Push<T> {}
impl<Q, R> sealed::Socket for Replier<Q, R> {}
impl<S, R> sealed::Socket for Router<S, R> {}
impl<T> sealed::Socket for Subscriber<T> {}
impl<T> sealed::Socket for XPub<T> {}
impl<T> sealed::Socket for XSub<T> {}

impl<S, R> Conflates for Dealer<S, R> {}
impl<S, R> Conflates for Pair<S, R> {}
impl<T> Conflates for Publisher<T> {}
impl<T> Conflates for Pull<T> {}
impl<T> Conflates for Push<T> {}
impl<T> Conflates for Subscriber<T> {}

impl<S, R> Queues for Dealer<S, R> {}
impl<T> Queues for Push<T> {}

impl<S, R> Receives for Dealer<S, R> {}
impl<S, R> Receives for Pair<S, R> {}
impl<T> Receives for Pull<T> {}
impl<Q, R> Receives for Replier<Q, R> {}
impl<S, R> Receives for Router<S, R> {}
impl<T> Receives for Subscriber<T> {}
impl<T> Receives for XPub<T> {}
impl<T> Receives for XSub<T> {}

impl<S, R> Sends for Dealer<S, R> {}
impl<S, R> Sends for Pair<S, R> {}
impl<T> Sends for Publisher<T> {}
impl<T> Sends for Push<T> {}
impl<S, R> Sends for Router<S, R> {}
impl<T> Sends for XPub<T> {}
impl<T> Sends for XSub<T> {}

impl<T> Subscribes for Subscriber<T> {}
impl<T> Subscribes for XSub<T> {}

impl<S: Conflates> Builder<S> {
    /// Keeps only the newest message per peer, in both directions; by default all are kept, up to
    /// the high-water mark.
    ///
    /// A sender gives up what waits for a newer message, whatever its
    /// [`overflow`](Self::overflow) and its mark of messages say, and never waits for room. A
    /// receiver goes on reading while nobody asks it, gives up what nobody took, and is told of no
    /// gaps. What is given up is counted as dropped for want of room.
    ///
    /// The price: all but the newest may be lost, of all topics together. For the newest value in
    /// spite of a slow reader the reader has to say this, since the network between the two keeps
    /// what a sender could not take back.
    pub fn conflate(mut self) -> Self {
        self.settings.conflate = true;
        self
    }
}

impl<S: Queues> Builder<S> {
    /// Takes messages while there is no peer: they wait in a queue of the socket itself, up to the
    /// mark for what is [to be sent](Self::send_high_water), and go in order when a peer comes; then
    /// [`overflow`](Self::overflow) says what happens. By default there is a queue per peer alone,
    /// and without a peer a send waits, or is dropped or an error (ZeroMQ calls that
    /// `ZMQ_IMMEDIATE=1`, and this `0`).
    ///
    /// Closing waits for what is in that queue as well, up to the linger time, and counts what did
    /// not leave. The price: a sent message need not have found anybody; each is encoded to see how
    /// long it is, and again if the peer speaks another codec; one that cannot be encoded then is
    /// dropped and counted. It costs a task.
    pub fn queue_without_peer(mut self) -> Self {
        self.settings.queue_without_peer = true;
        self
    }
}

impl<S: Receives> Builder<S> {
    /// How long receiving waits before it is an error, [`RecvError::TimedOut`]; for ever by default.
    /// Streams, `poll_recv` and `try_recv` know no timeout. It costs a timer per wait.
    ///
    /// [`RecvError::TimedOut`]: crate::RecvError::TimedOut
    pub fn recv_timeout(mut self, timeout: Duration) -> Self {
        self.settings.recv_timeout = Some(timeout);
        self
    }
}

impl<S: Sends> Builder<S> {
    /// How long a send that waits, which is what [`Overflow::Block`](crate::Overflow::Block) means,
    /// may wait before it is an error, [`SendError::TimedOut`](crate::SendError::TimedOut); for ever
    /// by default. It costs a timer per wait.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.settings.send_timeout = Some(timeout);
        self
    }
}

impl<S: Subscribes> Builder<S> {
    /// Also receives what is published under the topics that `filter` wants; bytes and text are
    /// prefixes, the empty one is all. None by default.
    pub fn subscribe(mut self, filter: impl Into<Filter>) -> Self {
        self.settings.subscriptions.push(filter.into());
        self
    }
}

impl<T> Builder<Publisher<T>> {
    /// Prefixes and other filters that one peer may subscribe to; 10,000 by default. A peer that wants more is
    /// disconnected. Each costs its length, and each pattern
    /// a look per publication.
    pub fn max_subscriptions(mut self, filters: usize) -> Self {
        self.settings.options.max_subscriptions = filters;
        self
    }

    /// Keeps the last message of up to `topics` topics and gives a peer, for each filter that it
    /// adds, those that it wants, oldest first, before anything published later; none by default.
    ///
    /// What is kept is bounded by the bytes of [`send_high_water`](Self::send_high_water) as well;
    /// beyond either bound the topics that were published least recently are forgotten, which counts
    /// as no drop. The order holds for what one task publishes without waiting: several that publish
    /// at once, or a send that waits for room, may give a late peer an older message after a newer
    /// one. A peer that connects again subscribes again, and gets them again. The price:
    /// each message is encoded, though perhaps only for that, and stays in memory.
    pub fn replay_last(mut self, topics: usize) -> Self {
        self.settings.replay_topics = topics;
        self
    }
}

impl<Q, R> Builder<Replier<Q, R>> {
    /// How long an answer waits for a requester that does not take its answers, before that
    /// requester is disconnected; 1 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }
}

impl<Q, R> Builder<Requester<Q, R>> {
    /// How long a request waits for its answer; 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }
}

impl<S, R> Builder<Router<S, R>> {
    /// A message to a peer that is not here is dropped and counted; by default it is
    /// [`SendError::NoPeer`](crate::SendError::NoPeer).
    pub fn drop_unroutable(mut self) -> Self {
        self.settings.drop_unroutable = true;
        self
    }

    /// A peer that announces the identity of another takes it over, and the other is disconnected; by
    /// default the newcomer is refused. Whoever can reach the socket can then take anybody's place.
    pub fn handover(mut self) -> Self {
        self.settings.handover = true;
        self
    }
}

impl<T> Builder<XPub<T>> {
    /// Prefixes and other filters that one peer may subscribe to: as of a [`Publisher`].
    pub fn max_subscriptions(mut self, filters: usize) -> Self {
        self.settings.options.max_subscriptions = filters;
        self
    }

    /// Keeps the last message of up to `topics` topics for late subscribers, as a [`Publisher`] does.
    /// One of a single frame that [`XPub::publish_whole`] gets is not kept: nobody here knows where
    /// its topic ends.
    pub fn replay_last(mut self, topics: usize) -> Self {
        self.settings.replay_topics = topics;
        self
    }

    /// Each subscription of each peer is told, and each one's end; by default only the first to a
    /// filter and the end of the last.
    pub fn verbose(mut self) -> Self {
        self.settings.verbose = true;
        self
    }
}
