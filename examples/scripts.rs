//! Methods and handlers that are scripts, for agents of a program that knows nothing of them.
//!
//! ```text
//! cargo run --release --example scripts
//! cargo run --release --example scripts agents tcp://127.0.0.1:7070
//! cargo run --release --example scripts define tcp://127.0.0.1:7070
//! ```
//!
//! The `set_method` and the lambdas of osBrain, whose functions travel, as text. It prints
//!
//! ```text
//! 3
//! Bob: Received 0
//! Bob: Received 1
//! Bob: Received 2
//! refused: it needs more than it is granted
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{
    CallError, Endpoint, Kind, NameServerHandle, NameServerProxy, Result, Scripts, agent,
    run_agent, run_nameserver,
};

struct Plain;

#[agent]
impl Plain {
    /// Asks another agent, as many times as it is told.
    #[method]
    async fn ask(&mut self, cx: &gleis::agent::Context<Self>, n: u32) -> Result<Vec<String>> {
        let mut answers = Vec::new();
        for n in 0..n {
            answers.push(cx.request("main", n).await?);
        }
        Ok(answers)
    }
}

#[tokio::main]
async fn main() -> Result {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let ns = agents("tcp://127.0.0.1:0".parse()?).await?;
            define(ns.endpoint().clone()).await?;
            Ok(ns.shutdown(Duration::from_secs(10)).await?)
        }
        ["agents", at] => {
            let ns = agents(at.parse()?).await?;
            println!("agents at {}", ns.endpoint());
            Ok(ns.closed().await?)
        }
        ["define", at] => define(at.parse()?).await,
        _ => Err("usage: scripts [agents ENDPOINT | define ENDPOINT]".into()),
    }
}

/// Two agents, one of which takes scripts: they may see its attributes, and nothing else.
async fn agents(at: Endpoint) -> Result<NameServerHandle> {
    let ns = run_nameserver().at(at).await?;
    run_agent("Alice", Plain).scripts(Scripts::new().attributes()).await?;
    run_agent("Bob", Plain).await?;
    Ok(ns)
}

async fn define(at: Endpoint) -> Result {
    let ns = NameServerProxy::connect(at).await?;
    let (alice, bob) = (ns.proxy("Alice").await?, ns.proxy("Bob").await?);

    let scripts = alice.scripts();
    scripts.set("set_x", r#"|value| set("x", value)"#).await?;
    scripts.set("set_y", r#"|value| set("y", value)"#).await?;
    scripts.set("add", r#"|| get("x") + get("y")"#).await?;
    alice.call::<()>("set_x", (1,)).await?;
    alice.call::<()>("set_y", (2,)).await?;
    println!("{}", alice.call::<i64>("add", ()).await?);

    let received = r#"|message| "Received " + message"#;
    let addr = alice.bind(Kind::Rep, "main").codec("json").script(received).await?;
    bob.connect(addr).alias("main").await?;
    for reply in bob.call::<Vec<String>>("ask", (3,)).await? {
        println!("Bob: {reply}");
    }

    scripts.set("reach_out", r#"|| send("main", "secret")"#).await?;
    match alice.call::<()>("reach_out", ()).await {
        Err(CallError::Failed { .. }) => println!("refused: it needs more than it is granted"),
        other => other?,
    }
    Ok(())
}
