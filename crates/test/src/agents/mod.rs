//! For those who write agents.

mod faults;
mod heard;
mod machine;
mod probe;
mod storm;
#[cfg(test)]
mod tests;
mod world;

pub use self::faults::Faults;
pub use self::machine::Machine;
pub use self::probe::{Listener, Message, Probe};
pub use self::world::{World, search, simulate, trace_of};
