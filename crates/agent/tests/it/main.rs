//! What agents do, one module per behaviour.

mod calls;
mod faults;
mod names;
mod remote;
mod seed;
mod shutdown;
mod sockets;
mod support;
mod timers;
mod waiting;
