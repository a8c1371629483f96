//! What happens when a reply does not come in time.
//!
//! ```text
//! cargo run --release --example async_rep_timeout
//! ```
//!
//! It prints
//!
//! ```text
//! Bob: I am done!
//! Bob: No reply received!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};

struct Alice;

#[agent]
impl Alice {
    async fn reply_never(&mut self, _: &Context<Self>, _message: String) -> String {
        std::future::pending().await
    }
}

struct Bob;

#[agent]
impl Bob {
    async fn process_reply(&mut self, cx: &Context<Self>, reply: String) {
        println!("{}: Processed reply: {reply}", cx.name());
    }

    async fn no_reply_in_time(&mut self, cx: &Context<Self>) {
        println!("{}: No reply received!", cx.name());
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Alice).await?;
    let bob = run_agent("Bob", Bob).await?;

    let addr = alice.bind(Kind::AsyncRep, "main").handler(Alice::reply_never).await?;
    bob.connect(addr, Bob::process_reply).alias("alice").await?;

    let ask = bob.context().ask("alice", "Hello, Alice!");
    ask.within(Duration::from_millis(500)).on_error(Bob::no_reply_in_time).await?;
    println!("Bob: I am done!");
    bob.gone().await;
    // Alice still is at it.
    alice.kill().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
