//! Scripts as their senders and their hosts see them.

mod calls;
mod hosts;
mod red_team;

use std::time::Duration;

use gleis_core::Value;
use gleis_script::{Limits, NoHost, Program, Sandbox, Script, ScriptError};

/// The usual limits, but for the time, which is short for a build without optimisation.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.time = Duration::from_secs(3_600);
    limits
}

/// Compiled with nothing granted.
fn compiled(source: &str) -> Result<Program, ScriptError> {
    Sandbox::new(limits(), NoHost).compile(&Script::new(source))
}

/// The answer of a script to these arguments.
fn run(source: &str, args: impl IntoIterator<Item = Value>) -> Result<Value, ScriptError> {
    compiled(source)?.call(args)
}
