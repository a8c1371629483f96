//! Typed sockets, seen from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, too")]

mod codecs;
mod events;
mod faults;
mod filters;
mod flow;
mod foreign;
mod hostile;
mod leaks;
mod matrix;
mod pains;
mod pubsub;
mod reqrep;
mod sim;
mod support;
mod xpubxsub;
