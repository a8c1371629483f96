//! Alice pushes, Bob pulls: each message goes to one of those who are connected.
//!
//! ```text
//! cargo run --release --example push_pull
//! ```
//!
//! The push-pull pattern of osBrain. It prints
//!
//! ```text
//! Bob: Received: Hello, Bob!
//! Bob: Received: Hello, Bob!
//! Bob: Received: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};

/// Counts what it hears.
#[derive(Default)]
struct Plain {
    n_heard: u32,
}

#[agent]
impl Plain {}

fn log_message(it: &mut Plain, cx: &Context<Plain>, message: &str) {
    println!("{}: Received: {message}", cx.name());
    it.n_heard += 1;
    if it.n_heard == 3 {
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    // System deployment
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Plain::default()).await?;
    let bob = run_agent("Bob", Plain::default()).await?;

    // System configuration
    let addr = alice.bind(Kind::Push, "main").await?;
    bob.connect(addr, |it: &mut Plain, cx: &Context<Plain>, message: String| {
        log_message(it, cx, &message);
    })
    .await?;

    // Send messages
    for _ in 0..3 {
        alice.send("main", "Hello, Bob!").await?;
    }
    bob.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
