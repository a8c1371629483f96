//! Typed sockets, seen from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, too")]

mod closing;
mod codecs;
mod conflate;
mod dealer;
mod events;
mod faults;
mod filters;
mod flow;
mod foreign;
mod front;
mod gaps;
mod hearing;
mod hostile;
mod leaks;
mod matrix;
mod options;
mod pains;
mod pair;
mod proxy;
mod pubsub;
mod replay;
mod reqrep;
mod router;
mod sim;
mod support;
mod surface;
mod xpubxsub;
