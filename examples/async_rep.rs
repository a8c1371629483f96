//! Bob asks Alice and goes on: when her reply comes, a handler takes it.
//!
//! ```text
//! cargo run --release --example async_rep
//! ```
//!
//! The asynchronous request-reply channel of osBrain, between agents. It prints
//!
//! ```text
//! Bob: I am done!
//! Bob: Waiting for Alice to reply...
//! Bob: Processed reply: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin async_rep
use std::sync::Arc;
use std::time::Duration;

use gleis::agent::{Context, Kind, Result, agent, run_agent, run_nameserver};
use tokio::sync::Notify;

struct Alice {
    said: Arc<Notify>,
}

#[agent]
impl Alice {
    async fn reply_late(&mut self, _: &Context<Self>, _message: String) -> String {
        self.said.notified().await;
        "Hello, Bob!".to_owned()
    }
}

struct Bob;

#[agent]
impl Bob {
    async fn process_reply(&mut self, cx: &Context<Self>, reply: String) {
        println!("{}: Processed reply: {reply}", cx.name());
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    // Alice is slow: she replies when Bob has said all that he has to say.
    let said = Arc::new(Notify::new());
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Alice { said: said.clone() }).await?;
    let bob = run_agent("Bob", Bob).await?;

    let addr = alice.bind(Kind::AsyncRep, "main").handler(Alice::reply_late).await?;
    bob.connect(addr, Bob::process_reply).alias("alice").await?;

    bob.context().ask("alice", "Hello, Alice!").await?;
    println!("Bob: I am done!");

    println!("Bob: Waiting for Alice to reply...");
    said.notify_one();
    bob.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
// README: end async_rep
