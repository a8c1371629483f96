//! Scripts that come from elsewhere and do no harm: [Rhai](https://rhai.rs) in a sandbox.
//!
//! A [`Script`] is source text, so it can be sent where compiled code cannot. It ends with a closure:
//! what it takes are the arguments of a call, what it returns is the answer, both as
//! [`Value`](gleis_core::Value)s. Functions may be defined before it. A [`Sandbox`] compiles it once
//! to a [`Program`], which is cheap to call and to clone.
//!
//! ```
//! use gleis_core::Value;
//! use gleis_script::{Limits, NoHost, Sandbox, Script};
//!
//! let sandbox = Sandbox::new(Limits::default(), NoHost);
//! let square = sandbox.compile(&Script::new("|x| x * x"))?;
//! assert_eq!(square.call([Value::I64(12)])?, Value::I64(144));
//! # Ok::<(), gleis_script::ScriptError>(())
//! ```
//!
//! # What a script cannot do
//!
//! - run on: operations and time are bounded, and so is the depth of calls;
//! - grow: strings, arrays, maps, variables, functions and the source itself are bounded;
//! - reach out: there is no input, no output, no import, no `eval`, no sleep. What it may call beside
//!   arithmetic, text, lists and maps is a [`Host`]'s, which grants functions by name;
//! - remember: a call leaves nothing behind but what the host keeps.
//!
//! A bound that is met is an error of the call, and `try` in the script does not catch it.

mod convert;
mod engine;
mod error;
mod host;
mod limits;
mod program;
mod sandbox;
mod script;
mod size;
mod text;

pub use error::{Bound, HostError, ScriptError};
pub use host::{Grant, Host, NoHost};
pub use limits::Limits;
pub use program::Program;
pub use sandbox::Sandbox;
pub use script::Script;
