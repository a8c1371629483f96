//! Where random names come from.

use std::cell::Cell;
use std::marker::PhantomData;

use uuid::Uuid;

thread_local! {
    /// What the names of this thread are drawn from, unless the system gives them.
    static SEEDED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Has [`Name::random`](crate::Name::random) draw its names on this thread from a seed until this is dropped, so
/// that a simulation has the same names each time it runs.
///
/// For simulations only: a name that can be guessed protects nothing.
#[derive(Debug)]
#[must_use = "names are random again when it is dropped"]
pub struct SeededNames {
    before: Option<u64>,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl SeededNames {
    /// Begins.
    pub fn new(seed: u64) -> Self {
        Self::set(Some(seed))
    }

    /// Does something with random names, seeded or not: for what outlives a simulation.
    pub fn without<R>(work: impl FnOnce() -> R) -> R {
        let _random = Self::set(None);
        work()
    }

    fn set(seed: Option<u64>) -> Self {
        Self { before: SEEDED.replace(seed), _thread: PhantomData }
    }
}

impl Drop for SeededNames {
    fn drop(&mut self) {
        // Whoever comes next on this thread did not ask for it.
        SEEDED.set(self.before);
    }
}

pub(crate) fn id() -> Uuid {
    match SEEDED.get() {
        None => Uuid::new_v4(),
        Some(state) => {
            let (state, high) = split_mix(state);
            let (state, low) = split_mix(state);
            SEEDED.set(Some(state));
            Uuid::from_u64_pair(high, low)
        }
    }
}

/// The next state, and the number that it gives: SplitMix64.
fn split_mix(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state, mixed ^ (mixed >> 31))
}

#[cfg(test)]
mod tests {
    use super::SeededNames;
    use crate::Name;

    fn names(seed: u64) -> Vec<Name> {
        let _seeded = SeededNames::new(seed);
        (0..100).map(|_| Name::random()).collect()
    }

    #[test]
    fn a_seed_gives_the_same_names_again_and_another_one_others() {
        let mut drawn = names(1);
        assert_eq!(drawn, names(1));
        drawn.extend(names(2));
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), 200);
        assert!(drawn.iter().all(|it| it.as_str().len() == 32));
    }

    #[test]
    fn names_are_random_again_afterwards_and_on_other_threads() {
        let outer = SeededNames::new(1);
        let first = Name::random();
        assert_ne!(std::thread::spawn(Name::random).join().unwrap(), first);
        drop(SeededNames::new(2));
        assert!(!names(1).contains(&SeededNames::without(Name::random)));
        assert_eq!(Name::random(), names(1)[1]);
        drop(outer);
        assert!(!names(1).contains(&Name::random()));
    }
}
