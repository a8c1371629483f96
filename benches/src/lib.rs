//! What the benches share: loads, rigs that move them, and the way a rig is measured.
//!
//! A [`Rig`] is one way of moving messages, ready to be timed turn by turn: [`raw`] tokio, the
//! connections of `gleis-transport` ([`links`]) or the sockets of `gleis-patterns` ([`sockets`]).
//! The two sides of a rig are two threads with a current-thread runtime each, as two processes
//! would be. See `docs/benchmarking.md`.

pub mod links;
pub mod load;
pub mod measure;
pub mod raw;
pub mod rig;
pub mod sockets;

pub use crate::load::{Job, Load};
pub use crate::rig::{Cores, Rig};
