//! What a script may call beside what the language has.

use gleis_core::Value;

use crate::error::HostError;

/// A function of the host that scripts may call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grant {
    /// How many arguments it takes.
    pub arity: usize,
    /// Its name in scripts.
    pub name: &'static str,
}

impl Grant {
    /// The function `name` with `arity` arguments; several of one name may differ in these.
    pub const fn new(name: &'static str, arity: usize) -> Self {
        Self { arity, name }
    }
}

/// Who serves the calls that leave the sandbox.
///
/// Only what it grants exists for a script; there is no list to escape from.
pub trait Host: Send + Sync + 'static {
    /// What scripts may call; asked once, when the [`Sandbox`](crate::Sandbox) is made.
    fn grants(&self) -> Vec<Grant>;

    /// Serves a call of what is granted. It runs on the thread of the script and in its time, so it
    /// must not block.
    ///
    /// # Errors
    /// Whatever the script is to be told; it may catch it.
    fn call(&self, name: &str, args: Vec<Value>) -> Result<Value, HostError>;
}

/// A host that grants nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn grants(&self) -> Vec<Grant> {
        Vec::new()
    }

    fn call(&self, name: &str, _: Vec<Value>) -> Result<Value, HostError> {
        Err(HostError::new(format!("{name} is not granted")))
    }
}
