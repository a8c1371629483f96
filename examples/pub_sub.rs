//! Alice publishes, Bob and Eve both hear it.
//!
//! ```text
//! cargo run --release --example pub_sub
//! ```
//!
//! The publish-subscribe pattern of osBrain. It prints, by name
//!
//! ```text
//! Bob: Hello, all!
//! Bob: Hello, all!
//! Eve: Hello, all!
//! Eve: Hello, all!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Kind, Result, agent, run_agent, run_nameserver};
use tokio::sync::mpsc;

/// Hands what it hears to `main`.
struct Plain {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Plain {}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let (heard, mut hears) = mpsc::unbounded_channel();
    let alice = run_agent("Alice", Plain { heard: heard.clone() }).await?;
    let addr = alice.bind(Kind::Pub, "main").await?;

    for name in ["Bob", "Eve"] {
        let listener = run_agent(name, Plain { heard: heard.clone() }).await?;
        let log = move |it: &mut Plain, text: String| it.heard.send(format!("{name}: {text}"));
        // What is published before a subscriber is there is not for it.
        listener.connect(addr.clone(), log).ready(Duration::from_secs(10)).await?;
    }
    for _ in 0..2 {
        alice.send("main", "Hello, all!").await?;
    }

    let mut lines = Vec::new();
    while lines.len() < 4 {
        lines.extend(hears.recv().await);
    }
    lines.sort();
    println!("{}", lines.join("\n"));
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
