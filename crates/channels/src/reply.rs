//! The answer to one request.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_codec::Message;
use gleis_core::Deadline;
use gleis_patterns::{Outgoing, PeerId};
use tokio::time::{Instant, sleep_until};

use crate::case::{Case, End, Phase};
use crate::error::ReplyError;
use crate::office::{Office, Refusal, Saying};
use crate::wire::{self, Why};

/// Answers exactly one request, now or later, here or in another task; dropped without an answer it
/// says "no reply".
///
/// ```compile_fail
/// # async fn twice(reply: gleis_channels::Reply<u32>) -> Result<(), gleis_channels::ReplyError> {
/// reply.send(1).await?;
/// reply.send(2).await // a second answer does not compile
/// # }
/// ```
///
/// It may outlive its channel, but then nobody can be answered any more.
#[must_use = "the requester waits until this handle is used or dropped"]
pub struct Reply<R> {
    case: Arc<Case>,
    is_done: bool,
    office: Weak<Office>,
    value: PhantomData<fn(R)>,
}

impl<R: Message> Reply<R> {
    pub(crate) fn new(office: &Arc<Office>, case: Arc<Case>) -> Self {
        Self { case, is_done: false, office: Arc::downgrade(office), value: PhantomData }
    }

    /// Answers with `value`, by value or by reference.
    ///
    /// A requester that takes nothing is waited for as long as the channel's
    /// [patience](crate::Builder::patience) says.
    ///
    /// # Errors
    /// [`ReplyError`]. What cannot be encoded is an error for the requester, too.
    ///
    /// # Cancel safety
    /// A dropped future has answered with the value, or says "no reply".
    pub async fn send(mut self, value: impl Outgoing<R>) -> Result<(), ReplyError> {
        let office = self.office()?;
        let (saying, error) = office.encode(&self.case.codec, self.case.id, value.value());
        let res = office.answer(&self.case, &saying).await;
        self.is_done = true;
        error.map_or(res, |it| Err(ReplyError::Encode(it)))
    }

    /// Answers with what a handler returned, if there is room; else it is left to do later.
    pub(crate) fn send_now(mut self, value: Result<R, String>) -> Option<BoxFuture<'static, ()>> {
        let office = self.office().ok()?;
        let saying = match value {
            Ok(value) => office.say(&self.case.codec, self.case.id, &value),
            Err(text) => Saying::Failure(text),
        };
        match office.try_answer(&self.case, &saying) {
            Ok(()) | Err(Refusal::Error(_)) => {
                self.is_done = true;
                None
            }
            Err(Refusal::Full) => {
                let reply = self;
                Some(Box::pin(async move {
                    // Whether in vain or not, it is counted.
                    drop(office.answer(&reply.case, &saying).await);
                }))
            }
        }
    }

    /// Answers with an error that says `text`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn fail(mut self, text: impl Into<String>) -> Result<(), ReplyError> {
        let office = self.office()?;
        let res = office.answer(&self.case, &Saying::Failure(text.into())).await;
        self.is_done = true;
        res
    }

    /// The office, if somebody there still waits for this.
    fn office(&self) -> Result<Arc<Office>, ReplyError> {
        match self.case.phase() {
            Phase::Cancelled => Err(ReplyError::Cancelled),
            Phase::Gone | Phase::Over => Err(ReplyError::Gone),
            Phase::Open => self.office.upgrade().ok_or(ReplyError::Gone),
        }
    }
}

impl<R> Reply<R> {
    /// Waits until nobody waits for the answer any more: the requester gave the request up, is gone,
    /// or the deadline has passed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn cancelled(&self) {
        tokio::select! {
            biased;
            () = self.case.ended() => (),
            () = sleep_until(self.case.deadline.instant().into()) => (),
        }
    }

    /// When the requester stops waiting, as far as the way of the request took no time.
    pub fn deadline(&self) -> Deadline {
        self.case.deadline
    }

    /// Which request of this requester it is.
    pub fn id(&self) -> u64 {
        self.case.id
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.case.phase() != Phase::Open || self.remaining().is_none()
    }

    /// Who asked.
    pub fn peer(&self) -> &PeerId {
        &self.case.peer
    }

    /// How long the requester still waits; `None` once the deadline has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.case.deadline.remaining(Instant::now().into_std())
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        // Who forgets to answer must not leave the requester waiting.
        if !self.is_done
            && self.case.let_go()
            && let Some(office) = self.office.upgrade()
        {
            let message = wire::failure(self.case.id, Why::NoReply, String::new());
            office.answer_now(&self.case, message, End::Unanswered);
        }
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("id", &self.case.id)
            .field("peer", &self.case.peer)
            .finish_non_exhaustive()
    }
}
