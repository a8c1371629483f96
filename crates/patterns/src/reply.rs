//! The answer to one request.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gleis_codec::{Limits, Message};
use gleis_transport::{CloseReason, Head, TrySendError};

use crate::envelope::{Answer, answer};
use crate::error::ReplyError;
use crate::local::Outgoing;
use crate::parcel::Parcel;
use crate::peer::Link;
use crate::stats::DropReason;

/// Answers exactly one request; dropped without an answer it says "no reply".
///
/// It may be moved to another task and outlive its [`Replier`](crate::Replier), but then nobody can be
/// answered any more.
#[must_use = "the requester waits until this handle is used or dropped"]
pub struct ReplyHandle<R> {
    to: Option<Return>,
    value: PhantomData<fn(R)>,
}

impl<R: Message> ReplyHandle<R> {
    pub(crate) fn new(to: Return) -> Self {
        Self { to: Some(to), value: PhantomData }
    }

    /// Answers with `value`.
    ///
    /// # Errors
    /// [`ReplyError`]: the requester is gone or does not take its answers, or the answer cannot be
    /// encoded; then the requester is told "no reply".
    ///
    /// # Cancel safety
    /// A dropped future has answered with the value, or says "no reply".
    pub async fn send(mut self, value: impl Outgoing<R>) -> Result<(), ReplyError> {
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        let value = Parcel::new(value, to.limits).take(&to.link);
        let value = value.map_err(|it| ReplyError::Encode(Box::new(it)))?;
        to.send(Answer::Value(value)).await?;
        self.to = None;
        Ok(())
    }

    /// Answers with an error that says `text`. A peer that is no gleis socket gets an empty body.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn fail(mut self, text: impl Into<String>) -> Result<(), ReplyError> {
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        to.send(Answer::Error(text.into())).await?;
        self.to = None;
        Ok(())
    }
}

impl<R> ReplyHandle<R> {
    /// The address of whoever asked.
    pub fn peer(&self) -> &str {
        self.to.as_ref().map_or("", |it| it.link.address())
    }

    /// Who asked; `None` if it was answered.
    pub fn asker(&self) -> Option<Asker> {
        self.to.as_ref().map(|it| Asker(it.link.clone()))
    }
}

/// Who asked: one connection, for as long as it lasts. Two are equal if they are the same one; who comes
/// back is another. Cheap to clone.
#[derive(Clone)]
pub struct Asker(Arc<Link>);

impl Asker {
    /// Its address.
    pub fn address(&self) -> &str {
        self.0.address()
    }

    /// True once it is gone, and cannot be answered any more.
    pub fn is_gone(&self) -> bool {
        self.0.is_over()
    }

    /// Waits until it is gone.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn gone(&self) {
        self.0.sender.closed().wait().await;
    }
}

impl PartialEq for Asker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Asker {}

impl Hash for Asker {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Asker").field(&self.address()).finish()
    }
}

impl<R> Drop for ReplyHandle<R> {
    fn drop(&mut self) {
        // A handler that forgets to answer must not leave the requester hanging.
        if let Some(to) = self.to.take() {
            to.answer_now(Answer::NoReply);
        }
    }
}

impl<R> fmt::Debug for ReplyHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyHandle").field("peer", &self.peer()).finish_non_exhaustive()
    }
}

/// The way back to whoever asked.
pub(crate) struct Return {
    pub(crate) envelope: Head,
    pub(crate) limits: Limits,
    pub(crate) link: Arc<Link>,
    pub(crate) patience: Duration,
}

impl Return {
    async fn send(&mut self, what: Answer) -> Result<(), ReplyError> {
        let n_frames = self.envelope.len();
        let message = answer(std::mem::take(&mut self.envelope), what, self.link.gleis);
        let message = match self.link.sender.try_send(message) {
            Err(TrySendError::Full(message)) => message,
            res => return self.count(res),
        };
        // Whoever stops waiting still says "no reply".
        self.envelope = message.head.clone();
        drop(self.envelope.split_off(n_frames));
        match tokio::time::timeout(self.patience, self.link.sender.send(message)).await {
            Ok(res) => self.count(res),
            Err(_) => {
                // One such peer must not hold up all others time and again.
                let text = ReplyError::Full.to_string();
                self.link.sender.abort(CloseReason::Refused(text.into()));
                Err(ReplyError::Full)
            }
        }
    }

    /// Answers with an error, if there is room.
    pub(crate) fn fail_now(self, text: String) {
        self.answer_now(Answer::Error(text));
    }

    /// Answers if there is room; without it the request's deadline tells.
    fn answer_now(self, what: Answer) {
        let message = answer(self.envelope, what, self.link.gleis);
        let res = self.link.sender.try_send(message);
        match res {
            Ok(()) => (),
            Err(TrySendError::Full(_)) => self.link.account.lose_sent(DropReason::Full),
            Err(_) => self.link.account.lose_sent(DropReason::Closed),
        }
    }

    fn count(&self, res: Result<(), TrySendError>) -> Result<(), ReplyError> {
        match res {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(ReplyError::Closed),
            Err(TrySendError::Full(_)) => Err(ReplyError::Full),
            Err(error) => Err(ReplyError::Encode(Box::new(error))),
        }
    }
}
