//! Where many wait for each other, in this program and in others.

mod agent;
mod local;

pub use self::agent::{BarrierAgent, BarrierAgentCalls, BarrierAgentTells, Passed, run_barrier};
pub use self::local::{Arrival, Barrier, BarrierError, Break};
