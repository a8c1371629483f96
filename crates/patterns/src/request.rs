//! One request, until it is answered.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use gleis_codec::Message;
use gleis_core::{CorrelationId, Deadline};
use tokio::time::Instant;

use crate::envelope::Answer;
use crate::error::RequestError;
use crate::local::{Outgoing, unpack};
use crate::parcel::Parcel;
use crate::peer::Link;
use crate::pending::{Look, Outcome, Pending};
use crate::requester::Requester;
use crate::ring::Offered;
use crate::stats::DropReason;

/// A request to be awaited: its output is the answer. Dropped before it is awaited it sends nothing.
#[must_use = "nothing is asked until it is awaited"]
pub struct Request<'a, Q, R, M> {
    socket: &'a Requester<Q, R>,
    state: State<'a, Q, M>,
    timeout: Duration,
}

enum State<'a, Q, M> {
    Done,
    Fresh(Parcel<Q, M>),
    Sent(Sent<'a>),
    /// There was no room at once.
    Waiting(Pin<Box<dyn Future<Output = Result<Sent<'a>, RequestError>> + Send + 'a>>),
}

impl<'a, Q: Message, R: Message, M: Outgoing<Q> + 'a> Request<'a, Q, R, M> {
    pub(crate) fn new(
        socket: &'a Requester<Q, R>,
        parcel: Parcel<Q, M>,
        timeout: Duration,
    ) -> Self {
        Self { socket, state: State::Fresh(parcel), timeout }
    }

    /// One that is sent already, if that is possible at once.
    pub(crate) fn sent_now(
        socket: &'a Requester<Q, R>,
        mut parcel: Parcel<Q, M>,
        timeout: Duration,
    ) -> Result<Self, RequestError> {
        let deadline = Deadline::after(Instant::now().into_std(), timeout);
        match socket.offer(&mut parcel, deadline) {
            Offered::Closed => Err(RequestError::Closed),
            Offered::Done(res) => Ok(Self { socket, state: State::Sent(res?), timeout }),
            Offered::Full => Err(RequestError::Full),
            Offered::Nobody => Err(RequestError::NoPeer),
        }
    }

    /// Waits this long for the answer, counted from the moment it is awaited.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Waits until it is on its way, and not for its answer: that comes when it is awaited. Of two requests
    /// to one peer the one that is on its way first arrives first.
    ///
    /// # Errors
    /// As when it is awaited; it is over then.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn sent(&mut self) -> Result<(), RequestError> {
        poll_fn(|cx| self.poll_sent(cx)).await
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        loop {
            if let State::Sent(_) = &self.state {
                return Poll::Ready(Ok(()));
            }
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Done | State::Sent(_) => panic!("a request is polled after its answer"),
                State::Fresh(parcel) => self.begin(parcel)?,
                State::Waiting(mut wait) => match wait.as_mut().poll(cx) {
                    Poll::Ready(sent) => State::Sent(sent?),
                    Poll::Pending => {
                        self.state = State::Waiting(wait);
                        return Poll::Pending;
                    }
                },
            };
        }
    }

    /// Asks at once if there is room, or begins to wait for some.
    fn begin(&self, mut parcel: Parcel<Q, M>) -> Result<State<'a, Q, M>, RequestError> {
        let deadline = Deadline::after(Instant::now().into_std(), self.timeout);
        match self.socket.offer(&mut parcel, deadline) {
            Offered::Closed => return Err(RequestError::Closed),
            Offered::Done(Err(RequestError::Full)) if self.socket.waits() => (),
            Offered::Done(res) => return res.map(State::Sent),
            Offered::Full | Offered::Nobody if self.socket.waits() => (),
            Offered::Full => return Err(RequestError::Full),
            Offered::Nobody => return Err(RequestError::NoPeer),
        }
        Ok(State::Waiting(Box::pin(wait(self.socket, parcel, deadline))))
    }
}

async fn wait<Q: Message, R: Message, M: Outgoing<Q>>(
    socket: &Requester<Q, R>,
    mut parcel: Parcel<Q, M>,
    deadline: Deadline,
) -> Result<Sent<'_>, RequestError> {
    let sent = socket.send(&mut parcel, deadline);
    if let Ok(res) = tokio::time::timeout_at(deadline.instant().into(), sent).await {
        return res;
    }
    socket.ledger.lose(DropReason::Expired, 1);
    match socket.pending().ring.is_empty() {
        true => Err(RequestError::NoPeer),
        false => Err(RequestError::DeadlineExceeded { sent: false }),
    }
}

impl<'a, Q: Message, R: Message, M: Outgoing<Q> + 'a> Future for Request<'a, Q, R, M> {
    type Output = Result<R, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(this.poll_sent(cx))?;
        let State::Sent(sent) = &mut this.state else {
            return Poll::Pending;
        };
        let outcome = ready!(sent.poll(cx));
        let res = read(outcome, &sent.link, this.socket);
        this.state = State::Done;
        Poll::Ready(res)
    }
}

fn read<Q: Message, R: Message>(
    outcome: Outcome,
    link: &Link,
    socket: &Requester<Q, R>,
) -> Result<R, RequestError> {
    match outcome {
        Outcome::Answered(Answer::Error(text)) => Err(RequestError::Remote { text }),
        Outcome::Answered(Answer::NoReply) => Err(RequestError::NoReply),
        Outcome::Answered(Answer::Value(value)) => {
            unpack(value, link, &socket.limits).map_err(RequestError::Decode)
        }
        Outcome::Closed => Err(RequestError::Closed),
        Outcome::Expired => Err(RequestError::DeadlineExceeded { sent: true }),
        Outcome::Lost => Err(RequestError::PeerLost { sent: true }),
    }
}

// Nothing in it is ever pinned in place.
impl<Q, R, M> Unpin for Request<'_, Q, R, M> {}

impl<Q, R, M> fmt::Debug for Request<'_, Q, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A request on its way. Dropping it gives its place free.
pub(crate) struct Sent<'a> {
    id: CorrelationId,
    is_over: bool,
    pub(crate) link: Arc<Link>,
    pending: &'a Pending,
}

impl<'a> Sent<'a> {
    pub(crate) fn new(id: CorrelationId, link: Arc<Link>, pending: &'a Pending) -> Self {
        Self { id, is_over: false, link, pending }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Whoever brings the answer itself need not be woken for it.
        let mut to_be_woken = false;
        loop {
            match self.pending.look(self.id, cx, to_be_woken) {
                Look::Over(outcome) => {
                    self.is_over = true;
                    return Poll::Ready(outcome);
                }
                Look::Crowd => {
                    // The link wakes one task only: when several wait, its own has to read.
                    self.link.give_up_direct();
                    return Poll::Pending;
                }
                Look::Alone if to_be_woken => return Poll::Pending,
                Look::Alone => to_be_woken = !self.link.poll_direct(cx),
            }
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        // A cancelled request must not keep its place until the deadline.
        if !self.is_over {
            self.pending.forget(self.id);
        }
    }
}
