//! Results that are kept for calls that build on them.
//!
//! A call that says `keep` leaves its result here for a while; one that names it in `results` is worked on
//! when it is there. Both come on the same connection, the one after the other.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gleis_core::Value;
use gleis_patterns::Asker;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::api::running::gone;
use crate::api::streams::weight;
use crate::message::Message;

/// Said of a call whose result is to be kept; whoever can do that is said to know it.
pub(crate) const KEEP: &str = "keep";
/// Which arguments, by their place or their name, are the results of which calls.
pub(crate) const RESULTS: &str = "results";

/// What whoever keeps none does not know.
pub(crate) const CHAINS: &str = "calls that build on each other";

/// So many results of one caller are kept.
const MOST: usize = 64;
/// So many bytes of them, more or less.
const BYTES: usize = 4 << 20;
/// A result is kept so long at least, and no longer than twice that.
const TIME: Duration = Duration::from_secs(10);

type Told = Option<Result<Value, String>>;

/// The results of each caller, by the connection that he calls on, if there is one.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<Option<Asker>, Shelf>>);

struct Shelf {
    /// In the order in which their calls came.
    results: VecDeque<One>,
    _task: TaskGuard,
}

struct One {
    /// When the call was done.
    done: Option<Instant>,
    id: String,
    result: watch::Receiver<Told>,
    weight: usize,
}

/// A call whose result will be kept; dropped without one, it was given up.
pub(crate) struct Keeping {
    asker: Option<Asker>,
    id: String,
    kept: Arc<Kept>,
    result: watch::Sender<Told>,
}

impl Kept {
    /// Prepares for the result of a call, if it is to be kept.
    pub(crate) fn begin(
        self: &Arc<Self>,
        asker: Option<&Asker>,
        message: &Message,
    ) -> Result<Option<Keeping>, String> {
        if message.meta.get(KEEP).and_then(Value::as_bool) != Some(true) {
            return Ok(None);
        }
        let (id, asker) = (message.id().to_owned(), asker.cloned());
        let (result, told) = watch::channel(None);
        let mut all = self.0.lock();
        let shelf = all.entry(asker.clone()).or_insert_with(|| Shelf {
            results: VecDeque::new(),
            _task: TaskGuard::spawn(forget(Arc::downgrade(self), asker.clone())),
        });
        if id.is_empty() || shelf.results.iter().any(|it| it.id == id) {
            return Err("a call whose result is kept needs an id of its own".to_owned());
        }
        if MOST <= shelf.results.len() && !shelf.drop_oldest() {
            return Err(format!("too many calls whose results are kept: {MOST} are allowed"));
        }
        shelf.results.push_back(One { done: None, id: id.clone(), result: told, weight: 0 });
        drop(all);
        Ok(Some(Keeping { asker, id, kept: self.clone(), result }))
    }

    /// The call with the results that it builds on, once they are there; `None` if it builds on none.
    pub(crate) async fn fill(
        &self,
        asker: Option<&Asker>,
        message: &Message,
    ) -> Result<Option<Message>, String> {
        let Some(results) = message.meta.get(RESULTS) else {
            return Ok(None);
        };
        let named = results.as_map().ok_or("'results' names arguments and calls")?;
        // All are looked up before any is waited for: later calls may take their places.
        let looked_up = named.iter().map(|(name, id)| {
            let id = id.as_str().unwrap_or_default();
            Ok((name, self.look(asker, id, message.id())?))
        });
        let looked_up: Vec<_> = looked_up.collect::<Result<_, String>>()?;
        let (mut filled, mut sum) = (message.clone(), 0);
        for (name, mut result) in looked_up {
            let place = place(&mut filled, name);
            let place = place.ok_or_else(|| format!("there is no argument '{name}'"))?;
            let told = result.wait_for(Option::is_some).await;
            *place = match told.as_deref() {
                Ok(Some(Ok(value))) => {
                    sum += weight(value);
                    if BYTES < sum {
                        return Err("the results that this call builds on are too large".to_owned());
                    }
                    value.clone()
                }
                Ok(Some(Err(text))) => {
                    return Err(format!("the call that this one builds on failed: {text}"));
                }
                _ => return Err("the call that this one builds on was given up".to_owned()),
            };
        }
        Ok(Some(filled))
    }

    fn look(
        &self,
        asker: Option<&Asker>,
        id: &str,
        own: &str,
    ) -> Result<watch::Receiver<Told>, String> {
        let all = self.0.lock();
        let results = all.get(&asker.cloned()).map(|it| &it.results);
        let one = results.and_then(|it| it.iter().find(|it| it.id == id && id != own));
        let one = one.ok_or_else(|| format!("no result of a call '{id}' is kept (any more)"))?;
        Ok(one.result.clone())
    }
}

/// The argument of this place or name.
fn place<'a>(message: &'a mut Message, name: &str) -> Option<&'a mut Value> {
    match name.parse::<usize>() {
        Ok(n) => message.args.get_mut(n),
        Err(_) => message.kwargs.get_mut(name),
    }
}

impl Shelf {
    /// Drops the oldest result; false if there is none yet.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.results.iter().position(|it| it.done.is_some());
        oldest.and_then(|at| self.results.remove(at)).is_some()
    }
}

impl Keeping {
    /// Keeps the result; those before it go if there is no room.
    pub(crate) fn done(self, result: Result<Value, String>) {
        let weight = result.as_ref().map_or(0, weight);
        let result = match weight {
            ..BYTES => result,
            _ => Err("its result is too large to be kept".to_owned()),
        };
        {
            let mut all = self.kept.0.lock();
            let Some(shelf) = all.get_mut(&self.asker) else {
                return;
            };
            let sum = |shelf: &Shelf| shelf.results.iter().map(|it| it.weight).sum::<usize>();
            while BYTES < sum(shelf) + weight && shelf.drop_oldest() {}
            if let Some(one) = shelf.results.iter_mut().find(|it| it.id == self.id) {
                (one.done, one.weight) = (Some(Instant::now()), weight);
            }
        }
        self.result.send_replace(Some(result));
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        // What was given up takes no place.
        if self.result.borrow().is_none()
            && let Some(shelf) = self.kept.0.lock().get_mut(&self.asker)
        {
            shelf.results.retain(|it| it.id != self.id);
        }
    }
}

/// Forgets the results of a caller: each after its time, all when he is gone.
async fn forget(kept: Weak<Kept>, asker: Option<Asker>) {
    let mut gone = pin!(gone(asker.as_ref()));
    loop {
        let is_gone = tokio::select! {
            () = &mut gone => true,
            () = sleep(TIME) => false,
        };
        let Some(kept) = kept.upgrade() else {
            return;
        };
        let now = Instant::now();
        let mut all = kept.0.lock();
        if let Some(shelf) = all.get_mut(&asker) {
            shelf.results.retain(|it| it.done.is_none_or(|it| now < it + TIME));
            if !is_gone && !shelf.results.is_empty() {
                continue;
            }
        }
        let forgotten = all.remove(&asker);
        drop(all);
        // This very task is in it.
        drop(forgotten);
        return;
    }
}
