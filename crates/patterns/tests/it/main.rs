//! Typed sockets, seen from outside.

mod codecs;
mod events;
mod flow;
mod foreign;
mod hostile;
mod leaks;
mod matrix;
mod pubsub;
mod reqrep;
mod support;
