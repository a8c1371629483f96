//! Channels, seen from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, too")]

mod ash;
mod asr;
mod bound;
mod correlated;
mod crowd;
mod failures;
mod hostile;
mod life;
mod logs;
mod overflow;
mod sim;
mod support;
mod syh;
mod syn;
