//! What the crates of gleis test each other with, and those who use them: conformance suites, a
//! simulated network, waits with a watchdog, probes, and simulated worlds of agents.
//!
//! Only tests depend on this crate. A suite is a set of laws, each a public function; whoever
//! implements a codec, a transport or a directory runs all of them. With the feature `patterns`,
//! `pattern_suite` has the laws of the sockets, for every transport, network and codec under them;
//! with the feature `agents`, `agents` has what tests of agents need.

#[cfg(feature = "agents")]
pub mod agents;
pub mod codec_suite;
pub mod directory_suite;
#[cfg(feature = "patterns")]
pub mod pattern_suite;
pub mod sim;
pub mod transport_suite;
pub mod wait;
