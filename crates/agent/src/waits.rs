//! Who waits for whom, so that nobody waits for one who waits for it.
//!
//! Whoever is about to wait for the turn of an agent says so, and then follows who waits for whom, from there on:
//! the last one to close a circle finds it, also if all begin to wait at the same moment. Only what the handler of
//! an agent itself waits for counts, not what tasks wait for that it has spawned: the agent goes on without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use gleis_core::Name;
use parking_lot::Mutex;

use crate::{CallError, current::Frame, home::Home};

/// How many agents are looked at for a circle.
const LIMIT: usize = 256;

/// How many bits of a wait tell whom it is for; the others tell of which piece of work it is.
const WHOM_BITS: u32 = 44;

/// For whom an agent waits.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// One agent of this program, [packed](pack) with the piece of work that waits; 0 if there is none.
    first: AtomicU64,
    /// All others.
    more: Mutex<Vec<Wait>>,
    n_more: AtomicUsize,
}

#[derive(Debug)]
struct Wait {
    id: u64,
    ordinal: u64,
    whom: Whom,
}

/// One who is waited for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Whom {
    /// The number of an agent of this program.
    Here(u64),
    /// One somewhere, by its name. It may do what is wanted beside its work.
    Somewhere(Name),
}

/// An agent waits, as long as this is there.
#[derive(Debug)]
pub(crate) struct Waiting {
    home: Arc<Home>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    First(u64),
    More(u64),
}

impl Waiting {
    /// The agent of this frame begins to wait for the turn of another one.
    ///
    /// Fails if that waits for it, directly or through others.
    pub(crate) fn begin(frame: &Frame, callee: &Arc<Home>) -> Result<Self, CallError> {
        let home = frame.home();
        callee.list();
        if !frame.is_told() {
            home.list();
        }
        let waiting = match (callee.identity.number(), &callee.name) {
            (Some(n), _) => home.wait_for(n),
            (None, name) => {
                let name = name.clone().unwrap_or_else(Name::random);
                home.wait_beside(Whom::Somewhere(name))
            }
        };
        let is_alone = callee.waits.is_empty() && !frame.is_foreign();
        if is_alone && callee.identity != home.identity {
            return Ok(waiting);
        }
        match circle(frame, callee) {
            Some(circle) => Err(would_deadlock(&circle, callee)),
            None => Ok(waiting),
        }
    }

    /// The agent of this frame begins to wait for one somewhere.
    pub(crate) fn somewhere(frame: &Frame, whom: &Name) -> Self {
        frame.home().wait_beside(Whom::Somewhere(whom.clone()))
    }

    /// The agent that waits.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waits = &self.home.waits;
        match self.place {
            // If it is another one by now, the agent did not wait for this one to its end.
            Place::First(packed) => {
                let _ =
                    waits.first.compare_exchange(packed, 0, Ordering::Release, Ordering::Relaxed);
            }
            Place::More(id) => {
                let mut more = waits.more.lock();
                more.retain(|it| it.id != id);
                waits.n_more.store(more.len(), Ordering::Release);
            }
        }
    }
}

impl Waits {
    fn is_empty(&self) -> bool {
        // Sequential, as are the writes: of two that begin to wait for each other, one sees the other.
        self.first.load(Ordering::SeqCst) == 0 && self.n_more.load(Ordering::SeqCst) == 0
    }
}

/// A wait for an agent of this program in one number. Work that is a million pieces older is taken for the same.
fn pack(ordinal: u64, n: u64) -> u64 {
    (ordinal << WHOM_BITS) | ((n + 1) & ((1 << WHOM_BITS) - 1))
}

impl Home {
    fn wait_for(self: &Arc<Self>, n: u64) -> Waiting {
        let (ordinal, first) = (self.hand.ordinal(), &self.waits.first);
        let (last, packed) = (first.load(Ordering::Relaxed), pack(ordinal, n));
        // What is left of earlier work is waited for by others, if at all.
        let is_free = last == 0 || last >> WHOM_BITS != packed >> WHOM_BITS;
        let (success, failure) = (Ordering::SeqCst, Ordering::Relaxed);
        if is_free && first.compare_exchange(last, packed, success, failure).is_ok() {
            return Waiting { home: self.clone(), place: Place::First(packed) };
        }
        self.wait_beside(Whom::Here(n))
    }

    fn wait_beside(self: &Arc<Self>, whom: Whom) -> Waiting {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut more = self.waits.more.lock();
        more.push(Wait { id, ordinal: self.hand.ordinal(), whom });
        self.waits.n_more.store(more.len(), Ordering::SeqCst);
        drop(more);
        Waiting { home: self.clone(), place: Place::More(id) }
    }

    /// For whom the work waits that is in hand.
    pub(crate) fn waits_for(&self) -> Vec<Whom> {
        let first = self.waits.first.load(Ordering::SeqCst);
        let more = self.waits.more.lock();
        // After what waits: it may have begun just now.
        let ordinal = self.hand.ordinal();
        if ordinal.is_multiple_of(2) {
            return Vec::new();
        }
        let is_now = first != 0 && first >> WHOM_BITS == pack(ordinal, 0) >> WHOM_BITS;
        let first = is_now.then(|| Whom::Here((first & ((1 << WHOM_BITS) - 1)) - 1));
        let more = more.iter().filter(|it| it.ordinal == ordinal).map(|it| it.whom.clone());
        first.into_iter().chain(more).collect()
    }

    /// Whether the work that is in hand waits for this agent.
    pub(crate) fn is_waiting_for(&self, other: &Self) -> bool {
        self.waits_for().into_iter().any(|it| match (it, &other.name) {
            (Whom::Here(n), _) => other.identity.number() == Some(n),
            (Whom::Somewhere(name), Some(other)) => name == *other,
            // It is not known who that is, only that there is somebody.
            (Whom::Somewhere(_), None) => true,
        })
    }
}

/// Those who wait one for the next, from the callee to whoever is about to wait for it, if that would be a circle.
fn circle(frame: &Frame, callee: &Arc<Home>) -> Option<Vec<Arc<Home>>> {
    let asker = frame.home();
    if callee.identity == asker.identity {
        // Else another one was told that it waits, and it does not any more.
        let is_true = Arc::ptr_eq(callee, asker) || callee.is_waiting_for(callee);
        return is_true.then(|| vec![callee.clone()]);
    }
    let found = here(asker, callee).filter(|it| holds(it, asker));
    found.or_else(|| elsewhere(frame, callee))
}

/// A circle of agents that wait for each other in this program.
fn here(asker: &Home, callee: &Arc<Home>) -> Option<Vec<Arc<Home>>> {
    // Each with the place of the one that waits for it.
    let mut found = vec![(callee.clone(), 0)];
    let mut next = 0;
    while let Some((home, _)) = found.get(next) {
        for whom in home.waits_for() {
            let Whom::Here(n) = whom else { continue };
            if asker.identity.number() == Some(n) {
                return Some(way(&found, next, asker));
            }
            let is_known = || found.iter().any(|(it, _)| it.identity.number() == Some(n));
            if found.len() < LIMIT
                && !is_known()
                && let Some(home) = Home::find(n)
            {
                found.push((home, next));
            }
        }
        next += 1;
    }
    None
}

/// From the first one that was found to this one, and to whoever asks.
fn way(found: &[(Arc<Home>, usize)], mut last: usize, asker: &Home) -> Vec<Arc<Home>> {
    let mut way: Vec<_> = asker.identity.number().and_then(Home::find).into_iter().collect();
    while last != 0 {
        way.push(found[last].0.clone());
        last = found[last].1;
    }
    way.push(found[0].0.clone());
    way.reverse();
    way
}

/// Whether all of them still wait: they were not looked at at one moment, and one may have had its answer meanwhile.
fn holds(circle: &[Arc<Home>], asker: &Home) -> bool {
    let next = circle.iter().skip(1).map(|it| &**it).chain([asker]);
    circle.iter().zip(next).all(|(one, next)| {
        std::ptr::eq(&**one, next) || one.identity == asker.identity || one.is_waiting_for(next)
    })
}

/// A circle through other programs: the callee is among those who are told to wait for this call.
fn elsewhere(frame: &Frame, callee: &Arc<Home>) -> Option<Vec<Arc<Home>>> {
    if !frame.is_foreign() {
        return None;
    }
    let mut circle = Vec::new();
    for home in frame.waiting() {
        if home.identity == callee.identity {
            let next: &Arc<Home> = circle.last().unwrap_or(callee);
            // It may have given up since then.
            if !callee.is_waiting_for(next) {
                return None;
            }
            circle.push(callee.clone());
            circle.reverse();
            return Some(circle);
        }
        circle.push(home.clone());
    }
    None
}

fn would_deadlock(circle: &[Arc<Home>], callee: &Home) -> CallError {
    let names = circle.iter().map(|it| it.name.clone()).chain([callee.name.clone()]);
    match names.collect::<Option<Vec<_>>>() {
        Some(path) => CallError::WouldDeadlock { path },
        // One of an earlier version waits, and would not know the other error.
        None => CallError::SelfCall { agent: callee.name.clone().unwrap_or_else(Name::random) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity::Identity, job::What};

    fn home(name: &str) -> Arc<Home> {
        Home::new(Identity::new(), Name::new(name).unwrap())
    }

    const WORK: What = What::Hook("work");

    #[test]
    fn all_that_work_waits_for_counts_until_it_is_given_up_or_the_work_is_done() {
        let (one, two, three) = (home("one"), home("two"), home("three"));
        let frame = Frame::at_home(one.clone());
        let held = one.hand.hold(&WORK);
        let first = Waiting::begin(&frame, &two).unwrap();
        let others = [&two, &three].map(|it| Waiting::begin(&frame, it).unwrap());
        let somewhere = Waiting::somewhere(&frame, &Name::new("four").unwrap());
        assert_eq!(one.waits_for().len(), 4);
        drop(first);
        assert!(one.is_waiting_for(&two) && one.is_waiting_for(&three));
        drop(others);
        assert!(!one.is_waiting_for(&two) && one.is_waiting_for(&home("four")));
        drop(held);
        assert!(one.waits_for().is_empty() && !one.waits.is_empty());
        let _held = one.hand.hold(&WORK);
        assert!(one.waits_for().is_empty());
        drop(somewhere);
        assert!(one.waits.is_empty());
    }

    #[test]
    fn what_is_left_of_earlier_work_takes_the_place_of_nothing() {
        let (one, two, three) = (home("one"), home("two"), home("three"));
        let frame = Frame::at_home(one.clone());
        let held = one.hand.hold(&WORK);
        let left = Waiting::begin(&frame, &two).unwrap();
        drop(held);
        let _held = one.hand.hold(&WORK);
        let now = Waiting::begin(&frame, &three).unwrap();
        drop(left);
        assert!(one.is_waiting_for(&three) && !one.is_waiting_for(&two));
        drop(now);
        assert!(one.waits.is_empty());
    }

    #[test]
    fn those_of_earlier_versions_get_the_error_that_they_know() {
        let (one, two) = (home("one"), home("two"));
        let _held = one.hand.hold(&WORK);
        let there = Name::new("there").unwrap();
        let waiting = Waiting::somewhere(&Frame::at_home(one.clone()), &there);
        let identities = || vec![Name::new("0a").unwrap(), one.identity.to_name()];
        let told = |names| Frame::told(identities(), names).unwrap();
        let names = vec![there, Name::new("one").unwrap()];
        let ask = |frame: &Frame, whom| Waiting::begin(frame, whom).map(drop);
        assert!(ask(&told(Vec::new()), &two).is_ok());
        let error = ask(&told(Vec::new()), &one).unwrap_err();
        assert!(matches!(error, CallError::SelfCall { .. }), "{error}");
        match ask(&told(names.clone()), &one).unwrap_err() {
            CallError::WouldDeadlock { path } => {
                let path: Vec<_> = path.iter().map(Name::as_str).collect();
                assert_eq!(path, ["one", "there", "one"]);
            }
            error => panic!("{error}"),
        }
        // It has given up.
        drop(waiting);
        assert!(ask(&told(names), &one).is_ok());
    }

    #[test]
    fn no_more_are_told_than_there_is_room_for() {
        let names = |n| (0..n).map(|it| Name::new(format!("n{it}")).unwrap()).collect::<Vec<_>>();
        let frame = Frame::told(names(100), names(1_000)).unwrap();
        let (identities, names) = frame.tell();
        assert_eq!((identities.len(), names.len()), (16, 16));
        assert!(Frame::told(Vec::new(), names).is_none());
    }
}
