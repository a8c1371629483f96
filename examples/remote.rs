//! Agents in processes of their own, configured and called from here.
//!
//! ```text
//! cargo run --release --example remote
//! ```
//!
//! Those of osBrain always are; here one asks for it. It prints
//!
//! ```text
//! Alice runs in another process: true
//! Bob: Received: Hello, Bob!
//! Alice has greeted 1 time
//! ```
//!
//! and would leave no process behind if it were killed.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{
    Context, Kind, Result, agent, processes, run_agent, run_agent_process, run_nameserver,
};
use serde::{Deserialize, Serialize};

/// Travels to its process as it begins.
#[derive(Deserialize, Serialize)]
struct Greeter {
    n_greeted: u32,
}

#[agent(attributes(n_greeted))]
impl Greeter {
    #[method]
    async fn hello(&mut self, cx: &Context<Self>, name: String) -> Result {
        self.n_greeted += 1;
        Ok(cx.send("main", format!("Hello, {name}!")).await?)
    }
}

struct Bob;

#[agent]
impl Bob {
    async fn custom_log(&mut self, cx: &Context<Self>, message: String) {
        println!("{}: Received: {message}", cx.name());
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    // A process that is to run an agent goes no further.
    processes![Greeter];

    let ns = run_nameserver().await?;
    let alice = run_agent_process("Alice", Greeter { n_greeted: 0 }).await?;
    let elsewhere = alice.id() != Some(std::process::id());
    println!("Alice runs in another process: {elsewhere}");

    let bob = run_agent("Bob", Bob).await?;
    let addr = alice.proxy().bind(Kind::Push, "main").await?;
    bob.connect(addr, Bob::custom_log).await?;
    alice.proxy().call::<()>("hello", ("Bob",)).await?;
    bob.gone().await;

    let n_greeted: u32 = alice.proxy().get_attr("n_greeted").await?;
    println!("Alice has greeted {n_greeted} time");
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
