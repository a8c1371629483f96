//! Pending requests by id, each with a deadline.

use std::{collections::BTreeSet, fmt, time::Instant};

use crate::Deadline;

/// Pending requests: a value per [`CorrelationId`], and the moment each is given up.
///
/// It has no clock: [`next_deadline`](Self::next_deadline) says when to call
/// [`expire`](Self::expire), and the caller says what time it is. Ids are not reused until
/// a slot was taken 2^32 - 1 times, so a late reply finds nothing instead of a stranger's request.
/// Inserting, taking and expiring cost O(log n) of the requests pending.
pub struct Correlator<T> {
    // Invariant: `free` holds the index of every slot without a value, once.
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    // Invariant: one entry for every slot with a value.
    deadlines: BTreeSet<(Deadline, CorrelationId)>,
    limit: usize,
}

impl<T> Correlator<T> {
    /// No pending requests, and room for `limit` of them (at most 2^32 - 1).
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        Self { slots: Vec::new(), free: Vec::new(), deadlines: BTreeSet::new(), limit }
    }

    /// Remembers `value` until it is taken or `deadline` passes.
    ///
    /// # Errors
    /// [`Full`] gives the value back when `limit` requests are pending.
    pub fn insert(&mut self, deadline: Deadline, value: T) -> Result<CorrelationId, Full<T>> {
        if self.limit <= self.len() {
            return Err(Full(value));
        }
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let slot = &mut self.slots[index as usize];
        slot.pending = Some((deadline, value));
        let id = CorrelationId::new(slot.generation, index);
        self.deadlines.insert((deadline, id));
        Ok(id)
    }

    /// The value pending under `id`.
    pub fn get(&self, id: CorrelationId) -> Option<&T> {
        let slot = self.slots.get(id.index()).filter(|it| it.generation == id.generation())?;
        slot.pending.as_ref().map(|(_, value)| value)
    }

    /// The value pending under `id`, no longer pending; `None` when it was taken, has expired or never was.
    pub fn take(&mut self, id: CorrelationId) -> Option<T> {
        let slot = self.slots.get_mut(id.index()).filter(|it| it.generation == id.generation())?;
        let (deadline, value) = slot.pending.take()?;
        slot.generation = next(slot.generation);
        self.free.push(id.0 as u32);
        self.deadlines.remove(&(deadline, id));
        Some(value)
    }

    /// All that expired by `now`, earliest deadline first; they are no longer pending.
    pub fn expire(&mut self, now: Instant) -> Vec<(CorrelationId, T)> {
        let mut res = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if !deadline.has_passed(now) {
                break;
            }
            res.extend(self.take(id).map(|value| (id, value)));
        }
        res
    }

    /// All that is pending, earliest deadline first; nothing is pending afterwards.
    pub fn drain(&mut self) -> Vec<(CorrelationId, T)> {
        let ids: Vec<_> = self.deadlines.iter().map(|(_, id)| *id).collect();
        ids.into_iter().filter_map(|id| Some((id, self.take(id)?))).collect()
    }

    /// The earliest deadline, when something is pending.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// How many requests are pending.
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    fn grow(&mut self) -> u32 {
        // No truncation: there are never more slots than `limit`, which fits.
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 1, pending: None });
        index
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
    pending: Option<(Deadline, T)>,
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
