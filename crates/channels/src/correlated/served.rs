//! A correlated channel that other processes use.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_core::{Endpoint, EndpointError};
use gleis_patterns::OpenError;
use gleis_transport::{Options, TaskGuard};
use serde::{Deserialize, Serialize};

use super::error::ChannelError;
use super::kinds::CorrelatedChannel;
use super::log::{Claim, ClaimToken, LogStats, Since};
use super::message::ChannelMessage;
use super::shared::Shared;
use crate::replier::AsyncReplier;
use crate::reply::Reply;
use crate::stats::ReplyStats;

/// So many questions wait for their messages; more are answered that there is no room.
const WAITING: usize = 10_000;

/// What a channel is asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Question {
    Ack(ClaimToken),
    Claim {
        limit: usize,
        waits: bool,
    },
    Expect {
        correlation: String,
        except: String,
    },
    Extend(ClaimToken),
    Follow {
        from: Option<u64>,
        limit: usize,
    },
    Info,
    Nack(ClaimToken),
    Read {
        reader: String,
        limit: usize,
        after: Option<String>,
        waits: bool,
    },
    /// Where followers of all that comes from now on begin.
    End,
    Write(ChannelMessage),
}

/// What a channel answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) enum Told {
    Claims(Vec<(u32, ChannelMessage, ClaimToken)>),
    Done,
    Error(ChannelError),
    Id(String),
    Info(ChannelInfo),
    Messages(Vec<ChannelMessage>),
    Number(u64),
    Since { messages: Vec<ChannelMessage>, missed: u64, next: u64 },
}

/// What a channel says of itself.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChannelInfo {
    /// Which channel it is.
    pub id: String,
    /// What it is used as: `broadcast`, `mailbox`, `passthrough` or `work queue`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// What became of its messages.
    pub stats: LogStats,
}

/// Serves a channel to other processes, which use it as a [`RemoteChannel`](crate::RemoteChannel).
/// Dropping it ends that; the channel goes on. Whoever reaches the endpoint may read and write: nobody is
/// authenticated.
#[must_use = "dropping it ends the service"]
pub struct ServedChannel {
    replier: Arc<AsyncReplier<Question, Told>>,
    _task: TaskGuard,
}

impl ServedChannel {
    /// Serves `channel` at an endpoint. Port 0 and `ipc://*` let the system choose.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Cancel safety
    /// A dropped future serves nothing.
    pub async fn bind<E>(at: E, channel: &impl CorrelatedChannel) -> Result<Self, OpenError>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        Self::bind_with(at, channel, Options::default()).await
    }

    /// As [`bind`](Self::bind), with limits and times of your own.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Cancel safety
    /// A dropped future serves nothing.
    pub async fn bind_with<E>(
        at: E,
        channel: &impl CorrelatedChannel,
        options: Options,
    ) -> Result<Self, OpenError>
    where
        E: TryInto<Endpoint, Error: Into<EndpointError>>,
    {
        let replier = Arc::new(AsyncReplier::bind(at).options(options).await?);
        let _task = TaskGuard::spawn(serve(channel.shared().clone(), replier.clone()));
        Ok(Self { replier, _task })
    }

    /// Where it can be reached.
    pub fn endpoint(&self) -> &Endpoint {
        self.replier.endpoint()
    }

    /// What became of the questions.
    pub fn stats(&self) -> ReplyStats {
        self.replier.stats()
    }

    /// Ends the service; what is queued has the linger time to leave. Returns how many messages did not.
    ///
    /// # Cancel safety
    /// It ends in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.replier.close().await
    }
}

impl fmt::Debug for ServedChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedChannel").field("endpoint", self.endpoint()).finish_non_exhaustive()
    }
}

/// The task: answers, and lets those wait that wait for messages.
async fn serve(shared: Arc<Shared>, replier: Arc<AsyncReplier<Question, Told>>) {
    let mut waiting = FuturesUnordered::<BoxFuture<'static, ()>>::new();
    loop {
        let next = tokio::select! {
            biased;
            Some(()) = waiting.next() => continue,
            next = replier.recv() => next,
        };
        let Ok((question, reply)) = next else {
            return;
        };
        // Most are answered at once; the others are waited for beside what comes next.
        let mut answering = answer(shared.clone(), question, reply).boxed();
        if (&mut answering).now_or_never().is_some() {
            tokio::task::coop::consume_budget().await;
            continue;
        }
        if WAITING <= waiting.len() {
            // Dropping it says "no reply".
            tracing::warn!(target: "gleis::channels", channel = shared.id, "too many wait");
            continue;
        }
        waiting.push(answering);
    }
}

/// Answers, unless whoever asked waits no more.
async fn answer(shared: Arc<Shared>, question: Question, reply: Reply<Told>) {
    let told = {
        let mut deciding = pin!(decide(&shared, question));
        tokio::select! {
            biased;
            told = &mut deciding => told,
            () = reply.cancelled() => return,
        }
    };
    let claims = tokens(&told);
    if reply.send(told).await.is_err() {
        // Nobody has them: others need not wait until they time out.
        for token in claims {
            let _ = shared.nack(token);
        }
    }
}

fn tokens(told: &Told) -> Vec<ClaimToken> {
    match told {
        Told::Claims(claims) => claims.iter().map(|it| it.2).collect(),
        _ => Vec::new(),
    }
}

async fn decide(shared: &Arc<Shared>, question: Question) -> Told {
    match act(shared, question).await {
        Ok(told) => told,
        Err(error) => Told::Error(error),
    }
}

async fn act(shared: &Arc<Shared>, question: Question) -> Result<Told, ChannelError> {
    Ok(match question {
        Question::Ack(token) => done(shared.ack(token)?),
        Question::Claim { limit, waits } => {
            allow(shared, shared.kind.claims(), "claim")?;
            let claims = match waits {
                true => shared.next_claims(limit).await?,
                false => shared.claim(limit)?,
            };
            Told::Claims(claims.iter().map(plain).collect())
        }
        Question::End => Told::Number(shared.end()?),
        Question::Expect { correlation, except } => {
            // The deadline of the question ends the wait.
            let expected = shared.expect(&correlation, &except, std::time::Duration::MAX);
            Told::Messages(copies(expected.await?.into_iter()))
        }
        Question::Extend(token) => done(shared.extend(token)?),
        Question::Follow { from, limit } => {
            let Since { messages, missed, next } = shared.since(from, limit).await?;
            Told::Since { messages: copies(messages.into_iter()), missed, next }
        }
        Question::Info => Told::Info(ChannelInfo {
            id: shared.id.clone(),
            kind: shared.kind.name().to_owned(),
            name: shared.name.clone(),
            stats: shared.stats(),
        }),
        Question::Nack(token) => done(shared.nack(token)?),
        Question::Read { reader, limit, after, waits } => {
            allow(shared, shared.kind.reads(), "read")?;
            let messages = match waits {
                true => shared.next(&reader, limit).await?,
                false => shared.read(&reader, limit, after.as_deref())?,
            };
            Told::Messages(copies(messages.into_iter()))
        }
        Question::Write(message) => Told::Id(shared.write(message)?),
    })
}

fn allow(shared: &Shared, may: bool, operation: &str) -> Result<(), ChannelError> {
    if may {
        return Ok(());
    }
    let kind = shared.kind.name().to_owned();
    Err(ChannelError::WrongKind { kind, operation: operation.to_owned() })
}

fn copies(messages: impl Iterator<Item = Arc<ChannelMessage>>) -> Vec<ChannelMessage> {
    messages.map(|it| (*it).clone()).collect()
}

fn done((): ()) -> Told {
    Told::Done
}

fn plain(claim: &Claim) -> (u32, ChannelMessage, ClaimToken) {
    (claim.deliveries, (*claim.message).clone(), claim.token)
}
