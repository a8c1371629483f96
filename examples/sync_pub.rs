//! Two subscribers hear a publisher; one asks it something, and the reply stands in the stream.
//!
//! ```text
//! cargo run --release --example sync_pub
//! ```
//!
//! The synced publish-subscribe channel of osBrain, between agents. It prints, by name
//!
//! ```text
//! Client-A: Read: "Publication..."
//! Client-A: Publisher replied with: "Received Request from A!"
//! Client-A: Read: "Publication..."
//! Client-B: Read: "Publication..."
//! Client-B: Read: "Publication..."
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin sync_pub
use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};
use tokio::sync::mpsc;

const READY: Duration = Duration::from_secs(10);

struct Publisher;

#[agent]
impl Publisher {
    async fn reply_back(&mut self, _: &Context<Self>, message: String) -> String {
        format!("Received {message}")
    }
}

/// Hands what it hears to `main`.
struct Client {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Client {
    async fn read_subscription(&mut self, _: &Context<Self>, message: String) -> Result {
        Ok(self.heard.send(format!("Read: \"{message}\""))?)
    }

    async fn process_reply(&mut self, _: &Context<Self>, message: String) -> Result {
        Ok(self.heard.send(format!("Publisher replied with: \"{message}\""))?)
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let publisher = run_agent("Publisher", Publisher).await?;
    let (heard, mut hears_a) = mpsc::unbounded_channel();
    let client_a = run_agent("Client-A", Client { heard }).await?;
    let (heard, mut hears_b) = mpsc::unbounded_channel();
    let client_b = run_agent("Client-B", Client { heard }).await?;

    let bind = publisher.bind(Kind::SyncPub, "publisher").handler(Publisher::reply_back);
    let addr = bind.await?;
    for client in [&client_a, &client_b] {
        let connect = client.connect(addr.clone(), Client::read_subscription);
        connect.alias("publisher").ready(READY).await?;
    }

    publisher.send("publisher", "Publication...").await?;
    let mut lines = vec![format!("Client-A: {}", hears_a.recv().await.unwrap_or_default())];
    let ask = client_a.context().ask("publisher", "Request from A!");
    ask.handler(Client::process_reply).await?;
    lines.push(format!("Client-A: {}", hears_a.recv().await.unwrap_or_default()));
    publisher.send("publisher", "Publication...").await?;
    lines.push(format!("Client-A: {}", hears_a.recv().await.unwrap_or_default()));
    for _ in 0..2 {
        lines.push(format!("Client-B: {}", hears_b.recv().await.unwrap_or_default()));
    }
    println!("{}", lines.join("\n"));
    Ok(ns.shutdown(READY).await?)
}
// README: end sync_pub
