//! The hot paths: messages moved on one thread, to be counted and not timed.
//!
//! A [`HotPath`] does the same in every run: one thread, a clock that may stand still, and where
//! bytes travel a network in memory. What is counted twice, for `n` and for `2 n` messages, tells what
//! one message costs: setting up is in both and falls out.

mod bytes;
mod channels;
mod links;
mod sockets;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gleis_patterns::{Endpoint, Options};
use tokio::runtime::Builder;

use crate::memory::Memory;
pub use crate::rig::Outcome;

/// One way of moving messages.
#[derive(Clone, Copy, Debug)]
pub struct HotPath {
    /// The messages that are moved to see what one of them costs: enough, and few enough for valgrind.
    pub messages: u64,
    /// `<layer>/<operation>/<size>`, as the criterion groups have it.
    pub name: &'static str,
    run: fn(u64) -> Outcome,
}

impl HotPath {
    /// Sets up, moves `n_messages`, and takes down.
    ///
    /// # Errors
    /// What went wrong with the sockets.
    pub fn run(&self, n_messages: u64) -> Outcome {
        (self.run)(n_messages)
    }

    /// The path of this name.
    pub fn named(name: &str) -> Option<Self> {
        HOT_PATHS.iter().find(|it| it.name == name).copied()
    }
}

const fn path(name: &'static str, messages: u64, run: fn(u64) -> Outcome) -> HotPath {
    HotPath { messages, name, run }
}

/// Every path, from the wire upwards.
pub const HOT_PATHS: &[HotPath] = &[
    path("zmtp/encode/64", 4_000, |n| bytes::encode_frames(64, n)),
    path("zmtp/decode/64", 4_000, |n| bytes::decode_frames(64, n)),
    path("codec/encode/job", 2_000, bytes::encode_jobs),
    path("codec/decode/job", 2_000, bytes::decode_jobs),
    path("transport/push/64", 4_000, |n| on_wire(|at| links::push(at, 64, n))),
    path("transport/round-trip/64", 2_000, |n| on_wire(|at| links::round_trip(at, 64, n))),
    path("transport/push-inproc/64", 4_000, |n| inside(|at| links::push(at, 64, n))),
    path("patterns/push/64", 4_000, |n| on_wire(|at| sockets::push(at, 64, n))),
    path("patterns/push/job", 4_000, |n| on_wire(|at| sockets::push_jobs(at, n))),
    path("patterns/push-inproc/64", 4_000, |n| inside(|at| sockets::push(at, 64, n))),
    path("patterns/push-inproc/u64", 4_000, |n| inside(|at| sockets::push_values(at, n))),
    path("patterns/push-inproc/job", 4_000, |n| inside(|at| sockets::push_jobs(at, n))),
    path("patterns/request/64", 2_000, |n| on_wire(|at| sockets::request(at, 64, n))),
    path("patterns/request-inproc/64", 2_000, |n| inside(|at| sockets::request(at, 64, n))),
    path("patterns/64-in-flight/64", 4_096, |n| on_wire(|at| sockets::window(at, 64, n))),
    path("patterns/64-callers/64", 4_096, |n| on_wire(|at| sockets::callers(at, 64, n))),
    path("patterns/publish-to-8/64", 1_000, |n| on_wire(|at| sockets::publish(at, 8, 64, n))),
    path("channels/64-in-flight/64", 4_096, |n| on_wire(|at| channels::window(at, 64, n))),
    path("channels/publish-to-8/64", 1_000, |n| on_wire(|at| channels::publish(at, 8, 64, n))),
    path("patterns/match-1/64", 4_000, |n| inside(|at| sockets::matches(at, 1, n))),
    path("patterns/match-1000/64", 4_000, |n| inside(|at| sockets::matches(at, 1_000, n))),
    path("patterns/match-100000/64", 4_000, |n| inside(|at| sockets::matches(at, 100_000, n))),
];

/// Where the two ends of a path meet.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) at: Endpoint,
    pub(crate) options: Options,
}

/// As tcp, over a network in memory.
fn on_wire<F: Future<Output = Outcome>>(work: impl FnOnce(Place) -> F) -> Outcome {
    let mut options = Options::default();
    options.network = Some(Arc::new(Memory::default()));
    alone(work, "tcp://127.0.0.1:7000".parse()?, options)
}

/// Without bytes.
fn inside<F: Future<Output = Outcome>>(work: impl FnOnce(Place) -> F) -> Outcome {
    // The names of a process are shared by all its threads.
    static N_PLACES: AtomicUsize = AtomicUsize::new(0);
    let at = format!("inproc://hot-{}", N_PLACES.fetch_add(1, Ordering::Relaxed));
    alone(work, at.parse()?, Options::default())
}

fn alone<F: Future<Output = Outcome>>(
    work: impl FnOnce(Place) -> F,
    at: Endpoint,
    options: Options,
) -> Outcome {
    // Chances are drawn only when something fails; then as well as always.
    fastrand::seed(7);
    let mut builder = Builder::new_current_thread();
    builder.enable_time();
    // Whether a message leaves at once depends on how long ago the last one did.
    #[cfg(feature = "instructions")]
    builder.start_paused(true);
    builder.build()?.block_on(work(Place { at, options }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_moves_a_few_messages() {
        for path in HOT_PATHS {
            path.run(130).unwrap_or_else(|error| panic!("{}: {error}", path.name));
        }
    }
}
