//! The one who takes from an intake.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gleis_transport::Message;
use tokio::task::coop::poll_proceed;

use crate::batch::Batch;
use crate::error::RecvError;
use crate::intake::Intake;
use crate::peer::Link;
use crate::stats::{Flow, Reason};

/// Takes batches off an [`Intake`] and hands out single messages; most of them without a lock.
pub(crate) struct Taker {
    batch: Batch,
    intake: Arc<Intake>,
}

impl Taker {
    pub(crate) fn new(intake: Arc<Intake>) -> Self {
        Self { batch: Batch::default(), intake }
    }

    /// The next message as `open` reads it: a value, `None` for one that nobody wants, or an error.
    pub(crate) fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut open: impl FnMut(&Arc<Link>, Message) -> Result<Option<T>, RecvError>,
    ) -> Poll<Result<T, RecvError>> {
        loop {
            match self.batch.next(&mut open) {
                Some(Ok(Some(value))) => return Poll::Ready(Ok(value)),
                Some(Ok(None)) => self.intake.received.lose(Reason::Unwanted, 1),
                Some(Err(error)) => {
                    self.intake.received.lose(Reason::Undecodable, 1);
                    return Poll::Ready(Err(error));
                }
                None => {
                    // Once per batch, so that a reader who is never idle lets others run.
                    let progress = ready!(poll_proceed(cx));
                    if !ready!(self.intake.poll_take(cx, &mut self.batch)) {
                        return Poll::Ready(Err(RecvError::Closed));
                    }
                    progress.made_progress();
                }
            }
        }
    }

    /// What became of all that came in.
    pub(crate) fn flow(&self) -> Flow {
        self.intake.flow(self.batch.len())
    }
}
