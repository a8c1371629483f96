//! Fields of an agent that others may see and change.

use std::fmt;

use gleis_core::{Value, ValueError};

/// A field of an agent that others may see and change by name; `#[agent(attributes(..))]` makes these.
pub struct Attribute<A: 'static> {
    name: &'static str,
    get: fn(&A) -> Result<Value, ValueError>,
    set: fn(&mut A, Value) -> Result<(), ValueError>,
}

impl<A> Attribute<A> {
    /// A field, and how it is read and written.
    pub const fn new(
        name: &'static str,
        get: fn(&A) -> Result<Value, ValueError>,
        set: fn(&mut A, Value) -> Result<(), ValueError>,
    ) -> Self {
        Self { name, get, set }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn get(&self, agent: &A) -> Result<Value, ValueError> {
        (self.get)(agent)
    }

    /// Sets it; it stays what it is if the value does not fit.
    pub(crate) fn set(&self, agent: &mut A, value: Value) -> Result<(), ValueError> {
        (self.set)(agent, value)
    }
}

impl<A> fmt::Debug for Attribute<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribute").field("name", &self.name).finish_non_exhaustive()
    }
}
