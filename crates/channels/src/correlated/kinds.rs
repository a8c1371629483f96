//! The kinds of correlated channels: what each of them can do.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::error::ChannelError;
use super::log::{Claim, ClaimToken, LogStats};
use super::message::ChannelMessage;
use super::rules::{Kind, Rules};
use super::shared::{Owner, Shared};
use super::subscription::Subscription;

/// A log that is read, claimed and subscribed to: one for all patterns.
///
/// Messages stay when they are read; each reader has a cursor of its own and begins with the oldest. A
/// message that somebody claims is hidden from others until it is given back, and gone for good when it
/// is acknowledged. Clones are the same channel, which closes when the last one is dropped.
///
/// ```
/// use gleis_channels::{ChannelMessage, CorrelatedChannel, PassthroughChannel, ReadChannel};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gleis_channels::ChannelError> {
/// let board = PassthroughChannel::new("board", "Board").start();
/// board.write(ChannelMessage::new("alice", "hello"))?;
/// let read = board.read("bob", 10, None)?;
/// assert_eq!(read[0].content.data().as_str(), Some("hello"));
/// assert!(board.read("bob", 10, None)?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PassthroughChannel(Arc<Owner>);

/// A log that everybody reads at his own pace, and subscribes to; nobody claims anything.
#[derive(Clone)]
pub struct BroadcastChannel(Arc<Owner>);

/// Jobs for workers: each is claimed by one of them at a time, in order, until one acknowledges it. A job
/// that is not done is never dropped for want of room; the writer is told that there is none.
#[derive(Clone)]
pub struct WorkQueueChannel(Arc<Owner>);

/// Messages for recipients: a reader sees those that are for it, and those for nobody in particular.
#[derive(Clone)]
pub struct MailboxChannel(Arc<Owner>);

/// A correlated channel about to be started: choose, then [`start`](Self::start).
#[must_use = "nothing is started yet"]
#[derive(Debug)]
pub struct ChannelBuilder<C> {
    channel: PhantomData<fn() -> C>,
    id: String,
    name: String,
    rules: Rules,
}

impl<C> ChannelBuilder<C> {
    fn new(kind: Kind, id: impl Into<String>, name: impl Into<String>) -> Self {
        let rules = Rules::new(kind);
        Self { channel: PhantomData, id: id.into(), name: name.into(), rules }
    }

    /// How long a claim holds; 300 s by default. Then somebody else may claim the message. Short, and
    /// slow workers do jobs twice; long, and the jobs of dead workers wait.
    pub fn claim_timeout(mut self, timeout: Duration) -> Self {
        self.rules.claim_timeout = timeout;
        self
    }

    /// How long a message stays; for ever by default. It goes when its time has come, whether or not
    /// anybody uses the channel.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.rules.max_age = Some(age);
        self
    }

    /// About how many bytes the messages may keep, all together; 64 MiB by default. Then the oldest gives
    /// way; in a work queue the new one is refused.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.rules.max_bytes = bytes;
        self
    }

    /// How many messages stay; 100,000 by default, and one at least. Then the oldest gives way; in a work
    /// queue the new one is refused.
    pub fn max_count(mut self, messages: usize) -> Self {
        self.rules.max_count = messages;
        self
    }

    /// How many readers are remembered; 10,000 by default. One more is refused.
    pub fn max_readers(mut self, readers: usize) -> Self {
        self.rules.max_readers = readers;
        self
    }
}

/// What all correlated channels can do.
pub trait CorrelatedChannel: sealed::Handle {
    /// Which channel it is.
    fn id(&self) -> &str {
        &self.shared().id
    }

    /// What people call it.
    fn name(&self) -> &str {
        &self.shared().name
    }

    /// Appends a message, and returns its id. Whoever waits for it is woken.
    ///
    /// # Errors
    /// [`ChannelError::DuplicateId`], [`ChannelError::Full`] and [`ChannelError::Closed`].
    fn write(&self, message: ChannelMessage) -> Result<String, ChannelError> {
        self.shared().write(message)
    }

    /// Every message that is written from now on.
    ///
    /// # Errors
    /// [`ChannelError::Closed`].
    fn subscribe(&self) -> Result<Subscription, ChannelError> {
        let shared = self.shared();
        Ok(Subscription::new(shared.clone(), shared.end()?))
    }

    /// Every message, from the oldest that is there on.
    fn subscribe_from_start(&self) -> Subscription {
        let shared = self.shared();
        Subscription::new(shared.clone(), shared.first())
    }

    /// Lets go of all messages.
    fn clear(&self) {
        self.shared().clear();
    }

    /// What became of the messages.
    fn stats(&self) -> LogStats {
        self.shared().stats()
    }

    /// How many wait for replies at this moment: see [`request_via_channel`](crate::request_via_channel).
    fn waiting(&self) -> usize {
        self.shared().n_waiters()
    }

    /// Closes the channel for all its handles: whoever waits learns that nothing will come.
    fn close(&self) {
        self.shared().close();
    }
}

/// Channels that are read, each reader at its own pace.
pub trait ReadChannel: CorrelatedChannel {
    /// Up to `limit` messages that `reader` has not read, those that are there. With `after` it goes on
    /// behind the message with this id, wherever it was.
    ///
    /// # Errors
    /// [`ChannelError::UnknownMessage`] if that message is not in the log, or no longer;
    /// [`ChannelError::TooManyReaders`] and [`ChannelError::Closed`].
    fn read(
        &self,
        reader: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Vec<Arc<ChannelMessage>>, ChannelError> {
        self.shared().read(reader, limit, after)
    }

    /// Waits until there is something that `reader` has not read, and reads up to `limit`, one at least.
    ///
    /// # Errors
    /// [`ChannelError::TooManyReaders`] and [`ChannelError::Closed`].
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    fn next(
        &self,
        reader: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Arc<ChannelMessage>>, ChannelError>> + Send {
        self.shared().next(reader, limit)
    }

    /// Lets go of a reader, which begins with the oldest message when it reads again. False if there is
    /// none.
    fn forget(&self, reader: &str) -> bool {
        self.shared().forget(reader)
    }
}

/// Channels whose messages are claimed, by one at a time.
pub trait ClaimChannel: CorrelatedChannel {
    /// Claims up to `limit` messages that nobody has, the oldest first, those that are there.
    ///
    /// # Errors
    /// [`ChannelError::Closed`].
    fn claim(&self, limit: usize) -> Result<Vec<Claim>, ChannelError> {
        self.shared().claim(limit)
    }

    /// Waits until there is something to claim, and claims up to `limit`, one at least.
    ///
    /// # Errors
    /// [`ChannelError::Closed`].
    ///
    /// # Cancel safety
    /// Nothing is claimed when the future is dropped.
    fn next_claims(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Claim>, ChannelError>> + Send {
        self.shared().next_claims(limit)
    }

    /// The message is done: it leaves the log.
    ///
    /// # Errors
    /// [`ChannelError::ClaimOver`] and [`ChannelError::Closed`].
    fn ack(&self, claim: ClaimToken) -> Result<(), ChannelError> {
        self.shared().ack(claim)
    }

    /// Gives the message back: the next one may claim it.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn nack(&self, claim: ClaimToken) -> Result<(), ChannelError> {
        self.shared().nack(claim)
    }

    /// The claim holds as long as if it were made now.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn extend(&self, claim: ClaimToken) -> Result<(), ChannelError> {
        self.shared().extend(claim)
    }
}

pub(crate) mod sealed {
    use super::{Arc, Shared};

    /// The channels of this crate and no others.
    pub trait Handle: Clone + Send + Sync + 'static {
        fn shared(&self) -> &Arc<Shared>;
    }
}

macro_rules! kind {
    ($channel:ident, $kind:expr) => {
        impl $channel {
            /// A channel with this id, and a name for people; nothing happens before it is
            /// [started](ChannelBuilder::start).
            pub fn new(id: impl Into<String>, name: impl Into<String>) -> ChannelBuilder<Self> {
                ChannelBuilder::new($kind, id, name)
            }
        }

        impl ChannelBuilder<$channel> {
            /// Starts the channel, and the task that maintains it.
            ///
            /// # Panics
            /// Outside a tokio runtime.
            pub fn start(self) -> $channel {
                $channel(Owner::new(self.id, self.name, self.rules))
            }
        }

        impl sealed::Handle for $channel {
            fn shared(&self) -> &Arc<Shared> {
                &self.0.shared
            }
        }

        impl CorrelatedChannel for $channel {}

        impl fmt::Debug for $channel {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($channel)).field("id", &self.id()).finish_non_exhaustive()
            }
        }
    };
}

kind!(BroadcastChannel, Kind::Broadcast);
kind!(MailboxChannel, Kind::Mailbox);
kind!(PassthroughChannel, Kind::Passthrough);
kind!(WorkQueueChannel, Kind::WorkQueue);

impl ReadChannel for BroadcastChannel {}
impl ReadChannel for MailboxChannel {}
impl ReadChannel for PassthroughChannel {}

impl ClaimChannel for PassthroughChannel {}
impl ClaimChannel for WorkQueueChannel {}
