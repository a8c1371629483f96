//! The answering side of links: requests that came, until they are answered, over one router.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::HashMap;
use futures::FutureExt;
use gleis_codec::{AnyCodec, Limits, Message};
use gleis_core::{Deadline, Endpoint};
use gleis_patterns::{Event, Events, Framed, OpenError, PeerId, RecvError, Router, SendError};
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::audience::Audience;
use crate::case::{Case, End, Phase};
use crate::error::{ReplyError, chain};
use crate::queue::Queue;
use crate::reply::Reply;
use crate::settings::Settings;
use crate::stats::ReplyStats;
use crate::wire::{self, Named, Up, Why};

/// How many messages are taken at a time.
const BATCH: usize = 64;

/// How long room is waited for before those are looked for that nobody waits for any more.
const PURGE: Duration = Duration::from_millis(100);

/// What whoever answers, its tasks and its replies share.
pub(crate) struct Office {
    /// Of one that publishes as well.
    pub(crate) audience: Option<Audience>,
    pub(crate) codec: AnyCodec,
    pub(crate) limits: Limits,
    open: Mutex<Open>,
    pub(crate) patience: Duration,
    queue: Queue<Incoming>,
    pub(crate) router: Router<Framed>,
}

/// What is answered.
pub(crate) enum Saying {
    Failure(String),
    Value(Bytes),
}

impl Saying {
    fn message(&self, id: u64) -> Framed {
        match self {
            Self::Failure(text) => wire::failure(id, Why::Failed, text.clone()),
            Self::Value(body) => wire::answer(id, body.clone()),
        }
    }

    fn end(&self) -> End {
        match self {
            Self::Failure(_) => End::Failed,
            Self::Value(_) => End::Answered,
        }
    }
}

/// Why an answer was not sent at once.
pub(crate) enum Refusal {
    /// The request is over.
    Error(ReplyError),
    /// It has to wait for room.
    Full,
}

#[derive(Default)]
struct Open {
    cases: HashMap<(PeerId, u64), Arc<Case>>,
    stats: ReplyStats,
}

/// A request that nobody has taken yet.
struct Incoming {
    body: Bytes,
    case: Arc<Case>,
}

/// Owns an office: dropping it ends the tasks, and nobody is answered any more.
pub(crate) struct OfficeOwner {
    pub(crate) office: Arc<Office>,
    _tasks: [TaskGuard; 2],
}

impl OfficeOwner {
    pub(crate) async fn open<T: 'static>(
        at: Endpoint,
        settings: Settings,
        audience: Option<Audience>,
    ) -> Result<Self, OpenError> {
        let codec = settings.codec.clone().unwrap_or_else(AnyCodec::default_for::<T>);
        let (limits, patience) = (settings.limits(), settings.patience);
        let weigh = |it: &Incoming| it.body.len();
        let queue = Queue::new(settings.options.recv_high_water, weigh);
        let router = Router::bind(at).options(settings.options).await?;
        let open = Mutex::default();
        let office = Office { audience, codec, limits, open, patience, queue, router };
        let office = Arc::new(office);
        let events = office.router.events();
        let _tasks = [
            TaskGuard::spawn(office.clone().hear()),
            TaskGuard::spawn(office.clone().watch(events)),
        ];
        Ok(Self { office, _tasks })
    }
}

impl Drop for OfficeOwner {
    fn drop(&mut self) {
        // Whoever waits for requests must learn that none will come.
        self.office.queue.close();
    }
}

impl Office {
    pub(crate) fn stats(&self) -> ReplyStats {
        let open = self.open.lock();
        ReplyStats { open: open.cases.len() as u64, ..open.stats.clone() }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits for a request that somebody still waits for. One that cannot be read is refused.
    ///
    /// # Errors
    /// [`crate::RecvError::Closed`].
    pub(crate) async fn take<Q: Message, R: Message>(
        self: &Arc<Self>,
    ) -> Result<(Q, Reply<R>), crate::RecvError> {
        loop {
            let Incoming { body, case } = self.queue.pop().await.ok_or(crate::RecvError::Closed)?;
            if case.phase() != Phase::Open {
                continue;
            }
            if case.deadline.has_passed(Instant::now().into_std()) {
                self.end(&case, End::Expired);
                continue;
            }
            match case.codec.decode(&body, &self.limits) {
                Ok(request) => return Ok((request, Reply::new(self, case))),
                Err(error) => self.refuse(&case, chain(&error)),
            }
        }
    }

    /// Closes: takes nothing more, and what is queued has the linger time to leave.
    pub(crate) async fn close(&self) -> usize {
        self.queue.close();
        self.router.close().await
    }

    /// Answers if there is room.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn try_answer(&self, case: &Case, saying: &Saying) -> Result<(), Refusal> {
        match case.route.try_send(saying.message(case.id)) {
            Ok(()) => {
                self.end(case, saying.end());
                Ok(())
            }
            Err(SendError::Full) => Err(Refusal::Full),
            Err(_) => {
                self.end(case, End::Gone);
                Err(Refusal::Error(ReplyError::Gone))
            }
        }
    }

    /// Answers, waiting for room as long as the patience says.
    ///
    /// # Errors
    /// [`ReplyError`].
    pub(crate) async fn answer(&self, case: &Case, saying: &Saying) -> Result<(), ReplyError> {
        match self.try_answer(case, saying) {
            Ok(()) => return Ok(()),
            Err(Refusal::Error(error)) => return Err(error),
            Err(Refusal::Full) => (),
        }
        let sending = self.router.send_to(&case.peer, saying.message(case.id));
        match timeout(self.patience, sending).await {
            Ok(Ok(())) => {
                self.end(case, saying.end());
                Ok(())
            }
            Ok(Err(_)) => {
                self.end(case, End::Gone);
                Err(ReplyError::Gone)
            }
            Err(_) => {
                // One that takes nothing must not cost all others time again and again.
                self.expel(&case.peer);
                self.end(case, End::Dropped);
                Err(ReplyError::Full)
            }
        }
    }

    /// Answers if there is room; without it the deadline of the request tells.
    pub(crate) fn answer_now(&self, case: &Case, message: Framed, end: End) {
        let end = match case.route.try_send(message) {
            Ok(()) => end,
            Err(SendError::Full) => End::Dropped,
            Err(_) => End::Gone,
        };
        self.end(case, end);
    }

    fn refuse(&self, case: &Case, text: String) {
        tracing::warn!(
            target: "gleis::channels", id = case.id, peer = %case.peer, error = text,
            "refused a request"
        );
        self.answer_now(case, wire::failure(case.id, Why::Refused, text), End::Failed);
    }

    /// Disconnects a peer.
    pub(crate) fn expel(&self, peer: &PeerId) {
        // Nobody waits for what is queued for it.
        let _ = self.router.disconnect_peer(peer).now_or_never();
    }

    /// Counts how a request ended, once.
    pub(crate) fn end(&self, case: &Case, end: End) {
        if !case.end(end) {
            return;
        }
        let mut open = self.open.lock();
        open.cases.remove(&(case.peer.clone(), case.id));
        let stats = &mut open.stats;
        *match end {
            End::Answered => &mut stats.answered,
            End::Cancelled => &mut stats.cancelled,
            End::Dropped => &mut stats.dropped,
            End::Expired => &mut stats.expired,
            End::Failed => &mut stats.failed,
            End::Gone => &mut stats.gone,
            End::Unanswered => &mut stats.unanswered,
        } += 1;
    }

    /// The task that reads.
    async fn hear(self: Arc<Self>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            match self.router.recv_many(&mut batch, BATCH).await {
                Err(RecvError::Closed) => return,
                Err(_) => self.unreadable(),
                Ok(_) => (),
            }
            // They came together, however long the last of them waits for room.
            let now = Instant::now().into_std();
            for (peer, message) in batch.drain(..) {
                self.hear_one(peer, message, now).await;
            }
        }
    }

    async fn hear_one(&self, peer: PeerId, message: Framed, now: std::time::Instant) {
        match (wire::read_up(message, &self.codec), &self.audience) {
            (Some(Up::Ask { id, left, codec, body }), _) => {
                if let Some(case) = self.note(peer, id, Deadline::after(now, left), codec) {
                    self.wait(Incoming { body, case }).await;
                }
            }
            (Some(Up::Cancel { id }), _) => {
                let case = self.open.lock().cases.get(&(peer, id)).cloned();
                if let Some(case) = case {
                    self.end(&case, End::Cancelled);
                }
            }
            (Some(Up::Wish { mark, changes }), Some(audience)) => {
                let Some(route) = self.router.route(&peer) else {
                    return;
                };
                match audience.change(&peer, route, changes) {
                    // One that has no room for it asks again.
                    Ok(()) => drop(self.router.try_send_to(&peer, wire::done(mark))),
                    Err(reason) => {
                        tracing::warn!(target: "gleis::channels", %peer, reason, "disconnected");
                        self.expel(&peer);
                    }
                }
            }
            (Some(Up::Wish { .. }), None) | (None, _) => self.unreadable(),
        }
    }

    /// Lets a request wait for whoever takes it; it waits for room behind those that somebody still waits
    /// for.
    async fn wait(&self, mut incoming: Incoming) {
        while let Err(back) = self.queue.try_push(incoming) {
            incoming = back;
            // Looking at all that wait is dear: only where nobody takes them.
            if timeout(PURGE, self.queue.room()).await.is_err() {
                self.purge();
            }
        }
    }

    /// Lets go of requests that nobody has taken and nobody waits for.
    fn purge(&self) {
        let (now, mut expired) = (Instant::now().into_std(), Vec::new());
        self.queue.retain(|Incoming { case, .. }| {
            let is_expired = case.deadline.has_passed(now);
            if is_expired {
                expired.push(case.clone());
            }
            !is_expired && case.phase() == Phase::Open
        });
        expired.iter().for_each(|it| self.end(it, End::Expired));
    }

    fn unreadable(&self) {
        self.open.lock().stats.unreadable += 1;
    }

    /// Notes a request that came; `None` if it is refused, or nobody waits for its answer.
    fn note(&self, peer: PeerId, id: u64, deadline: Deadline, codec: Named) -> Option<Arc<Case>> {
        let (codec, unknown) = match codec {
            Ok(codec) => (codec, None),
            Err(name) => (AnyCodec::Raw, Some(name)),
        };
        let route = self.router.route(&peer);
        let mut open = self.open.lock();
        let Open { cases, stats } = &mut *open;
        stats.asked += 1;
        let Some(route) = route else {
            stats.gone += 1;
            return None;
        };
        let case = match cases.entry((peer, id)) {
            Entry::Occupied(it) => {
                stats.failed += 1;
                // The answer to the first one is the answer: only a peer that errs asks so.
                let peer = &it.key().0;
                tracing::warn!(target: "gleis::channels", id, %peer, "asked twice with one id");
                return None;
            }
            Entry::Vacant(it) => {
                let case = Case::new(it.key().0.clone(), route, id, deadline, codec);
                it.insert(Arc::new(case)).clone()
            }
        };
        drop(open);
        if let Some(name) = unknown {
            self.refuse(&case, format!("the codec {name:?} is not known here"));
            return None;
        }
        Some(case)
    }

    /// Hears when peers go.
    async fn watch(self: Arc<Self>, mut events: Events) {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Disconnected { .. } | Event::Missed { .. }) {
                self.sweep();
            }
        }
    }

    /// Lets go of peers that are gone.
    fn sweep(&self) {
        // In order, as it is told.
        let here = self.router.peer_ids();
        let is_gone = |it: &PeerId| here.binary_search(it).is_err();
        let mut gone: Vec<_> = {
            let open = self.open.lock();
            open.cases.values().filter(|it| is_gone(&it.peer)).cloned().collect()
        };
        gone.sort_unstable_by(|one, other| (&one.peer, one.id).cmp(&(&other.peer, other.id)));
        for case in gone {
            self.end(&case, End::Gone);
        }
        if let Some(audience) = &self.audience {
            audience.keep(|it| !is_gone(it));
        }
    }
}
