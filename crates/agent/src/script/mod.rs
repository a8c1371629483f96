//! Methods that are scripts: text from elsewhere, run in a sandbox.

mod grants;
mod handler;
mod host;
mod run;
mod set;

pub use self::grants::Scripts;
pub(crate) use self::handler::handler;
pub(crate) use self::run::Scripted;
pub(crate) use self::set::Bench;
