//! Messages that one worker has at a time.

use std::time::Instant;

use super::{Claim, ClaimToken, Left, Log};
use crate::correlated::error::ChannelError;

/// Who has a message, and until when.
pub(super) struct Held {
    pub(super) lease: u64,
    pub(super) until: Instant,
}

impl Log {
    /// Gives out up to `limit` messages that nobody has, the oldest first.
    pub(crate) fn claim(&mut self, limit: usize, now: Instant) -> Vec<Claim> {
        self.maintain(now);
        let seqs: Vec<u64> = self.free.iter().take(limit).copied().collect();
        seqs.into_iter().filter_map(|seq| self.claim_one(seq, now)).collect()
    }

    fn claim_one(&mut self, seq: u64, now: Instant) -> Option<Claim> {
        self.free.remove(&seq);
        self.last_lease += 1;
        let (lease, until) = (self.last_lease, self.until(now));
        let entry = self.entry_mut(seq)?;
        entry.held = Some(Held { lease, until });
        entry.deliveries = entry.deliveries.saturating_add(1);
        let (deliveries, message) = (entry.deliveries, entry.message.clone());
        self.expiry.insert((until, seq));
        Some(Claim { deliveries, message, token: ClaimToken { lease, seq } })
    }

    /// The message is done: nobody gets it any more.
    ///
    /// # Errors
    /// [`ChannelError::ClaimOver`].
    pub(crate) fn ack(&mut self, token: ClaimToken, now: Instant) -> Result<(), ChannelError> {
        self.reclaim(now);
        self.held(token)?;
        self.remove(token.seq, Left::Done);
        self.trim();
        Ok(())
    }

    /// The message is for somebody else.
    ///
    /// # Errors
    /// [`ChannelError::ClaimOver`].
    pub(crate) fn nack(&mut self, token: ClaimToken, now: Instant) -> Result<(), ChannelError> {
        self.reclaim(now);
        let until = self.held(token)?;
        self.release(token.seq, until);
        Ok(())
    }

    /// The claim times out later: as if it were made now.
    ///
    /// # Errors
    /// [`ChannelError::ClaimOver`].
    pub(crate) fn extend(&mut self, token: ClaimToken, now: Instant) -> Result<(), ChannelError> {
        self.reclaim(now);
        let old = self.held(token)?;
        let until = self.until(now);
        self.expiry.remove(&(old, token.seq));
        self.expiry.insert((until, token.seq));
        if let Some(held) = self.entry_mut(token.seq).and_then(|it| it.held.as_mut()) {
            held.until = until;
        }
        Ok(())
    }

    /// Gives back what was claimed for too long.
    pub(super) fn reclaim(&mut self, now: Instant) {
        while let Some(&(until, seq)) = self.expiry.first() {
            if now < until {
                return;
            }
            self.release(seq, until);
            self.stats.reclaimed += 1;
        }
    }

    fn release(&mut self, seq: u64, until: Instant) {
        self.expiry.remove(&(until, seq));
        if let Some(entry) = self.entry_mut(seq) {
            entry.held = None;
            self.free.insert(seq);
        }
    }

    /// Until when the claim with this token holds.
    fn held(&self, token: ClaimToken) -> Result<Instant, ChannelError> {
        let held = self.entry(token.seq).and_then(|it| it.held.as_ref());
        let held = held.filter(|it| it.lease == token.lease).ok_or(ChannelError::ClaimOver)?;
        Ok(held.until)
    }

    fn until(&self, now: Instant) -> Instant {
        gleis_core::Deadline::after(now, self.rules.claim_timeout).instant()
    }
}
