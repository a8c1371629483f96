//! What came to an office and was not looked at yet: whoever answers reads it.

use std::collections::VecDeque;

use gleis_patterns::{Framed, RecvError, Route};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::office::{Office, PURGE};
use crate::wire;

/// How many messages are taken at a time.
const BATCH: usize = 64;

/// Messages in the order they came. One task reads at a time: the office's own, until whoever serves
/// [takes over](Handover).
#[derive(Default)]
pub(crate) struct Intake {
    heard: VecDeque<(Route, Framed)>,
    /// How many of them are no requests.
    n_others: usize,
    /// When they came; they came together, however long the last of them waits.
    since: Option<std::time::Instant>,
}

impl Intake {
    /// Reads what comes next, behind all that was read; false once the office is closed.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn read(&mut self, office: &Office) -> bool {
        match office.router.recv_many_routed(&mut self.heard, BATCH).await {
            Err(RecvError::Closed) => return false,
            Err(_) => office.unreadable(),
            Ok(_) => (),
        }
        self.since = Some(Instant::now().into_std());
        self.n_others = self.heard.iter().filter(|it| !wire::is_ask(&it.1)).count();
        true
    }

    /// When what is here came.
    pub(crate) fn since(&self) -> std::time::Instant {
        self.since.unwrap_or_else(|| Instant::now().into_std())
    }

    /// True if something is here.
    pub(crate) fn has_heard(&self) -> bool {
        !self.heard.is_empty()
    }

    /// The next message, if it and all behind it are requests.
    pub(crate) fn next_request(&mut self) -> Option<(Route, Framed)> {
        if 0 < self.n_others {
            return None;
        }
        self.heard.pop_front()
    }

    /// Notes all that is here: what takes something back is heard before what it takes back is handed out.
    pub(crate) fn note_all(&mut self, office: &Office) {
        while self.note_next(office) {}
    }

    /// Notes the next message; false if there is none.
    fn note_next(&mut self, office: &Office) -> bool {
        let Some((route, message)) = self.heard.pop_front() else {
            return false;
        };
        self.n_others -= usize::from(!wire::is_ask(&message));
        office.hear(&route, message, self.since());
        true
    }

    /// Notes what comes, until the office is closed. Requests wait for room behind those that somebody
    /// still waits for.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn listen(&mut self, office: &Office) {
        loop {
            while let Some((_, message)) = self.heard.front() {
                if wire::is_ask(message) && !office.has_room() {
                    // Looking at all that wait is dear: only where nobody takes them.
                    if timeout(PURGE, office.room()).await.is_err() {
                        office.purge();
                    }
                    continue;
                }
                self.note_next(office);
            }
            if !self.read(office).await {
                return;
            }
        }
    }

    /// The office's own task: notes what comes until somebody else reads.
    pub(crate) async fn serve_by_hand(
        mut self,
        office: std::sync::Arc<Office>,
        asked: oneshot::Receiver<oneshot::Sender<Self>>,
    ) {
        let asked = async {
            match asked.await {
                Ok(give) => give,
                Err(_) => std::future::pending().await,
            }
        };
        let give = tokio::select! {
            biased;
            give = asked => give,
            () = self.listen(&office) => return,
        };
        // Whoever asked may have gone, and the office with it.
        drop(give.send(self));
    }
}

/// How to be given the intake by the office's own task.
pub(crate) struct Handover(pub(crate) oneshot::Sender<oneshot::Sender<Intake>>);

impl Handover {
    /// The intake; `None` if the office is closed.
    pub(crate) async fn take(self) -> Option<Intake> {
        let (give, given) = oneshot::channel();
        self.0.send(give).ok()?;
        given.await.ok()
    }
}
