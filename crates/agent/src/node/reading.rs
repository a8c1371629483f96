//! Those who read what a node keeps: its log and its dead letters.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use gleis_patterns::ReplyHandle;
use tokio::{sync::watch, time::timeout};

use super::{ControlReply, ControlRequest, Host, Part, Reading, Told, Want};
use crate::{CallError, ring::Ring, text::chain};

/// How many may read at a time; they take no room from others, and keep no node from ending.
const READERS: usize = 100;

/// The longest time that a reader waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the end of a node waits for its last words to leave.
const LAST: Duration = Duration::from_secs(1);

/// The readers of a node, each with what it waits for.
pub(super) struct Readers {
    host: Arc<Host>,
    is_over: watch::Sender<bool>,
    reading: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Readers {
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, is_over: watch::Sender::new(false), reading: FuturesUnordered::new() }
    }

    /// Whether there is a place for one more.
    pub(super) fn have_room(&self) -> bool {
        self.reading.len() < READERS
    }

    /// Takes in one more.
    pub(super) fn add(&self, request: ControlRequest, reply: ReplyHandle<ControlReply>) {
        let (host, is_over) = (self.host.clone(), self.is_over.subscribe());
        self.reading.push(Box::pin(async move {
            let answer = read(&host, request, is_over).await;
            if let Err(error) = reply.send(answer).await {
                tracing::debug!(target: "gleis::agent", error = chain(&error), "an answer did not leave");
            }
        }));
    }

    /// Answers them; to be polled as long as there are some.
    ///
    /// # Cancel safety
    /// Nobody is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Option<()> {
        self.reading.next().await
    }

    /// Gives all of them what there is, and says that there will be no more.
    pub(super) async fn end(mut self) {
        self.is_over.send_replace(true);
        // One that takes no answers has the time of the others.
        let _ = timeout(LAST, async { while self.next().await.is_some() {} }).await;
    }
}

async fn read(
    host: &Host,
    request: ControlRequest,
    is_over: watch::Receiver<bool>,
) -> ControlReply {
    // The answer is to be there in time.
    let patience = request.within.min(PATIENCE) / 2;
    match request.want {
        Want::Letters(reading) => {
            let ring = host.letters().ring();
            let is_meant = |name: &str| reading.is_of(name);
            let page =
                part(host, ring, &reading, patience, is_over, |it| is_meant(it.agent.as_str()));
            Ok(Told::Letters(page.await))
        }
        Want::Log { reading, least } => {
            let is_meant = |name: &str| reading.is_of(name);
            let ring = host.lines().ring();
            let page = part(host, ring, &reading, patience, is_over, |it| {
                least <= it.level && is_meant(&it.agent)
            });
            Ok(Told::Log(page.await))
        }
        want => {
            let reason = "it is nothing that is read".to_owned();
            Err(CallError::Refused { agent: request.agent, what: want.text(), reason })
        }
    }
}

async fn part<T: Clone>(
    host: &Host,
    ring: &Ring<T>,
    reading: &Reading,
    patience: Duration,
    mut is_over: watch::Receiver<bool>,
    is_meant: impl Fn(&T) -> bool,
) -> Part<T> {
    let is_ours = reading.node.as_ref() == Some(host.identity());
    let mut page = ring.page(if is_ours { reading.next } else { 0 }, &is_meant);
    if reading.waits {
        let waiting = async {
            while page.items.is_empty() && !ring.is_closed() {
                let (next, missed) = (page.next, page.missed);
                ring.reached(next).await;
                page = ring.page(next, &is_meant);
                page.missed += missed;
            }
        };
        tokio::select! {
            // What there is, before the end.
            biased;
            () = waiting => (),
            _ = is_over.wait_for(|it| *it) => (),
            () = tokio::time::sleep(patience) => (),
        }
    }
    let is_last = *is_over.borrow() && !ring.has(page.next);
    Part { page, node: host.identity().clone(), is_last }
}

impl Reading {
    fn is_of(&self, agent: &str) -> bool {
        self.agent.as_ref().is_none_or(|it| it.as_str() == agent)
    }
}

/// Why there is no place for one more.
pub(super) fn refusal(request: ControlRequest) -> CallError {
    let reason = format!("no more than {READERS} may read of one node at a time");
    CallError::Refused { agent: request.agent, what: request.want.text(), reason }
}
