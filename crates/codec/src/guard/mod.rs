//! Keeps depth, elements and refusals of every format alike.
//!
//! A guard wraps a format's serializer or deserializer and everything they hand on. It adds
//! what the formats lack: a limit on nesting, a limit on elements that take no bytes, and an
//! error for values that would silently come back as something else.

mod de;
mod ser;

use std::{cell::Cell, fmt};

use crate::{Fault, Limits};

/// How many elements that take no bytes a message may have.
const FREE_ELEMENTS: usize = 1 << 16;

/// What a format cannot carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Has no NaN and no infinity.
    pub(crate) finite: bool,
    /// Writes the absent option as it writes unit, so `Some(None)` would come back as `None`.
    pub(crate) null_is_none: bool,
    /// Writes fields without names, so that none may be left out.
    pub(crate) positional: bool,
}

/// How many elements `len` bytes may hold.
pub(crate) fn elements(len: usize) -> usize {
    len.saturating_add(FREE_ELEMENTS)
}

/// What one encoding or decoding has used up, and why it stopped.
#[derive(Debug)]
pub(crate) struct Ledger {
    rules: Rules,
    elements: Cell<usize>,
    // Formats forget the text of foreign errors (postcard), so the reason is kept here.
    trip: Cell<Option<Trip>>,
}

impl Ledger {
    pub(crate) fn new(rules: Rules, elements: usize) -> Self {
        Self { rules, elements: Cell::new(elements), trip: Cell::new(None) }
    }

    /// The outermost scope.
    pub(crate) fn scope(&self, limits: &Limits) -> Scope<'_> {
        Scope { ledger: self, depth: limits.depth, in_wrapper: false, in_some: false }
    }

    /// The result with the guard's own reason, if it had one, in place of the format's.
    pub(crate) fn settle<T>(&self, res: Result<T, Fault>, limits: &Limits) -> Result<T, Fault> {
        match self.trip.get() {
            None => res,
            Some(Trip::Deep) => Err(Fault::TooDeep { limit: limits.depth }),
            Some(Trip::Many) => Err(Fault::TooMany),
            Some(Trip::Unfit(what)) => Err(Fault::Unfit { what }),
        }
    }
}

/// Why a guard stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trip {
    Deep,
    Many,
    Unfit(&'static str),
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deep => "nested too deep",
            Self::Many => "too many elements",
            Self::Unfit(what) => what,
        })
    }
}

/// Where in the nesting a guard stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    ledger: &'a Ledger,
    /// Levels left.
    depth: usize,
    /// Directly inside an option, a newtype or a variant.
    in_wrapper: bool,
    /// Directly inside `Some`.
    in_some: bool,
}

impl Scope<'_> {
    /// Steps into a list, map, tuple or struct.
    #[inline]
    fn nest(self) -> Result<Self, Trip> {
        Ok(Self { depth: self.level()?, in_wrapper: false, in_some: false, ..self })
    }

    /// Steps into an option, newtype or variant.
    ///
    /// The first of these costs no depth, so that the same value is as deep in formats that
    /// tag it as in those that do not; a chain of them does.
    #[inline]
    fn wrap(self) -> Result<Self, Trip> {
        let depth = if self.in_wrapper { self.level()? } else { self.depth };
        Ok(Self { depth, in_wrapper: true, ..self })
    }

    #[inline]
    fn level(&self) -> Result<usize, Trip> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(depth),
            None => Err(self.trip(Trip::Deep)),
        }
    }

    /// Takes one element off the budget.
    #[inline]
    fn count(&self) -> Result<(), Trip> {
        match self.ledger.elements.get().checked_sub(1) {
            Some(left) => {
                self.ledger.elements.set(left);
                Ok(())
            }
            None => Err(self.trip(Trip::Many)),
        }
    }

    /// At most as many elements as the budget allows.
    fn hint(&self, it: Option<usize>) -> Option<usize> {
        it.map(|n| n.min(self.ledger.elements.get()))
    }

    #[cold]
    fn trip(&self, it: Trip) -> Trip {
        self.ledger.trip.set(Some(it));
        it
    }
}

/// A value to be written, or a seed to be read, under guard.
#[derive(Debug)]
pub(crate) struct Guarded<'a, T> {
    inner: T,
    scope: Scope<'a>,
}

impl<'a, T> Guarded<'a, T> {
    pub(crate) fn new(inner: T, scope: Scope<'a>) -> Self {
        Self { inner, scope }
    }
}
