//! Sockets are closed one by one, or all at once; the agent goes on.
//!
//! ```text
//! cargo run --release --example closing
//! ```
//!
//! Closing connections as in osBrain. It prints
//!
//! ```text
//! connection: true
//! connection: false
//! sockets left: 0, running: true
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Kind, Result, agent, run_agent, run_nameserver};

struct Plain;

#[agent]
impl Plain {}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let agent = run_agent("Agent", Plain).await?;
    let cx = agent.context();

    agent.bind(Kind::Pub, "connection").await?;
    println!("connection: {}", cx.has_socket("connection"));
    agent.close("connection").await?;
    println!("connection: {}", cx.has_socket("connection"));

    agent.bind(Kind::Pub, "one").await?;
    agent.bind(Kind::Push, "two").await?;
    cx.close_all().await;
    println!("sockets left: {}, running: {}", cx.sockets().len(), agent.is_running());
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
