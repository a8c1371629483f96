//! A handler that is a closure.
//!
//! ```text
//! cargo run --release --example lambda
//! ```
//!
//! The lambdas of osBrain. It prints
//!
//! ```text
//! Bob: Received 0
//! Bob: Received 1
//! Bob: Received 2
//! Bob: Received 3
//! Bob: Received 4
//! Bob: Received 5
//! Bob: Received 6
//! Bob: Received 7
//! Bob: Received 8
//! Bob: Received 9
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
    let alice = run_agent("Alice", Plain).await?;
    let bob = run_agent("Bob", Plain).await?;

    let received = |_: &mut Plain, message: u32| format!("Received {message}");
    let addr = alice.bind(Kind::Rep, "main").handler(received).await?;
    bob.connect_as(addr, "main").await?;

    for n in 0..10_u32 {
        let reply: String = bob.context().request("main", n).await?;
        println!("Bob: {reply}");
    }
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
