//! A log, whoever waits for it, and the task that maintains it.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::ChannelError;
use super::log::{Claim, ClaimToken, Log, LogStats, Since};
use super::message::ChannelMessage;
use super::rules::{Kind, Rules};

/// What the handles of a channel share. It is public in name only.
pub struct Shared {
    /// Told when messages come, or are given back, and at the end.
    changed: Notify,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Told when there is something to maintain earlier than was thought.
    rearm: Arc<Notify>,
    state: Mutex<State>,
}

struct State {
    /// When the log is maintained next.
    armed: Option<std::time::Instant>,
    closed: bool,
    last_waiter: u64,
    log: Log,
    /// Who waits for a message of which correlation, by its number.
    waiters: HashMap<String, Vec<Waiter>>,
}

struct Waiter {
    /// The message that it is not.
    except: String,
    number: u64,
    teller: oneshot::Sender<Arc<ChannelMessage>>,
}

/// Owns a channel: when the last handle is dropped, it is closed.
pub(crate) struct Owner {
    pub(crate) shared: Arc<Shared>,
    _task: TaskGuard,
}

impl Owner {
    pub(crate) fn new(id: String, name: String, rules: Rules) -> Arc<Self> {
        let kind = rules.kind;
        let state = State {
            armed: None,
            closed: false,
            last_waiter: 0,
            log: Log::new(rules),
            waiters: HashMap::new(),
        };
        let rearm = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            changed: Notify::new(),
            id,
            kind,
            name,
            rearm: rearm.clone(),
            state: Mutex::new(state),
        });
        let _task = TaskGuard::spawn(maintain(Arc::downgrade(&shared), rearm));
        Arc::new(Self { shared, _task })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Whoever waits for messages must learn that none will come.
        self.shared.close();
    }
}

/// The task: lets go of what is too old, and of claims that time out, when their time has come.
async fn maintain(shared: Weak<Shared>, rearm: Arc<Notify>) {
    loop {
        let Some(next) = shared.upgrade().map(|it| it.maintain()) else {
            return;
        };
        match next {
            None => rearm.notified().await,
            Some(at) => {
                // Either way the log is looked at.
                let _ = timeout_at(at.into(), rearm.notified()).await;
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn write(&self, message: ChannelMessage) -> Result<String, ChannelError> {
        let (id, message) = (message.id.clone(), Arc::new(message));
        let told = self.change(|state| {
            state.log.append(message.clone(), now())?;
            Ok(state.waiters_of(&message))
        })?;
        for waiter in told {
            // Whoever waited may have gone in between.
            let _ = waiter.teller.send(message.clone());
        }
        Ok(id)
    }

    pub(crate) fn read(
        &self,
        reader: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Vec<Arc<ChannelMessage>>, ChannelError> {
        self.look(|it| it.log.read(reader, limit, after, now()))
    }

    pub(crate) async fn next(
        &self,
        reader: &str,
        limit: usize,
    ) -> Result<Vec<Arc<ChannelMessage>>, ChannelError> {
        self.until(|| some(self.read(reader, limit.max(1), None))).await
    }

    pub(crate) fn claim(&self, limit: usize) -> Result<Vec<Claim>, ChannelError> {
        let claims = self.look(|it| Ok(it.log.claim(limit, now())))?;
        if !claims.is_empty() {
            self.rearm();
        }
        Ok(claims)
    }

    pub(crate) async fn next_claims(&self, limit: usize) -> Result<Vec<Claim>, ChannelError> {
        self.until(|| some(self.claim(limit.max(1)))).await
    }

    pub(crate) fn ack(&self, token: ClaimToken) -> Result<(), ChannelError> {
        self.look(|it| it.log.ack(token, now()))
    }

    pub(crate) fn nack(&self, token: ClaimToken) -> Result<(), ChannelError> {
        self.change(|it| it.log.nack(token, now()))
    }

    pub(crate) fn extend(&self, token: ClaimToken) -> Result<(), ChannelError> {
        self.look(|it| it.log.extend(token, now()))
    }

    /// Messages from a number on, or from now on; waits until there are some, or some were missed.
    pub(crate) async fn since(
        &self,
        from: Option<u64>,
        limit: usize,
    ) -> Result<Since, ChannelError> {
        let from = match from {
            Some(from) => from,
            None => self.end()?,
        };
        let look = || {
            let since = self.look(|it| Ok(it.log.since(from, limit.max(1))));
            let is_new = |it: &Since| !it.messages.is_empty() || 0 < it.missed;
            match since {
                Ok(since) if !is_new(&since) => None,
                since => Some(since),
            }
        };
        self.until(look).await
    }

    /// The number of the next message.
    pub(crate) fn end(&self) -> Result<u64, ChannelError> {
        self.look(|it| Ok(it.log.end()))
    }

    /// The number of the oldest message.
    pub(crate) fn first(&self) -> u64 {
        self.state.lock().log.first()
    }

    /// Waits for a message of this correlation that is not `except`; from the moment it is called, not
    /// only when it is polled. `None` if there is none in time.
    pub(crate) fn expect(
        self: &Arc<Self>,
        correlation: &str,
        except: &str,
        within: Duration,
    ) -> impl Future<Output = Result<Option<Arc<ChannelMessage>>, ChannelError>> + Send + use<>
    {
        let waiting = self.look(|state| Ok(state.wait(correlation, except)));
        let (shared, correlation) = (self.clone(), correlation.to_owned());
        async move {
            let (number, answer) = match waiting? {
                Ok(message) => return Ok(Some(message)),
                Err(waiting) => waiting,
            };
            let _waiting = Waiting { correlation, number, shared };
            match timeout(within, answer).await {
                Err(_) => Ok(None),
                Ok(Ok(message)) => Ok(Some(message)),
                Ok(Err(_)) => Err(ChannelError::Closed),
            }
        }
    }

    pub(crate) fn forget(&self, reader: &str) -> bool {
        self.state.lock().log.forget(reader)
    }

    pub(crate) fn clear(&self) {
        self.state.lock().log.clear();
    }

    pub(crate) fn stats(&self) -> LogStats {
        self.state.lock().log.stats()
    }

    /// How many wait for replies.
    pub(crate) fn n_waiters(&self) -> usize {
        self.state.lock().waiters.values().map(Vec::len).sum()
    }

    pub(crate) fn close(&self) {
        let waiters = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.waiters)
        };
        drop(waiters);
        self.changed.notify_waiters();
    }

    /// Looks at the log, or changes it in a way that nobody waits for.
    fn look<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, ChannelError>,
    ) -> Result<T, ChannelError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(ChannelError::Closed);
        }
        act(&mut state)
    }

    /// Changes the log, and tells whoever waits.
    fn change<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, ChannelError>,
    ) -> Result<T, ChannelError> {
        let res = self.look(act)?;
        self.changed.notify_waiters();
        self.rearm();
        Ok(res)
    }

    fn rearm(&self) {
        let earlier = {
            let state = self.state.lock();
            let next = state.log.next_moment();
            next.is_some_and(|next| state.armed.is_none_or(|armed| next < armed))
        };
        if earlier {
            self.rearm.notify_one();
        }
    }

    /// What is due; when there is more to do.
    fn maintain(&self) -> Option<std::time::Instant> {
        let (reclaimed, next) = {
            let mut state = self.state.lock();
            let before = state.log.stats().reclaimed;
            state.log.maintain(now());
            state.armed = state.log.next_moment();
            (before < state.log.stats().reclaimed, state.armed)
        };
        if reclaimed {
            self.changed.notify_waiters();
        }
        next
    }

    async fn until<T>(
        &self,
        mut look: impl FnMut() -> Option<Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(res) = look() {
                return res;
            }
            changed.await;
        }
    }
}

impl State {
    /// The message that is waited for, or a place among those that wait.
    fn wait(
        &mut self,
        correlation: &str,
        except: &str,
    ) -> Result<Arc<ChannelMessage>, (u64, oneshot::Receiver<Arc<ChannelMessage>>)> {
        if let Some(message) = self.log.correlated(correlation, except) {
            return Ok(message);
        }
        self.last_waiter += 1;
        let (number, (teller, answer)) = (self.last_waiter, oneshot::channel());
        let waiter = Waiter { except: except.to_owned(), number, teller };
        self.waiters.entry(correlation.to_owned()).or_default().push(waiter);
        Err((number, answer))
    }

    fn waiters_of(&mut self, message: &ChannelMessage) -> Vec<Waiter> {
        let Some(id) = &message.correlation_id else {
            return Vec::new();
        };
        let Some(waiters) = self.waiters.get_mut(id) else {
            return Vec::new();
        };
        let told = waiters.extract_if(.., |it| it.except != message.id).collect();
        if waiters.is_empty() {
            self.waiters.remove(id);
        }
        told
    }
}

/// Somebody who waits for a reply.
struct Waiting {
    correlation: String,
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Who waits no more must not stay on the list.
        let mut state = self.shared.state.lock();
        if let Some(waiters) = state.waiters.get_mut(&self.correlation) {
            waiters.retain(|it| it.number != self.number);
            if waiters.is_empty() {
                state.waiters.remove(&self.correlation);
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Nothing yet is no answer.
fn some<T>(found: Result<Vec<T>, ChannelError>) -> Option<Result<Vec<T>, ChannelError>> {
    match found {
        Ok(found) if found.is_empty() => None,
        found => Some(found),
    }
}
