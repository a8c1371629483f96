//! Two agents meet: Alice greets, Bob listens, a name server knows where they are.
//!
//! ```text
//! cargo run --release --example hello
//! ```
//!
//! All three run in this process and talk over tcp. It prints
//!
//! ```text
//! Received: Hello, Bob!
//! Received: Hello, Bob!
//! Received: Hello, Bob!
//! ```
//!
//! and ends by itself: Bob leaves when he has heard three greetings.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin hello
use std::time::Duration;

use gleis::agent::{Context, Kind, Result, SendError, agent, run_agent, run_nameserver};

struct Greeter;

#[agent]
impl Greeter {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "main").await?;
        Ok(())
    }

    #[method]
    async fn hello(&mut self, cx: &Context<Self>, name: String) -> Result<(), SendError> {
        cx.send("main", format!("Hello, {name}!")).await
    }
}

struct Bob {
    heard: u32,
}

#[agent]
impl Bob {
    async fn custom_log(&mut self, cx: &Context<Self>, message: String) {
        println!("Received: {message}");
        self.heard += 1;
        if self.heard == 3 {
            cx.shutdown();
        }
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Greeter).await?;
    let bob = run_agent("Bob", Bob { heard: 0 }).await?;
    bob.connect(alice.addr("main").await?, Bob::custom_log).await?;
    for name in ["Bob"; 3] {
        alice.hello(name).await?;
    }
    bob.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
// README: end hello
