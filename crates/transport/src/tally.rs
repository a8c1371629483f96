//! What became of the messages given to one link.

/// The sender's ledger of one link, exact at every moment:
/// `accepted = delivered + queued + in_flight + given_up`, where `given_up` is what
/// [`Sender::displace`](crate::Sender::displace) has returned.
///
/// It can still be read after the end; what is queued or in flight then never leaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Messages that were taken.
    pub accepted: u64,
    /// Messages that were handed over: to the system, or on inproc to the other side.
    pub delivered: u64,
    /// Messages in the write that is under way.
    pub in_flight: u64,
    /// Messages that wait.
    pub queued: u64,
}
