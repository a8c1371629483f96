//! Directories, name servers and their clients from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, too")]

mod closing;
mod hostile;
mod lost;
mod ownership;
mod suite;
mod world;
mod wrong_use;
