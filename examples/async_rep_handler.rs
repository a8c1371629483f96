//! A handler for one reply, instead of the one that was given when Bob connected.
//!
//! ```text
//! cargo run --release --example async_rep_handler
//! ```
//!
//! It prints
//!
//! ```text
//! Bob: I am done!
//! Bob: I am deaf...
//! Bob: Processed reply: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};

struct Alice;

#[agent]
impl Alice {
    async fn reply(&mut self, _: &Context<Self>, _message: String) -> String {
        "Hello, Bob!".to_owned()
    }
}

struct Bob;

#[agent]
impl Bob {
    /// Asks twice: he is at work until he has said that he is done.
    #[method]
    async fn ask(&mut self, cx: &Context<Self>) -> Result {
        cx.ask("alice", "Hello, Alice!").handler(Self::deaf).await?;
        cx.ask("alice", "Hello, Alice!").await?;
        println!("{}: I am done!", cx.name());
        Ok(())
    }

    async fn deaf(&mut self, cx: &Context<Self>, _reply: String) {
        println!("{}: I am deaf...", cx.name());
    }

    async fn process_reply(&mut self, cx: &Context<Self>, reply: String) {
        println!("{}: Processed reply: {reply}", cx.name());
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Alice).await?;
    let bob = run_agent("Bob", Bob).await?;

    let addr = alice.bind(Kind::AsyncRep, "main").handler(Alice::reply).await?;
    bob.connect(addr, Bob::process_reply).alias("alice").await?;
    bob.ask().await?;
    bob.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
