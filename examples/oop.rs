//! What an agent does is written on its type.
//!
//! ```text
//! cargo run --release --example oop
//! ```
//!
//! The classes of osBrain. It prints
//!
//! ```text
//! Bob: Received: Hello, Bob!
//! Bob: Received: Hello, Bob!
//! Bob: Received: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

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
    n_heard: u32,
}

#[agent]
impl Bob {
    /// A method is a handler by its name, too.
    #[method]
    async fn custom_log(&mut self, cx: &Context<Self>, message: String) {
        println!("{}: Received: {message}", cx.name());
        self.n_heard += 1;
        if self.n_heard == 3 {
            cx.shutdown();
        }
    }
}

#[tokio::main]
async fn main() -> Result {
    // System deployment
    let ns = run_nameserver().await?;
    let alice = run_agent("Alice", Greeter).await?;
    let bob = run_agent("Bob", Bob { n_heard: 0 }).await?;

    // System configuration
    let addr = alice.addr("main").await?;
    bob.context().connect_to(addr).method("custom_log").await?;

    // Send messages
    for _ in 0..3 {
        alice.hello("Bob").await?;
    }
    bob.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
