//! Alice greets and Bob listens, each in a process of its own, and so is the name server.
//!
//! ```text
//! cargo run --release --example hello_processes
//! ```
//!
//! starts all three, prints what Bob hears,
//!
//! ```text
//! Received: Hello, Bob!
//! Received: Hello, Bob!
//! Received: Hello, Bob!
//! ```
//!
//! and ends. Each part can be played by hand too, in a terminal of its own:
//!
//! ```text
//! cargo run --release --example hello_processes nameserver tcp://127.0.0.1:7000
//! cargo run --release --example hello_processes alice tcp://127.0.0.1:7000
//! cargo run --release --example hello_processes bob tcp://127.0.0.1:7000
//! cargo run --release --example hello_processes shutdown tcp://127.0.0.1:7000
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{
    Context, Kind, NameServerProxy, Result, SendError, agent, run_agent, run_nameserver,
};
use gleis_examples::{Part, abandoned};

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
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let part = async {
        match words[..] {
            [] => everything().await,
            ["nameserver", at, ..] => name_server(at).await,
            ["alice", at, ..] => alice(at).await,
            ["bob", at, ..] => bob(at).await,
            ["shutdown", at, ..] => shutdown(at).await,
            _ => Err("usage: hello_processes [nameserver|alice|bob|shutdown ADDRESS]".into()),
        }
    };
    tokio::select! {
        res = part => res,
        () = abandoned(&args) => Err("whoever started this part is gone".into()),
    }
}

/// Starts the parts one after the other, each when it can find the one before.
async fn everything() -> Result {
    let mut name_server = Part::start(&["nameserver", "tcp://127.0.0.1:0"])?;
    let at = name_server.line().await?;
    let mut alice = Part::start(&["alice", &at])?;
    alice.line().await?;
    Part::start_aloud(&["bob", &at])?.finish().await?;
    shutdown(&at).await?;
    alice.finish().await?;
    Ok(name_server.finish().await?)
}

/// Prints its address, and ends when somebody shuts it down.
async fn name_server(at: &str) -> Result {
    let ns = run_nameserver().at(at).await?;
    println!("{}", ns.endpoint());
    Ok(ns.closed().await?)
}

/// Greets when asked to, until the name server closes.
async fn alice(at: &str) -> Result {
    let alice = run_agent("Alice", Greeter).nameserver(at).await?;
    println!("{} is there", alice.name());
    alice.gone().await;
    Ok(())
}

/// Asks Alice for three greetings and leaves when he has heard them.
async fn bob(at: &str) -> Result {
    let ns = NameServerProxy::connect(at).await?;
    let alice = ns.proxy("Alice").await?;
    let bob = run_agent("Bob", Bob { heard: 0 }).nameserver(at).await?;
    bob.connect(alice.addr("main").await?, Bob::custom_log).await?;
    for name in ["Bob"; 3] {
        alice.call::<()>("hello", (name,)).await?;
    }
    bob.gone().await;
    Ok(())
}

/// Ends the name server and everybody who is registered with it.
async fn shutdown(at: &str) -> Result {
    let ns = NameServerProxy::connect(at).await?;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
