//! Boxes of values that have arrived, kept for the next ones.
//!
//! A value that travels as it is travels in a box. Whoever takes it out leaves the box to its thread,
//! so that a sender of the same thread allocates nothing.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::sync::Arc;

/// How many boxes of one type a thread keeps.
const BOXES: usize = 1_024;
/// Of how many types: the last ones.
const TYPES: usize = 8;
/// Larger ones are not kept, in bytes.
const LARGEST: usize = 256;

type Shelf = Vec<Arc<dyn Any + Send + Sync>>;

thread_local! {
    /// The shelves of the types, the one used last at the end.
    static SHELVES: RefCell<Vec<(TypeId, Shelf)>> = const { RefCell::new(Vec::new()) };
}

/// A box that nobody else has, if one was kept.
pub(crate) fn take<T: Any + Send + Sync>() -> Option<Arc<T>> {
    with_shelf::<T, _>(Vec::pop)?.downcast().ok()
}

/// Keeps a box that nobody else has, and in which nothing is.
pub(crate) fn keep<T: Any + Send + Sync>(it: Arc<T>) {
    if size_of::<T>() <= LARGEST {
        with_shelf::<T, _>(|shelf| {
            if shelf.len() < BOXES {
                shelf.push(it);
            }
            None::<()>
        });
    }
}

/// None if the thread is ending.
fn with_shelf<T: 'static, R>(work: impl FnOnce(&mut Shelf) -> Option<R>) -> Option<R> {
    let work = |shelves: &RefCell<Vec<(TypeId, Shelf)>>| {
        let mut shelves = shelves.borrow_mut();
        let id = TypeId::of::<T>();
        if shelves.last().is_none_or(|it| it.0 != id) {
            let shelf = match shelves.iter().position(|it| it.0 == id) {
                Some(at) => shelves.remove(at),
                None => (id, Vec::new()),
            };
            if shelves.len() == TYPES {
                shelves.remove(0);
            }
            shelves.push(shelf);
        }
        work(&mut shelves.last_mut()?.1)
    };
    SHELVES.try_with(work).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_comes_back_to_its_own_type() {
        let first = Arc::new(Some(1u32));
        let at = Arc::as_ptr(&first);
        keep(first);
        assert!(take::<Option<u16>>().is_none());
        assert_eq!(Arc::as_ptr(&take::<Option<u32>>().unwrap()), at);
        assert!(take::<Option<u32>>().is_none());
    }

    #[test]
    fn no_more_is_kept_than_is_bounded() {
        for n in 0..2 * BOXES {
            keep(Arc::new(n));
        }
        keep(Arc::new([0u8; LARGEST + 1]));
        assert!(take::<[u8; LARGEST + 1]>().is_none());
        assert_eq!(std::iter::from_fn(take::<usize>).count(), BOXES);
        macro_rules! keep_of { ($($n:literal)+) => { $(keep(Arc::new([0u8; $n]));)+ } }
        keep(Arc::new(0u64));
        keep_of!(1 2 3 4 5 6 7 8);
        assert!(take::<u64>().is_none());
        assert!(take::<[u8; 8]>().is_some());
    }
}
