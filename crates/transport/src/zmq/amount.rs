//! Counting what travels, in messages and bytes at once.

/// Messages (controls among them) and the bytes they are counted with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Amount {
    pub(super) bytes: u64,
    pub(super) messages: u64,
}

impl Amount {
    /// One message of this weight.
    pub(super) fn one(weight: usize) -> Self {
        Self { bytes: weight as u64, messages: 1 }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            messages: self.messages.saturating_add(other.messages),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            messages: self.messages.saturating_sub(other.messages),
        }
    }

    /// The half, at least one of each.
    pub(super) fn half(self) -> Self {
        Self { bytes: (self.bytes / 2).max(1), messages: (self.messages / 2).max(1) }
    }

    /// Below in both.
    pub(super) fn is_below(self, limit: Self) -> bool {
        self.messages < limit.messages && self.bytes < limit.bytes
    }

    /// Not less in either.
    pub(super) fn covers(self, other: Self) -> bool {
        other.messages <= self.messages && other.bytes <= self.bytes
    }
}
