//! What the benches share: loads, rigs that move them, and the way a rig is measured.
//!
//! A [`Rig`] is one way of moving messages, ready to be timed turn by turn: [`raw`] tokio, the
//! connections of `gleis-transport` ([`links`]), the sockets of `gleis-patterns` ([`sockets`]) or
//! what stands on them ([`channels`]).
//! The two sides of a rig are two threads with a current-thread runtime each, as two processes
//! would be. A [`hot`] path is counted instead of timed. See `docs/benchmarking.md`.

pub mod channels;
pub mod frames;
pub mod hot;
pub mod links;
pub mod load;
pub mod many;
pub mod measure;
pub mod memory;
pub mod plot;
pub mod process;
pub mod raw;
pub mod rig;
pub mod sockets;

pub use crate::load::{Job, Load};
pub use crate::rig::{Cores, Rig};
