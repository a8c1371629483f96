//! One direction of a proxy.

use std::sync::Arc;

use futures::FutureExt;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

use crate::error::{RecvError, SendError};
use crate::proxy::capture::Capture;
use crate::proxy::ends::{Held, Sink, Source, Taken};
use crate::proxy::handle::{Phase, Reins, Wish};
use crate::proxy::stats::{Counts, Way, count};

/// Which way a message went, for whoever captures.
const TOPICS: [&str; 2] = ["forward", "backward"];

/// Takes messages on one side and passes them on, one at a time.
pub(super) struct Pump {
    capture: Option<Arc<Capture>>,
    counts: Arc<Counts>,
    /// Taken, and not passed on yet.
    held: Option<Held>,
    sink: Sink,
    source: Source,
    way: usize,
}

impl Pump {
    pub(super) fn new(
        source: Source,
        sink: Sink,
        way: usize,
        capture: Option<Arc<Capture>>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { capture, counts, held: None, sink, source, way }
    }

    /// Works as it is told, until it is told to stop or a socket is closed.
    pub(super) async fn run(mut self, mut reins: Reins) {
        loop {
            let goes_on = match reins.wish() {
                Wish::Pause => {
                    reins.tell(Phase::Resting);
                    reins.changed().await
                }
                Wish::Run => {
                    reins.tell(Phase::Running);
                    self.carry(&mut reins).await
                }
                Wish::Stop(deadline) => {
                    self.drain(deadline).await;
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
        if self.held.take().is_some() {
            count(&self.here().dropped);
        }
        reins.tell(Phase::Ended);
    }

    /// Carries messages until there is another wish; false if a socket is closed.
    async fn carry(&mut self, reins: &mut Reins) -> bool {
        loop {
            let goes_on = if self.held.is_none() {
                tokio::select! {
                    biased;
                    told = reins.changed() => return told,
                    goes_on = self.take() => goes_on,
                }
            } else if self.sink.can_pause() {
                tokio::select! {
                    biased;
                    told = reins.changed() => return told,
                    goes_on = self.pass() => goes_on,
                }
            } else {
                self.pass().await
            };
            if !goes_on {
                return false;
            }
        }
    }

    /// Takes the next message as soon as it can be passed on. Cancel-safe.
    async fn take(&mut self) -> bool {
        if !self.sink.room().await {
            return false;
        }
        match self.source.recv().await {
            Ok(taken) => self.note(taken),
            Err(RecvError::Closed) => return false,
            Err(RecvError::Gap { missed, .. }) => self.sink.miss(missed),
            // Counted by the socket.
            Err(_) => (),
        }
        true
    }

    fn note(&mut self, taken: Taken) {
        count(&self.here().taken);
        if let (Some(capture), Taken::Message(message)) = (&self.capture, &taken) {
            match capture.show(TOPICS[self.way], message) {
                true => count(&self.counts.captured),
                false => count(&self.counts.uncaptured),
            }
        }
        self.held = self.sink.hold(taken);
        if self.held.is_none() {
            count(&self.here().dropped);
        }
    }

    /// Passes on what is held. If it may be given up halfway, it is still held then.
    async fn pass(&mut self) -> bool {
        let passed = self.sink.pass(&mut self.held).await;
        match &passed {
            Ok(()) => count(&self.here().passed),
            Err(_) => count(&self.here().dropped),
        }
        !matches!(passed, Err(SendError::Closed))
    }

    /// Passes on what is held and what has come in so far, as far as there is time.
    async fn drain(&mut self, deadline: Instant) {
        let mut n_waiting = self.source.queued();
        let drained = async {
            while self.held.is_none() || self.pass().await {
                if n_waiting == 0 || !self.sink.room().await {
                    return;
                }
                // Only what is there already.
                match unconstrained(self.source.recv()).now_or_never() {
                    Some(Ok(taken)) => {
                        n_waiting -= u64::from(matches!(taken, Taken::Message(_)));
                        self.note(taken);
                    }
                    None | Some(Err(RecvError::Closed)) => return,
                    Some(Err(RecvError::Gap { missed, .. })) => self.sink.miss(missed),
                    Some(Err(_)) => (),
                }
            }
        };
        // What is still held then is counted as dropped.
        let _ = timeout_at(deadline, drained).await;
    }

    fn here(&self) -> &Way {
        &self.counts.ways[self.way]
    }
}
