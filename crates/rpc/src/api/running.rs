//! Calls that are worked on: until they are done, their caller gives up, or their time is over.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::poll;
use gleis_core::Value;
use gleis_patterns::Asker;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::api::kept::KEEP;
use crate::api::streams::NEXT;
use crate::error::RpcError;
use crate::message::{GIVEN_UP, Message};

/// How long the caller still waits, in milliseconds; who says it knows all that [`knows`] has.
pub(crate) const WITHIN: &str = "within";

/// In the answer to a client that says how long it waits: what else it may ask for.
pub(crate) const KNOWS: &str = "knows";
/// Gives up a call, or its stream; whoever can do that is said to know it.
pub(crate) const CANCEL: &str = "cancel_call";

/// What whoever is called knows that xbahn does not.
pub(crate) fn knows() -> Value {
    Value::List([CANCEL, KEEP, NEXT].map(Value::from).into())
}

/// What the other side knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Knows {
    pub(crate) cancel: bool,
    pub(crate) keep: bool,
    pub(crate) streams: bool,
}

impl Knows {
    /// As an answer says it.
    pub(crate) fn of(answer: &Message) -> Self {
        let said = answer.meta.get(KNOWS).and_then(Value::as_list).unwrap_or_default();
        let has = |name| said.iter().any(|it| it.as_str() == Some(name));
        Self { cancel: has(CANCEL), keep: has(KEEP), streams: has(NEXT) }
    }
}

tokio::task_local! {
    /// When whoever called waits no more.
    static UNTIL: Instant;
}

/// When the caller on whose behalf this runs waits no more, if it said so.
pub(crate) fn deadline() -> Option<Instant> {
    UNTIL.try_with(|it| *it).ok()
}

/// `within`, or what is left of the time of the caller on whose behalf this runs, if that is less.
pub(crate) fn at_most(within: Duration) -> Duration {
    let left = deadline().map(|it| it.saturating_duration_since(Instant::now()));
    left.map_or(within, |it| it.min(within))
}

/// Waits until whoever calls has gone; one that is known by no connection of its own never has.
pub(crate) async fn gone(asker: Option<&Asker>) {
    match asker {
        Some(it) => it.gone().await,
        None => pending().await,
    }
}

/// Says in a message how long its answer is waited for.
pub(crate) fn say(message: &mut Message, within: Duration) {
    message.meta.insert(WITHIN.to_owned(), Value::from(millis(within)));
}

/// Rounded up: whoever waits should be the first to notice.
pub(crate) fn millis(within: Duration) -> u64 {
    let begun = within.subsec_nanos().div_ceil(1_000_000);
    within.as_secs().saturating_mul(1_000).saturating_add(begun.into())
}

/// How long whoever sent a message waits for the answer, if it says so.
pub(crate) fn within(message: &Message) -> Option<Duration> {
    message.meta.get(WITHIN).and_then(Value::as_u64).map(Duration::from_millis)
}

/// Why a call has no result.
pub(crate) enum Failed {
    /// Whoever called waits no more.
    GivenUp,
    /// Its time is over.
    Late,
    Said(String),
}

impl From<String> for Failed {
    fn from(text: String) -> Self {
        Self::Said(text)
    }
}

impl Failed {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::GivenUp => GIVEN_UP,
            Self::Late => "the time of the call is over",
            Self::Said(text) => text,
        }
    }

    pub(crate) fn answer(self) -> Message {
        match self {
            Self::Late => Message::late(self.text()),
            _ => Message::error(self.text()),
        }
    }
}

/// Tells the other side, when it is dropped, that a call is given up, unless it is answered before.
pub(crate) struct GiveUp<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> GiveUp<F> {
    /// Tells it with `tell`, if the other side `knows` what that is.
    pub(crate) fn new(knows: bool, tell: F) -> Self {
        Self(knows.then_some(tell))
    }

    /// There is nothing to give up.
    pub(crate) fn need_not(&mut self) {
        self.0 = None;
    }

    /// Waits for an answer; dropped before, and in want of one in time, the call is given up.
    pub(crate) async fn unless<T>(
        mut self,
        asked: impl Future<Output = Result<T, RpcError>>,
    ) -> Result<T, RpcError> {
        let answered = asked.await;
        if !matches!(answered, Err(RpcError::TimedOut { .. })) {
            self.need_not();
        }
        answered
    }
}

impl<F: FnOnce()> Drop for GiveUp<F> {
    fn drop(&mut self) {
        // Nobody should work for somebody who waits no more.
        if let Some(tell) = self.0.take() {
            tell();
        }
    }
}

/// The connection that a call came on, unless it was fetched, and its id there.
type Key = (Option<Asker>, String);

/// The calls that have to wait for something, each with what ends it. As many as are worked on at once.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<Key, oneshot::Sender<()>>>);

impl Running {
    /// Works on the call of this id. One whose caller said how long it waits is dropped when that is over, when the caller
    /// says so, and when it is gone; `work` sees until when by [`deadline`].
    pub(crate) async fn work<T>(
        &self,
        (id, asker): (&str, Option<&Asker>),
        within: Option<Duration>,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, Failed> {
        let now = Instant::now();
        // Beyond what a clock can tell is never.
        let Some(until) = within.and_then(|it| now.checked_add(it)) else {
            return Ok(work.await?);
        };
        if until <= now {
            return Err(Failed::Late);
        }
        let mut work = pin!(UNTIL.scope(until, work));
        // Most are done at once: they need no place.
        if let Poll::Ready(done) = poll!(work.as_mut()) {
            return Ok(done?);
        }
        let (_place, given_up) = self.enter(asker, id);
        let given_up = async {
            if let Some(given_up) = given_up
                && given_up.await.is_ok()
            {
                return;
            }
            pending::<()>().await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done?),
            () = given_up => Err(Failed::GivenUp),
            () = gone(asker) => Err(Failed::GivenUp),
            () = sleep_until(until) => Err(Failed::Late),
        }
    }

    /// A place for a call, and what hears that it is given up; none for one without an id, or with that of
    /// another.
    fn enter(
        &self,
        asker: Option<&Asker>,
        id: &str,
    ) -> (Option<Place<'_>>, Option<oneshot::Receiver<()>>) {
        let key = (asker.cloned(), id.to_owned());
        let mut running = self.0.lock();
        match running.entry(key.clone()) {
            Entry::Vacant(it) if !id.is_empty() => {
                let (give_up, given_up) = oneshot::channel();
                it.insert(give_up);
                (Some(Place { running: self, key }), Some(given_up))
            }
            _ => (None, None),
        }
    }

    /// Gives up a call that came from there; false if there is none of this id (any more).
    pub(crate) fn give_up(&self, asker: Option<&Asker>, id: &str) -> bool {
        let give_up = self.0.lock().remove(&(asker.cloned(), id.to_owned()));
        give_up.is_some_and(|it| it.send(()).is_ok())
    }
}

/// The place of a call among those that are worked on.
struct Place<'a> {
    running: &'a Running,
    key: Key,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // However work on it ends.
        self.running.0.lock().remove(&self.key);
    }
}
