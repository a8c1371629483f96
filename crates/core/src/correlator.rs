//! Pending requests by id, each with a deadline.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, time::Instant};

use crate::Deadline;

/// What the list of deadlines may hold beyond twice what is pending before it is swept.
const SLACK: usize = 64;

/// Pending requests: a value per [`CorrelationId`], and the moment each is given up.
///
/// It has no clock: [`next_deadline`](Self::next_deadline) says when to call
/// [`expire`](Self::expire), and the caller says what time it is. Ids are not reused until
/// a slot was taken 2^32 - 1 times, so a late reply finds nothing instead of a stranger's request.
/// Where deadlines come in order, as they do with one timeout for all, inserting and taking cost the
/// same however much is pending; otherwise O(log n).
pub struct Correlator<T> {
    // Invariant: the deadline of every pending value, and of some that are not pending any more.
    deadlines: BinaryHeap<Reverse<(Deadline, CorrelationId)>>,
    // Invariant: the index of every slot without a value, once.
    free: Vec<u32>,
    limit: usize,
    n_pending: usize,
    slots: Vec<Slot<T>>,
}

impl<T> Correlator<T> {
    /// No pending requests, and room for `limit` of them (at most 2^32 - 1).
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        let (deadlines, free, slots) = Default::default();
        Self { deadlines, free, limit, n_pending: 0, slots }
    }

    /// Remembers `value` until it is taken or `deadline` passes.
    ///
    /// # Errors
    /// [`Full`] gives the value back when `limit` requests are pending.
    pub fn insert(&mut self, deadline: Deadline, value: T) -> Result<CorrelationId, Full<T>> {
        if self.limit <= self.n_pending {
            return Err(Full(value));
        }
        let Some(index) = self.free.pop().or_else(|| self.grow()) else {
            return Err(Full(value));
        };
        let slot = &mut self.slots[index as usize];
        slot.state = State::Pending(value);
        let id = CorrelationId::new(slot.generation, index);
        self.n_pending += 1;
        self.deadlines.push(Reverse((deadline, id)));
        self.sweep();
        Ok(id)
    }

    /// The value under `id`, pending or settled.
    pub fn get(&self, id: CorrelationId) -> Option<&T> {
        match &self.slot(id)?.state {
            State::Free => None,
            State::Pending(value) | State::Settled(value) => Some(value),
        }
    }

    /// As [`get`](Self::get), to be changed.
    pub fn get_mut(&mut self, id: CorrelationId) -> Option<&mut T> {
        match &mut self.slot_mut(id)?.state {
            State::Free => None,
            State::Pending(value) | State::Settled(value) => Some(value),
        }
    }

    /// The value under `id`, pending or settled, which is over now; `None` when it was taken, has
    /// expired or never was.
    pub fn take(&mut self, id: CorrelationId) -> Option<T> {
        let slot = self.slot_mut(id)?;
        let state = std::mem::replace(&mut slot.state, State::Free);
        let (value, was_pending) = match state {
            State::Free => return None,
            State::Pending(value) => (value, true),
            State::Settled(value) => (value, false),
        };
        slot.generation = next(slot.generation);
        self.n_pending -= usize::from(was_pending);
        self.free.push(id.0 as u32);
        Some(value)
    }

    /// The value pending under `id`, which is not pending any more: it has no deadline and takes no
    /// room, but stays until it is [taken](Self::take). `None` if it is not pending.
    pub fn settle(&mut self, id: CorrelationId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index()).filter(|it| it.generation == id.generation())?;
        match std::mem::replace(&mut slot.state, State::Free) {
            State::Pending(value) => {
                self.n_pending -= 1;
                slot.state = State::Settled(value);
            }
            other => {
                slot.state = other;
                return None;
            }
        }
        match &mut slot.state {
            State::Settled(value) => Some(value),
            State::Free | State::Pending(_) => None,
        }
    }

    /// What expired by `now` and is pending still, the earliest deadline first.
    pub fn next_expired(&mut self, now: Instant) -> Option<CorrelationId> {
        self.next_deadline().filter(|it| it.has_passed(now))?;
        self.first()
    }

    /// All that expired by `now`, earliest deadline first; they are no longer pending.
    pub fn expire(&mut self, now: Instant) -> Vec<(CorrelationId, T)> {
        let mut res = Vec::new();
        while let Some(id) = self.next_expired(now) {
            res.extend(self.take(id).map(|value| (id, value)));
        }
        res
    }

    /// All that is pending, earliest deadline first; nothing is pending afterwards.
    pub fn drain(&mut self) -> Vec<(CorrelationId, T)> {
        let mut res = Vec::new();
        while let Some(id) = self.first() {
            res.extend(self.take(id).map(|value| (id, value)));
        }
        res
    }

    /// What is pending.
    pub fn pending(&self) -> impl Iterator<Item = (CorrelationId, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.state {
            State::Pending(value) => {
                Some((CorrelationId::new(slot.generation, index as u32), value))
            }
            State::Free | State::Settled(_) => None,
        })
    }

    /// The earliest deadline, when something is pending.
    pub fn next_deadline(&mut self) -> Option<Deadline> {
        self.first()?;
        self.deadlines.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// How many requests are pending.
    pub fn len(&self) -> usize {
        self.n_pending
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.n_pending == 0
    }

    /// What is pending with the earliest deadline, which is the first in the list then.
    fn first(&mut self) -> Option<CorrelationId> {
        while let Some(Reverse((_, id))) = self.deadlines.peek() {
            if self.is_pending(*id) {
                return Some(*id);
            }
            self.deadlines.pop();
        }
        None
    }

    fn is_pending(&self, id: CorrelationId) -> bool {
        self.slot(id).is_some_and(|it| matches!(it.state, State::Pending(_)))
    }

    fn slot(&self, id: CorrelationId) -> Option<&Slot<T>> {
        self.slots.get(id.index()).filter(|it| it.generation == id.generation())
    }

    fn slot_mut(&mut self, id: CorrelationId) -> Option<&mut Slot<T>> {
        self.slots.get_mut(id.index()).filter(|it| it.generation == id.generation())
    }

    /// `None` if all indices are taken, as far as settled values hold them.
    fn grow(&mut self) -> Option<u32> {
        let index = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Slot { generation: 1, state: State::Free });
        Some(index)
    }

    /// Forgets the deadlines of what is over once they are the most: what is answered in time costs
    /// no search for its deadline.
    fn sweep(&mut self) {
        if self.deadlines.len() <= 2 * self.n_pending + SLACK {
            return;
        }
        let mut deadlines = std::mem::take(&mut self.deadlines);
        deadlines.retain(|Reverse((_, id))| self.is_pending(*id));
        self.deadlines = deadlines;
    }
}

impl<T> fmt::Debug for Correlator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correlator")
            .field("len", &self.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Which request an answer belongs to: a slot, and how often that slot was used; never zero.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CorrelationId(u64);

impl CorrelationId {
    /// The id in `bytes`, or `None` when it is not eight bytes long.
    ///
    /// Any eight bytes are an id; whether something is pending under it the [`Correlator`] knows.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|it| Self(u64::from_be_bytes(it)))
    }

    /// The id as it stands on the wire: eight bytes, big endian.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    fn new(generation: u32, index: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(index))
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn index(self) -> usize {
        self.0 as u32 as usize
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The request was not taken in: as many as allowed are pending. It holds the value.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Full<T>(
    /// What was not inserted.
    pub T,
);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests pending")
    }
}

impl<T> std::error::Error for Full<T> {}

struct Slot<T> {
    generation: u32,
    state: State<T>,
}

enum State<T> {
    Free,
    Pending(T),
    Settled(T),
}

/// Generations start again at one, so that no id is zero.
fn next(generation: u32) -> u32 {
    generation.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn far() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_secs(60))
    }

    #[test]
    fn a_late_reply_does_not_hit_a_reused_slot() {
        let mut pending = Correlator::new(1);
        let first = pending.insert(far(), "first").unwrap();
        assert_eq!(pending.take(first), Some("first"));
        let second = pending.insert(far(), "second").unwrap();
        assert_eq!(first.index(), second.index());
        assert_eq!(pending.take(first), None);
        assert_eq!(pending.get(second), Some(&"second"));
    }

    #[test]
    fn a_full_correlator_gives_the_value_back() {
        let mut pending = Correlator::new(1);
        let id = pending.insert(far(), 1).unwrap();
        assert_eq!(pending.insert(far(), 2), Err(Full(2)));
        assert_eq!(pending.take(id), Some(1));
        assert!(pending.insert(far(), 3).is_ok());
        assert_eq!(Correlator::new(0).insert(far(), 4), Err(Full(4)));
    }

    #[test]
    fn requests_expire_in_the_order_of_their_deadlines() {
        let now = Instant::now();
        let at = |secs| Deadline::after(now, Duration::from_secs(secs));
        let mut pending = Correlator::new(10);
        for secs in [3, 1, 2] {
            pending.insert(at(secs), secs).unwrap();
        }
        assert_eq!(pending.next_deadline(), Some(at(1)));
        assert!(pending.expire(now).is_empty());
        let res: Vec<_> = pending.expire(at(2).instant()).into_iter().map(|it| it.1).collect();
        assert_eq!(res, [1, 2]);
        assert_eq!(pending.next_deadline(), Some(at(3)));
        assert_eq!(pending.drain().len(), 1);
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_settled_takes_no_room_and_stays_until_it_is_taken() {
        let now = Instant::now();
        let mut pending = Correlator::new(1);
        let first = pending.insert(Deadline::at(now), 1).unwrap();
        *pending.settle(first).unwrap() += 10;
        assert_eq!(pending.settle(first), None);
        assert!(pending.is_empty());
        assert_eq!((pending.next_deadline(), pending.next_expired(now)), (None, None));
        let second = pending.insert(far(), 2).unwrap();
        assert_ne!(first.index(), second.index());
        assert_eq!(pending.pending().collect::<Vec<_>>(), [(second, &2)]);
        assert_eq!((pending.take(first), pending.get(first)), (Some(11), None));
        assert_eq!((pending.take(second), pending.settle(second)), (Some(2), None));
    }

    #[test]
    fn the_deadlines_of_what_is_over_are_not_kept() {
        let mut pending = Correlator::new(10);
        let stays = pending.insert(far(), 0).unwrap();
        for n in 1..10_000 {
            let id = pending.insert(far(), n).unwrap();
            assert_eq!(pending.take(id), Some(n));
            assert!(pending.deadlines.len() <= 2 * pending.len() + SLACK + 2);
        }
        assert!(pending.next_deadline().is_some());
        assert_eq!(pending.take(stays), Some(0));
        assert_eq!(pending.next_deadline(), None);
    }

    #[test]
    fn an_id_is_eight_bytes_on_the_wire_and_never_zero() {
        let mut pending = Correlator::new(1);
        let id = pending.insert(far(), ()).unwrap();
        assert_eq!(id.to_bytes(), [0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(CorrelationId::from_bytes(&id.to_bytes()), Some(id));
        assert_eq!(CorrelationId::from_bytes(b"1234567"), None);
        assert_eq!(CorrelationId::from_bytes(b"123456789"), None);
    }

    #[test]
    fn a_forged_id_finds_nothing() {
        let mut pending = Correlator::<u8>::new(4);
        pending.insert(far(), 7).unwrap();
        for forged in [[0; 8], [0xff; 8], [0, 0, 0, 2, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 1]] {
            let id = CorrelationId::from_bytes(&forged).unwrap();
            assert_eq!(pending.get(id), None);
            assert_eq!(pending.take(id), None);
        }
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn generations_start_again_at_one() {
        assert_eq!(next(1), 2);
        assert_eq!(next(u32::MAX), 1);
    }
}
