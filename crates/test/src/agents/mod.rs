//! For those who write agents: listen to them, run hours of them in moments, and let chance have its way with them.
//!
//! | want | take |
//! |---|---|
//! | see what agents send, publish, ask and call | [`Probe`] |
//! | a system that takes hours, in moments | a stopped clock, and inproc or a [`World`] |
//! | machines that crash, networks that break, the same again from a seed | [`simulate`] |
//!
//! # Probes
//! A [`Probe`] is an agent. It works on any node, on real time and on a stopped clock.
//!
//! ```
//! use std::time::Duration;
//!
//! use gleis_agent::{Context, Kind, Node, Result, agent};
//! use gleis_test::agents::Probe;
//!
//! struct Greeter;
//!
//! #[agent]
//! impl Greeter {
//!     async fn on_init(&mut self, cx: &Context<Self>) -> Result {
//!         cx.bind(Kind::Push, "main").await?;
//!         Ok(())
//!     }
//!
//!     #[method]
//!     async fn hello(&mut self, cx: &Context<Self>, name: String) -> Result {
//!         Ok(cx.send("main", format!("Hello, {name}!")).await?)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result {
//! let second = Duration::from_secs(1);
//! let node = Node::local();
//! let greeter = node.run_agent("greeter", Greeter).await?;
//!
//! let mut probe = Probe::run(&node, "probe").await?;
//! probe.connect::<String>(greeter.addr("main").await?, "main").await?;
//! greeter.hello("Bob").await?;
//! greeter.hello("Eve").await?;
//! probe.expect("Hello, Bob!".to_owned(), second).await;
//! probe.fish(|text: &String| text.contains("Eve"), second).await;
//! probe.expect_none(second / 100).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Virtual time
//! On a stopped clock, `#[tokio::test(start_paused = true)]`, time passes as soon as everybody waits: timers, deadlines,
//! heartbeats and pauses of agents cost nothing. It knows nothing of the operating system, so a message on its way
//! through real tcp or ipc does not keep it: have name servers, nodes and sockets listen at `inproc://..`, or use a
//! [`World`]. Agents on [threads of their own](gleis_agent::RunAgent::on_thread) and in processes have clocks of their
//! own, and whoever uses `std::time` sees real time.
//!
//! # Worlds
//! A [`World`] has machines, each with a node of agents, joined by a [simulated network](crate::sim). What a machine runs
//! is said once, and runs again after each crash; what has to survive is kept outside. [`Faults`] say what befalls them.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use gleis_agent::{Node, Result, agent};
//! use gleis_test::agents::{Faults, World, simulate};
//!
//! struct Adder;
//!
//! #[agent]
//! impl Adder {
//!     #[method]
//!     fn add(&mut self, a: i64, b: i64) -> i64 {
//!         a + b
//!     }
//! }
//!
//! const SECOND: Duration = Duration::from_secs(1);
//!
//! // Ten seeds, ten minutes each.
//! simulate(10, async |world: World| -> Result {
//!     let boot = async |node: Arc<Node>| Ok(node.run_agent("adder", Adder).await.map(drop)?);
//!     world.machine("here", boot).await?;
//!     world.faults(Faults::none().crashes(10 * SECOND..=60 * SECOND, SECOND..=5 * SECOND));
//!     world.pass(600 * SECOND).await;
//!     world.calm().await;
//!     let adder = world.proxy("adder", SECOND).await?;
//!     assert_eq!(adder.call::<i64>("add", (2, 3)).await?, 5);
//!     Ok(())
//! });
//! ```
//!
//! A run that fails names its seed and the command that plays it alone: `GLEIS_SIM_SEED=7 cargo test ..`;
//! `GLEIS_SIM_SEEDS=10000` plays more seeds than the test says. The example `simulated` finds a bug in this way.
//!
//! # What a seed decides
//! All that gleis and the network do: delays, losses and their order, faults, jitter, random names, and with them which
//! task runs when. One seed gives one run, to the last event, in each process that is built from the same sources.
//! What agents do is the same each time if they are made of the same things. They are not by
//!
//! - the order of a `HashMap` or `HashSet` of the standard library: take a `BTreeMap`, or a fixed hasher;
//! - `tokio::select!` without `biased`, and several tasks that wait for one `tokio::sync::watch`: tokio draws by itself
//!   who is first. Built with `RUSTFLAGS="--cfg tokio_unstable"`, tokio draws from the seed, too. gleis itself waits in a
//!   fixed order, but for several callers that wait to hear of the end of one agent or for a lost name server;
//! - random numbers that are not those of [`fastrand`]'s functions on the thread of the run;
//! - real time: `std::time`, and the time of a line in [logs](gleis_agent::LogLine);
//! - other threads: `spawn_blocking`, agents on threads of their own or in processes, files through tokio: their
//!   order is anybody's;
//! - statics that one run leaves to the next, and inproc, which machines share;
//! - real sockets: an address that a [`ProxyPlace`](gleis_agent::ProxyPlace) leads to goes through the operating system.
//!
//! Whether a system is free of them is seen by [`trace_of`]: compare two runs of a few seeds, with
//! [notes](World::note) of what agents see. A crash ends agents and connections; tasks that agents have spawned
//! themselves go on.

mod faults;
mod heard;
mod machine;
mod probe;
mod storm;
#[cfg(test)]
mod tests;
mod world;

pub use self::faults::Faults;
pub use self::machine::Machine;
pub use self::probe::{Listener, Message, Probe};
pub use self::world::{World, replay, search, simulate, trace_of};
