//! The sockets behind the aliases: each kind as one variant, all of bytes.

use bytes::Bytes;
use gleis_channels::{
    AsyncReplier, AsyncRequester, Event, ReplyStats, RequestId, RequestStats, SyncPublisher,
    SyncSubscriber,
};
use gleis_core::{Endpoint, Traffic};
use gleis_patterns::{
    Filter, Flow, Multipart, Publisher, Pull, Push, Replier, Requester, Stats, Subscriber, XPub,
    XSub,
};

use super::{glue::Glue, handling::Owed};
use crate::text::chain;

/// A socket of an agent.
pub(crate) enum Socket {
    AsyncRep(AsyncReplier<Bytes, Bytes>),
    AsyncReq(AsyncRequester<Bytes, Bytes>),
    GluedPub(XPub<Multipart>, Glue),
    GluedSub(XSub<Multipart>, Glue),
    Pub(Publisher<Bytes>),
    Pull(Pull<Bytes>),
    Push(Push<Bytes>),
    Rep(Replier<Bytes, Bytes>),
    Req(Requester<Bytes, Bytes>),
    Sub(Subscriber<Bytes>),
    SyncPub(SyncPublisher<Bytes, Bytes, Bytes>),
    SyncSub(SyncSubscriber<Bytes, Bytes, Bytes>),
}

/// What arrives.
pub(super) enum Arrival {
    /// The answer to a request that was made under this id, or why there is none.
    Answer(RequestId, Result<Bytes, gleis_channels::RequestError>),
    /// A message, a publication or a request.
    Message { body: Bytes, topic: Option<Bytes>, owed: Option<Owed> },
}

impl Arrival {
    fn request(body: Bytes, owed: Owed) -> Self {
        Self::Message { body, topic: None, owed: Some(owed) }
    }
}

/// Why nothing arrives.
pub(super) enum Silence {
    /// Nothing will any more.
    Closed,
    /// Something was bad and is dropped.
    Dropped(String),
    /// The socket is of a kind that only sends.
    Deaf,
}

impl From<gleis_patterns::RecvError> for Silence {
    fn from(error: gleis_patterns::RecvError) -> Self {
        match error {
            gleis_patterns::RecvError::Closed => Self::Closed,
            error => Self::Dropped(chain(&error)),
        }
    }
}

impl From<gleis_channels::RecvError> for Silence {
    fn from(error: gleis_channels::RecvError) -> Self {
        match error {
            gleis_channels::RecvError::Closed => Self::Closed,
            error => Self::Dropped(chain(&error)),
        }
    }
}

impl Socket {
    /// Waits for what comes next. Nothing is lost when the future is dropped.
    pub(super) async fn recv(&self) -> Result<Arrival, Silence> {
        let message = |body, topic| Ok(Arrival::Message { body, topic, owed: None });
        match self {
            Self::AsyncRep(it) => {
                let (body, reply) = it.recv().await?;
                Ok(Arrival::request(body, Owed::Channel(reply)))
            }
            Self::GluedSub(it, glue) => {
                let (topic, body) = glue.split(it.recv_whole().await?).map_err(Silence::Dropped)?;
                message(body, Some(topic))
            }
            Self::Pull(it) => message(it.recv().await?, None),
            Self::Rep(it) => {
                let (body, reply) = it.recv().await?;
                Ok(Arrival::request(body, Owed::Socket(reply)))
            }
            Self::Sub(it) => {
                let publication = it.recv().await?;
                message(publication.message, Some(publication.topic))
            }
            Self::SyncPub(it) => {
                let (body, reply) = it.recv().await?;
                Ok(Arrival::request(body, Owed::Channel(reply)))
            }
            Self::SyncSub(it) => match it.recv().await? {
                Event::Failed { to, error } => Ok(Arrival::Answer(to, Err(error))),
                Event::Publication { topic, message: body } => message(body, Some(topic)),
                Event::Reply { to, message: body } => Ok(Arrival::Answer(to, Ok(body))),
            },
            Self::AsyncReq(_)
            | Self::GluedPub(..)
            | Self::Pub(_)
            | Self::Push(_)
            | Self::Req(_) => Err(Silence::Deaf),
        }
    }

    /// Closes it; returns how many messages did not leave.
    pub(super) async fn close(&self) -> usize {
        match self {
            Self::AsyncRep(it) => it.close().await,
            Self::AsyncReq(it) => it.close().await,
            Self::GluedPub(it, _) => it.close().await,
            Self::GluedSub(it, _) => it.close().await,
            Self::Pub(it) => it.close().await,
            Self::Pull(it) => it.close().await,
            Self::Push(it) => it.close().await,
            Self::Rep(it) => it.close().await,
            Self::Req(it) => it.close().await,
            Self::Sub(it) => it.close().await,
            Self::SyncPub(it) => it.close().await,
            Self::SyncSub(it) => it.close().await,
        }
    }

    /// How many peers it has, if that is known, and what became of what came and of what went.
    pub(super) fn ledger(&self) -> (Option<u64>, Traffic, Traffic) {
        let of = |it: Stats| (Some(it.peers.len() as u64), flow(&it.received), flow(&it.sent));
        match self {
            Self::AsyncRep(it) => {
                let (received, sent) = answered(&it.stats());
                (Some(it.peers() as u64), received, sent)
            }
            Self::AsyncReq(it) => {
                let (received, sent) = asked(&it.stats());
                (None, received, sent)
            }
            Self::GluedPub(it, _) => of(it.stats()),
            Self::GluedSub(it, _) => of(it.stats()),
            Self::Pub(it) => of(it.stats()),
            Self::Pull(it) => of(it.stats()),
            Self::Push(it) => of(it.stats()),
            Self::Rep(it) => of(it.stats()),
            Self::Req(it) => of(it.stats()),
            Self::Sub(it) => of(it.stats()),
            Self::SyncPub(it) => {
                let ((received, sent), published) = (answered(&it.stats()), it.published());
                let feed = Traffic {
                    dropped: published.dropped + published.unheard,
                    passed: published.delivered,
                    waiting: 0,
                };
                (Some(it.peers() as u64), received, sum(sent, feed))
            }
            Self::SyncSub(it) => {
                let ((received, sent), came) = (asked(&it.stats()), it.received());
                let feed = Traffic {
                    dropped: came.missed + came.unwanted,
                    passed: came.came.saturating_sub(came.unwanted + came.waiting),
                    waiting: came.waiting,
                };
                (None, sum(received, feed), sent)
            }
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::AsyncRep(it) => it.endpoint(),
            Self::AsyncReq(it) => it.endpoint(),
            Self::GluedPub(it, _) => it.endpoint(),
            Self::GluedSub(it, _) => it.endpoint(),
            Self::Pub(it) => it.endpoint(),
            Self::Pull(it) => it.endpoint(),
            Self::Push(it) => it.endpoint(),
            Self::Rep(it) => it.endpoint(),
            Self::Req(it) => it.endpoint(),
            Self::Sub(it) => it.endpoint(),
            Self::SyncPub(it) => it.endpoint(),
            Self::SyncSub(it) => it.endpoint(),
        }
    }

    /// Wants a topic; false if the socket subscribes to nothing.
    pub(super) fn subscribe(&self, topic: &Bytes) -> bool {
        match self {
            Self::GluedSub(it, _) => it.subscribe(filter(topic)),
            Self::Sub(it) => it.subscribe(filter(topic)),
            Self::SyncSub(it) => it.subscribe(filter(topic)),
            _ => return false,
        }
        true
    }

    /// Wants a topic no more; false if it was not wanted.
    pub(super) fn unsubscribe(&self, topic: &Bytes) -> bool {
        match self {
            Self::GluedSub(it, _) => it.unsubscribe(filter(topic)),
            Self::Sub(it) => it.unsubscribe(filter(topic)),
            Self::SyncSub(it) => it.unsubscribe(filter(topic)),
            _ => false,
        }
    }
}

fn flow(flow: &Flow) -> Traffic {
    Traffic {
        dropped: flow.dropped.total(),
        passed: flow.delivered,
        waiting: flow.queued + flow.in_flight,
    }
}

/// What came and what went of whoever asks: answers, and questions.
fn asked(books: &RequestStats) -> (Traffic, Traffic) {
    let received = Traffic {
        dropped: books.late + books.unreadable,
        passed: books.answered + books.failed,
        waiting: 0,
    };
    let dropped = books.expired + books.cancelled + books.lost + books.closed;
    let sent = Traffic { dropped, passed: books.answered + books.failed, waiting: books.in_flight };
    (received, sent)
}

/// What came and what went of whoever answers: questions, and answers.
fn answered(books: &ReplyStats) -> (Traffic, Traffic) {
    let dropped = books.expired + books.unreadable;
    let passed = books.asked.saturating_sub(books.expired + books.open);
    let received = Traffic { dropped, passed, waiting: books.open };
    let passed = books.answered + books.failed + books.unanswered;
    let sent = Traffic { dropped: books.dropped + books.gone, passed, waiting: 0 };
    (received, sent)
}

fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        dropped: one.dropped + other.dropped,
        passed: one.passed + other.passed,
        waiting: one.waiting + other.waiting,
    }
}

/// Everything that begins with `topic`.
pub(super) fn filter(topic: &Bytes) -> Filter {
    Filter::from(&topic[..])
}
