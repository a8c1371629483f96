//! Methods that are given and taken away, in programs that know no scripts.

use super::methods::DynMethod;
use crate::{Agent, MethodError, cell::Cell};

impl<A: Agent> Cell<A> {
    /// Whether another method may stand in place of this one: always, of those that were given.
    #[expect(clippy::unnecessary_wraps, reason = "with scripts there are keys")]
    #[expect(clippy::unused_self, reason = "with scripts there are keys")]
    pub(crate) fn may_replace(&self, _: &str) -> Result<(), MethodError> {
        Ok(())
    }

    /// Gives the agent a method.
    pub(crate) fn give(&self, name: &str, method: DynMethod<A>) -> Result<(), MethodError> {
        self.methods.set(name, method).map(drop)
    }

    /// Takes a method away; false if there is none.
    pub(crate) fn take_away(&self, name: &str) -> bool {
        self.methods.remove(name).is_some()
    }
}
