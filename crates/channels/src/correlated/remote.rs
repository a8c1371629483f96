//! A correlated channel of another process.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Endpoint, EndpointError};
use gleis_transport::Options;

use super::error::{ChannelError, ConnectError, RemoteError};
use super::log::{Claim, ClaimToken};
use super::message::ChannelMessage;
use super::served::{ChannelInfo, Question, Told};
use super::via::Correlated;
use crate::error::RequestError;
use crate::request::Answer;
use crate::requester::AsyncRequester;

/// How many messages a subscription takes at a time.
const BATCH: usize = 64;
/// How long a subscription or a reader that waits is silent before it asks anew.
const PATIENCE: Duration = Duration::from_secs(60);

/// A channel that a [`ServedChannel`](crate::ServedChannel) serves, most often in another process: the
/// same operations, over one connection, which is made again when it breaks. Clones share it.
#[derive(Clone)]
pub struct RemoteChannel {
    id: String,
    requester: Arc<AsyncRequester<Question, Told>>,
}

impl RemoteChannel {
    /// Connects to the channel that is served at `at`, and asks which one it is.
    ///
    /// # Errors
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    /// A dropped future is not connected.
    pub async fn connect<E>(at: E) -> Result<Self, ConnectError>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Self::connect_with(at, Options::default()).await
    }

    /// As [`connect`](Self::connect), with limits and times of your own.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    /// A dropped future is not connected.
    pub async fn connect_with<E>(at: E, options: Options) -> Result<Self, ConnectError>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        let requester = AsyncRequester::connect(at).options(options).await;
        let requester = Arc::new(requester.map_err(ConnectError::Open)?);
        let mut channel = Self { id: String::new(), requester };
        channel.id = channel.info().await.map_err(ConnectError::Remote)?.id;
        Ok(channel)
    }

    /// Which channel it is.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the channel says of itself.
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn info(&self) -> Result<ChannelInfo, RemoteError> {
        match self.ask(Question::Info).await? {
            Told::Info(info) => Ok(info),
            _ => Err(RemoteError::Unexpected),
        }
    }

    /// Appends a message, and returns its id.
    ///
    /// # Errors
    /// [`RemoteError`]. Writing it again after [`RemoteError::Request`] is safe: a message whose id is
    /// there already is refused as [`DuplicateId`](ChannelError::DuplicateId).
    ///
    /// # Cancel safety
    /// A dropped future may have written it.
    pub async fn write(&self, message: ChannelMessage) -> Result<String, RemoteError> {
        match self.ask(Question::Write(message)).await? {
            Told::Id(id) => Ok(id),
            _ => Err(RemoteError::Unexpected),
        }
    }

    /// Reads up to `limit` messages: see [`ReadChannel::read`](crate::ReadChannel::read).
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// The reader may have moved on: with `after` nothing is lost.
    pub async fn read(
        &self,
        reader: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Vec<ChannelMessage>, RemoteError> {
        let (reader, after) = (reader.to_owned(), after.map(str::to_owned));
        messages(self.ask(Question::Read { reader, limit, after, waits: false }).await?)
    }

    /// Waits until there is something to read, and reads up to `limit`, one at least.
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// As [`read`](Self::read).
    pub async fn next(
        &self,
        reader: &str,
        limit: usize,
    ) -> Result<Vec<ChannelMessage>, RemoteError> {
        let question =
            Question::Read { reader: reader.to_owned(), limit, after: None, waits: true };
        messages(self.wait(question).await?)
    }

    /// Claims up to `limit` messages, those that are there.
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// What was claimed by then comes back when the claim times out.
    pub async fn claim(&self, limit: usize) -> Result<Vec<Claim>, RemoteError> {
        claims(self.ask(Question::Claim { limit, waits: false }).await?)
    }

    /// Waits until there is something to claim, and claims up to `limit`, one at least.
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// As [`claim`](Self::claim).
    pub async fn next_claims(&self, limit: usize) -> Result<Vec<Claim>, RemoteError> {
        claims(self.wait(Question::Claim { limit, waits: true }).await?)
    }

    /// The message is done: it leaves the log.
    ///
    /// # Errors
    /// [`RemoteError`]; [`ChannelError::ClaimOver`] among them.
    ///
    /// # Cancel safety
    /// A dropped future may have done it.
    pub async fn ack(&self, claim: ClaimToken) -> Result<(), RemoteError> {
        done(&self.ask(Question::Ack(claim)).await?)
    }

    /// Gives the message back.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    ///
    /// # Cancel safety
    /// As [`ack`](Self::ack).
    pub async fn nack(&self, claim: ClaimToken) -> Result<(), RemoteError> {
        done(&self.ask(Question::Nack(claim)).await?)
    }

    /// The claim holds as long as if it were made now.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    ///
    /// # Cancel safety
    /// As [`ack`](Self::ack).
    pub async fn extend(&self, claim: ClaimToken) -> Result<(), RemoteError> {
        done(&self.ask(Question::Extend(claim)).await?)
    }

    /// Every message that is written from now on. What comes while the connection is down is not lost:
    /// the subscription is a place in the log.
    ///
    /// # Errors
    /// [`RemoteError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn subscribe(&self) -> Result<RemoteSubscription, RemoteError> {
        let Told::Number(next) = self.ask(Question::End).await? else {
            return Err(RemoteError::Unexpected);
        };
        Ok(RemoteSubscription { channel: self.clone(), ready: VecDeque::new(), next })
    }

    /// How many questions have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.requester.in_flight()
    }

    async fn ask(&self, question: Question) -> Result<Told, RemoteError> {
        self.asked(question, None)?.told().await
    }

    /// Asks until there is an answer, however long that takes.
    async fn wait(&self, question: Question) -> Result<Told, RemoteError> {
        loop {
            match self.asked(question.clone(), Some(PATIENCE))?.told().await {
                Err(RemoteError::Request(RequestError::DeadlineExceeded { .. })) => (),
                res => return res,
            }
        }
    }

    fn asked(&self, question: Question, within: Option<Duration>) -> Result<Asked, RemoteError> {
        let request = self.requester.request(question).map_err(RemoteError::Request)?;
        Ok(Asked(match within {
            None => request.start(),
            Some(within) => request.within(within).start(),
        }))
    }
}

/// A question under way.
struct Asked(Answer<Told>);

impl Asked {
    async fn told(self) -> Result<Told, RemoteError> {
        match self.0.await.map_err(RemoteError::Request)? {
            Told::Error(error) => Err(RemoteError::Channel(error)),
            told => Ok(told),
        }
    }
}

impl Correlated for RemoteChannel {
    fn channel_id(&self) -> &str {
        &self.id
    }

    fn expect(
        &self,
        correlation: &str,
        except: &str,
        within: Duration,
    ) -> impl Future<Output = Result<Option<ChannelMessage>, RemoteError>> + Send {
        let (correlation, except) = (correlation.to_owned(), except.to_owned());
        let asked = self.asked(Question::Expect { correlation, except }, Some(within));
        async move {
            match asked?.told().await {
                Err(RemoteError::Request(RequestError::DeadlineExceeded { .. })) => Ok(None),
                res => Ok(messages(res?)?.pop()),
            }
        }
    }

    fn append(
        &self,
        message: ChannelMessage,
    ) -> impl Future<Output = Result<String, RemoteError>> + Send {
        self.write(message)
    }
}

impl fmt::Debug for RemoteChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteChannel")
            .field("id", &self.id)
            .field("endpoint", self.requester.endpoint())
            .finish_non_exhaustive()
    }
}

/// Every message of a channel of another process, in order: see
/// [`Subscription`](crate::Subscription).
pub struct RemoteSubscription {
    channel: RemoteChannel,
    next: u64,
    ready: VecDeque<ChannelMessage>,
}

impl RemoteSubscription {
    /// Waits for the next message.
    ///
    /// # Errors
    /// [`ChannelError::Gap`], after which the next call goes on, and what else a channel and the way
    /// to it say. After a lost connection the next call goes on where this one was.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<ChannelMessage, RemoteError> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            let question = Question::Follow { from: Some(self.next), limit: BATCH };
            let Told::Since { messages, missed, next } = self.channel.wait(question).await? else {
                return Err(RemoteError::Unexpected);
            };
            self.next = next;
            self.ready.extend(messages);
            if 0 < missed {
                return Err(RemoteError::Channel(ChannelError::Gap { missed }));
            }
        }
    }
}

impl fmt::Debug for RemoteSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSubscription")
            .field("channel", &self.channel.id)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

fn messages(told: Told) -> Result<Vec<ChannelMessage>, RemoteError> {
    match told {
        Told::Messages(messages) => Ok(messages),
        _ => Err(RemoteError::Unexpected),
    }
}

fn claims(told: Told) -> Result<Vec<Claim>, RemoteError> {
    let Told::Claims(claims) = told else {
        return Err(RemoteError::Unexpected);
    };
    let claim =
        |(deliveries, message, token)| Claim { deliveries, message: Arc::new(message), token };
    Ok(claims.into_iter().map(claim).collect())
}

fn done(told: &Told) -> Result<(), RemoteError> {
    match told {
        Told::Done => Ok(()),
        _ => Err(RemoteError::Unexpected),
    }
}
