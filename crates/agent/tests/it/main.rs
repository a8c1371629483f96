//! What agents do, one module per behaviour.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod aliases;
mod anew;
mod anywhere;
mod barriers;
mod calls;
mod care;
mod channels;
mod circles;
mod dynamic;
mod ends;
mod faults;
mod finding;
mod groups;
mod letters;
mod life;
mod logs;
mod macros;
mod names;
mod osbrain;
mod places;
mod publications;
mod readers;
mod remote;
mod scenarios;
#[cfg(feature = "script")]
mod scripts;
mod seed;
mod shutdown;
mod sockets;
mod status;
mod storm;
mod supervisors;
mod support;
mod timers;
mod topology;
mod waiting;
