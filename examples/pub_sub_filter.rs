//! Each listener hears the topics that it wants, with a handler for each.
//!
//! ```text
//! cargo run --release --example pub_sub_filter
//! ```
//!
//! The filters of osBrain: Bob wants `a` and `b`, Eve `a`, Dave `b`; then Bob changes his mind. It prints
//!
//! ```text
//! Bob: a: Hello, a!
//! Bob: b: Hello, b!
//! Dave: b: Hello, b!
//! Eve: a: Hello, a!
//! Bob: c: Hello, c!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(10);

/// Hands what it hears to `main`.
struct Plain {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Plain {
    async fn log_a(&mut self, cx: &Context<Self>, text: String) -> Result {
        Ok(self.heard.send(format!("{}: a: {text}", cx.name()))?)
    }

    async fn log_b(&mut self, cx: &Context<Self>, text: String) -> Result {
        Ok(self.heard.send(format!("{}: b: {text}", cx.name()))?)
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let (heard, mut hears) = mpsc::unbounded_channel();
    let run = |name| run_agent(name, Plain { heard: heard.clone() });
    let (alice, bob, eve, dave) =
        (run("Alice").await?, run("Bob").await?, run("Eve").await?, run("Dave").await?);
    let addr = alice.bind(Kind::Pub, "main").await?;
    let connect = bob.connect_as(addr.clone(), "listener").ready(PATIENCE);
    connect.on("a", Plain::log_a).on("b", Plain::log_b).await?;
    eve.connect_as(addr.clone(), "listener").ready(PATIENCE).on("a", Plain::log_a).await?;
    dave.connect_as(addr, "listener").ready(PATIENCE).on("b", Plain::log_b).await?;

    for topic in ["a", "b", "c"] {
        alice.publish("main", topic, format!("Hello, {topic}!")).await?;
    }
    let mut lines = Vec::new();
    while lines.len() < 4 {
        lines.extend(hears.recv().await);
    }
    lines.sort();
    println!("{}", lines.join("\n"));

    bob.context().unsubscribe("listener", "a")?;
    bob.context().subscribe("listener", "c", async |it: &mut Plain, text: String| {
        it.heard.send(format!("Bob: c: {text}"))
    })?;
    // Alice does not know that at once.
    let line = loop {
        alice.publish("main", "c", "Hello, c!".to_owned()).await?;
        // Not synchronisation: publications that nobody wants yet are lost.
        if let Ok(line) = tokio::time::timeout(Duration::from_millis(10), hears.recv()).await {
            break line;
        }
    };
    println!("{}", line.unwrap_or_default());
    Ok(ns.shutdown(PATIENCE).await?)
}
