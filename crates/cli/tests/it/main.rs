//! The command `gleis`, against what is really there.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod agents;
mod bridge;
mod command;
mod engineer;
mod hub;
mod machines;
mod ns;
mod sockets;
mod system;
mod tails;
mod tools;
mod usage;

use command::{Running, gleis, json};
