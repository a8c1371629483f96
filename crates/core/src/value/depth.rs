//! How deep a value may still go.

use super::{MAX_DEPTH, ValueError};

/// What is left of the depth: it keeps hostile nesting from overflowing the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    // Invariant: at least one, since there is a level at hand.
    levels: usize,
    wrappers: usize,
}

impl Depth {
    /// At the outermost level.
    pub(super) const FULL: Self = Self { levels: MAX_DEPTH, wrappers: MAX_DEPTH };

    /// One level further in: the elements of a list, a map, or bytes.
    pub(super) fn inner(self) -> Result<Self, ValueError> {
        match self.levels {
            0 | 1 => Err(ValueError::TooDeep),
            levels => Ok(Self { levels: levels - 1, ..self }),
        }
    }

    /// Within something that adds no level to the value, such as `Some` or a newtype.
    ///
    /// A type may wrap itself without end and the value at hand never end it, so these count too.
    pub(super) fn wrapped(self) -> Result<Self, ValueError> {
        match self.wrappers {
            0 => Err(ValueError::TooDeep),
            wrappers => Ok(Self { wrappers: wrappers - 1, ..self }),
        }
    }
}
