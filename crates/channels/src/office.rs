//! The answering side of links: requests that came, until they are answered, over one router.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foldhash::HashMap;
use futures::FutureExt;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_core::{Deadline, Endpoint};
use gleis_patterns::{Event, Events, Framed, OpenError, PeerId, Route, Router, SendError};
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::audience::Audience;
use crate::builder::Side;
use crate::case::{Case, End, Phase};
use crate::error::{ReplyError, chain};
use crate::handler::caught;
use crate::intake::{Handover, Intake};
use crate::queue::Queue;
use crate::reply::Reply;
use crate::settings::Settings;
use crate::stats::ReplyStats;
use crate::wire::{self, Ask, Up, Why};

/// How long room is waited for before those are looked for that nobody waits for any more.
pub(crate) const PURGE: Duration = Duration::from_millis(100);

/// What whoever answers, its tasks and its replies share.
pub(crate) struct Office {
    /// Of one that publishes as well.
    pub(crate) audience: Option<Audience>,
    pub(crate) codec: AnyCodec,
    fresh: FreshBooks,
    /// For whoever serves, once.
    handover: Mutex<Option<Handover>>,
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
    pub(crate) fn message(&self, id: u64) -> Framed {
        match self {
            Self::Failure(text) => wire::failure(id, Why::Failed, text.clone()),
            Self::Value(body) => wire::answer(id, body.clone()),
        }
    }

    pub(crate) fn end(&self) -> End {
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

/// The books of requests that are answered where they are read. Whoever serves writes them, alone and
/// without a lock; what is rare goes into the other books.
#[derive(Default)]
struct FreshBooks {
    answered: AtomicU64,
    begun: AtomicU64,
    /// How many cases there are, at least.
    n_cases: AtomicUsize,
}

/// Changes a number that nobody else writes.
fn change(number: &AtomicU64, change: impl FnOnce(u64) -> u64) {
    number.store(change(number.load(Ordering::Relaxed)), Ordering::Release);
}

/// A request that nobody has taken yet.
pub(crate) struct Incoming {
    body: Bytes,
    case: Arc<Case>,
}

/// A request that is handled where it is read: most are answered before they need be noted.
pub(crate) struct Fresh {
    pub(crate) codec: AnyCodec,
    pub(crate) deadline: Deadline,
    pub(crate) id: u64,
    pub(crate) route: Route,
}

/// Owns an office: dropping it ends the tasks, and nobody is answered any more.
pub(crate) struct OfficeOwner {
    pub(crate) office: Arc<Office>,
    _tasks: [TaskGuard; 2],
}

impl OfficeOwner {
    pub(crate) async fn open<T: 'static>(
        side: Side,
        at: Endpoint,
        settings: Settings,
        audience: Option<Audience>,
    ) -> Result<Self, OpenError> {
        let codec = settings.codec.clone().unwrap_or_else(AnyCodec::default_for::<T>);
        let (limits, patience) = (settings.limits(), settings.patience);
        let weigh = |it: &Incoming| it.body.len();
        let queue = Queue::new(settings.options.recv_high_water, weigh);
        let router = match side {
            Side::Bind => Router::bind(at),
            Side::Connect => Router::connect(at),
        };
        let router = router.options(settings.options).await?;
        let open = Mutex::default();
        let (asked, asking) = oneshot::channel();
        let handover = Mutex::new(Some(Handover(asked)));
        let fresh = FreshBooks::default();
        let office =
            Office { audience, codec, fresh, handover, limits, open, patience, queue, router };
        let office = Arc::new(office);
        let events = office.router.events();
        let _tasks = [
            TaskGuard::spawn(Intake::default().serve_by_hand(office.clone(), asking)),
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
        // In this order: none is answered that was not begun.
        let answered = self.fresh.answered.load(Ordering::Acquire);
        let begun = self.fresh.begun.load(Ordering::Acquire);
        let mut stats = open.stats.clone();
        stats.answered += answered;
        stats.asked += begun;
        stats.open = open.cases.len() as u64 + (begun - answered);
        stats
    }

    /// The means to read what comes, for whoever serves; `None` if somebody has it already, or the
    /// office is closed.
    pub(crate) async fn take_over(&self) -> Option<Intake> {
        let handover = self.handover.lock().take();
        handover?.take().await
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
            let incoming = self.queue.pop().await.ok_or(crate::RecvError::Closed)?;
            if let Some((request, case)) = self.look(incoming) {
                return Ok((request, Reply::new(self, case)));
            }
        }
    }

    /// What waits already and somebody still waits for, if anything does.
    pub(crate) fn take_waiting<Q: Message>(&self) -> Option<(Q, Arc<Case>)> {
        loop {
            if let Some(taken) = self.look(self.queue.try_pop()?) {
                return Some(taken);
            }
        }
    }

    /// The request, unless it is over, has expired or cannot be read.
    fn look<Q: Message>(&self, Incoming { body, case }: Incoming) -> Option<(Q, Arc<Case>)> {
        if case.phase() != Phase::Open {
            return None;
        }
        if case.deadline.has_passed(Instant::now().into_std()) {
            self.end(&case, End::Expired);
            return None;
        }
        match self.decode(&case.codec, &body) {
            Ok(request) => Some((request, case)),
            Err(text) => {
                self.refuse(&case, text);
                None
            }
        }
    }

    /// Begins with a request that came `since` and was not noted; `None` if it is over already.
    pub(crate) fn begin<Q: Message>(
        &self,
        route: Route,
        message: Framed,
        since: std::time::Instant,
    ) -> Option<(Q, Fresh)> {
        let Some(Ask { codec: Ok(codec), id, left }) = wire::read_ask(&message, &self.codec) else {
            // What is rare goes the longer way.
            self.hear(&route, message, since);
            return None;
        };
        let fresh = Fresh { codec, deadline: Deadline::after(since, left), id, route };
        if self.has_case(&fresh.route, id) {
            self.hear(&fresh.route, message, since);
            return None;
        }
        change(&self.fresh.begun, |it| it + 1);
        if fresh.route.is_over() {
            self.end_fresh(End::Gone);
            return None;
        }
        if fresh.deadline.has_passed(Instant::now().into_std()) {
            self.end_fresh(End::Expired);
            return None;
        }
        match self.decode(&fresh.codec, &message.body) {
            Ok(request) => Some((request, fresh)),
            Err(text) => {
                let case = self.keep(&fresh);
                self.refuse(&case, text);
                None
            }
        }
    }

    fn has_case(&self, route: &Route, id: u64) -> bool {
        // Most often there is none, which costs less to read; only whoever reads adds one.
        0 < self.fresh.n_cases.load(Ordering::Acquire)
            && self.open.lock().cases.contains_key(&(route.peer().clone(), id))
    }

    /// Notes a request that was begun and is not answered at once.
    pub(crate) fn keep(&self, fresh: &Fresh) -> Arc<Case> {
        let Fresh { codec, deadline, id, route } = fresh;
        let case = Arc::new(Case::new(route, *id, *deadline, codec.clone()));
        {
            let mut open = self.open.lock();
            open.stats.asked += 1;
            change(&self.fresh.begun, |it| it - 1);
            open.cases.insert((case.peer.clone(), case.id), case.clone());
            self.fresh.n_cases.store(open.cases.len(), Ordering::Release);
        }
        self.end_if_gone(&case, route);
        case
    }

    /// Who is gone before it is noted is not found by whoever sweeps.
    fn end_if_gone(&self, case: &Case, route: &Route) {
        if route.is_over() {
            self.end(case, End::Gone);
        }
    }

    /// Answers a request that was begun, if there is room.
    ///
    /// # Errors
    /// There is none: a case, to be [answered](Self::answer) later.
    pub(crate) fn answer_fresh(&self, fresh: &Fresh, saying: &Saying) -> Result<(), Arc<Case>> {
        match fresh.route.try_send(saying.message(fresh.id)) {
            Ok(()) => self.end_fresh(saying.end()),
            Err(SendError::Full) => return Err(self.keep(fresh)),
            Err(_) => self.end_fresh(End::Gone),
        }
        Ok(())
    }

    /// The request in these bytes; why it cannot be read, also if what reads it panics.
    fn decode<Q: Message>(&self, codec: &AnyCodec, body: &Bytes) -> Result<Q, String> {
        caught(|| codec.decode(body, &self.limits).map_err(|it| chain(&it)))
    }

    /// What to say for a handler that has returned: that its value cannot be encoded, if so, or what encodes it
    /// panics.
    pub(crate) fn say<R: Message>(&self, codec: &AnyCodec, id: u64, value: &R) -> Saying {
        caught(|| Ok(self.encode(codec, id, value).0)).unwrap_or_else(Saying::Failure)
    }

    /// What to say: that it cannot be encoded, if so.
    pub(crate) fn encode<R: Message>(
        &self,
        codec: &AnyCodec,
        id: u64,
        value: &R,
    ) -> (Saying, Option<EncodeError>) {
        match codec.encode(value, &self.limits) {
            Ok(body) => (Saying::Value(body), None),
            Err(error) => {
                let text = chain(&error);
                tracing::error!(
                    target: "gleis::channels", id, error = text, "an answer cannot be encoded"
                );
                (Saying::Failure(text), Some(error))
            }
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.queue.has_room_now()
    }

    /// Waits until one more request may wait.
    pub(crate) async fn room(&self) {
        self.queue.room().await;
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
        let sent = match case.route.upgrade() {
            Some(route) => route.try_send(saying.message(case.id)),
            None => Err(SendError::NoPeer),
        };
        match sent {
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
        let sending = async {
            let route = case.route.upgrade().ok_or(SendError::NoPeer)?;
            route.send(saying.message(case.id)).await
        };
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
        let sent = match case.route.upgrade() {
            Some(route) => route.try_send(message),
            None => Err(SendError::NoPeer),
        };
        let end = match sent {
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
        self.fresh.n_cases.store(open.cases.len(), Ordering::Release);
        open.stats.count(end);
    }

    /// Counts how a request ended that was begun and not noted.
    fn end_fresh(&self, end: End) {
        if end == End::Answered {
            return change(&self.fresh.answered, |it| it + 1);
        }
        let mut open = self.open.lock();
        open.stats.asked += 1;
        change(&self.fresh.begun, |it| it - 1);
        open.stats.count(end);
    }

    /// Notes a message that came `since`; a request waits for whoever takes it.
    pub(crate) fn hear(&self, route: &Route, message: Framed, since: std::time::Instant) {
        let peer = route.peer();
        match (wire::read_up(message, &self.codec), &self.audience) {
            (Some(Up::Ask { ask, body }), _) => {
                if let Some(case) = self.note(route, ask, since) {
                    self.queue.push(Incoming { body, case });
                }
            }
            (Some(Up::Cancel { id }), _) => {
                let case = self.open.lock().cases.get(&(peer.clone(), id)).cloned();
                if let Some(case) = case {
                    self.end(&case, End::Cancelled);
                }
            }
            (Some(Up::Wish { mark, changes }), Some(audience)) => {
                match audience.change(route, changes) {
                    // One that has no room for it asks again.
                    Ok(()) => drop(route.try_send(wire::done(mark))),
                    Err(reason) => {
                        tracing::warn!(target: "gleis::channels", %peer, reason, "disconnected");
                        self.expel(peer);
                    }
                }
                // Who is gone before it is noted is not found by whoever sweeps.
                if route.is_over() {
                    audience.keep(|it| it != peer);
                }
            }
            (Some(Up::Wish { .. }), None) | (None, _) => self.unreadable(),
        }
    }

    /// Lets go of requests that nobody has taken and nobody waits for.
    pub(crate) fn purge(&self) {
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

    pub(crate) fn unreadable(&self) {
        self.open.lock().stats.unreadable += 1;
    }

    /// Notes a request that came; `None` if it is refused, or nobody waits for its answer.
    pub(crate) fn note(
        &self,
        route: &Route,
        ask: Ask,
        since: std::time::Instant,
    ) -> Option<Arc<Case>> {
        let Ask { codec, id, left } = ask;
        let (codec, unknown) = match codec {
            Ok(codec) => (codec, None),
            Err(name) => (AnyCodec::Raw, Some(name)),
        };
        let mut open = self.open.lock();
        let Open { cases, stats, .. } = &mut *open;
        stats.asked += 1;
        let case = match cases.entry((route.peer().clone(), id)) {
            Entry::Occupied(it) => {
                stats.failed += 1;
                // The answer to the first one is the answer: only a peer that errs asks so.
                let peer = &it.key().0;
                tracing::warn!(target: "gleis::channels", id, %peer, "asked twice with one id");
                return None;
            }
            Entry::Vacant(it) => {
                let case = Case::new(route, id, Deadline::after(since, left), codec);
                it.insert(Arc::new(case)).clone()
            }
        };
        self.fresh.n_cases.store(cases.len(), Ordering::Release);
        drop(open);
        self.end_if_gone(&case, route);
        if case.phase() != Phase::Open {
            return None;
        }
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
