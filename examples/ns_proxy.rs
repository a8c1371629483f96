//! A proxy to a name server that is running already.
//!
//! ```text
//! cargo run --release --example ns_proxy
//! ```
//!
//! The `NSProxy` of osBrain: by address, or by the variable `GLEIS_NAMESERVER`. It prints
//!
//! ```text
//! agents: Agent0, Agent1
//! Agent0 has `main`: PUSH
//! Agent1 answers: 42
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Kind, NameServerProxy, Result, agent, run_agent, run_nameserver};

struct Doubler;

#[agent]
impl Doubler {
    #[method]
    fn double(&mut self, n: u32) -> u32 {
        n * 2
    }
}

#[tokio::main]
async fn main() -> Result {
    // Somebody has started these, maybe on another machine.
    let running = run_nameserver().await?;
    let a0 = run_agent("Agent0", Doubler).await?;
    a0.bind(Kind::Push, "main").await?;
    run_agent("Agent1", Doubler).await?;

    let ns = NameServerProxy::connect(running.endpoint()).await?;
    let mut names: Vec<_> = ns.agents().await?.iter().map(ToString::to_string).collect();
    names.sort();
    println!("agents: {}", names.join(", "));
    let addr = ns.addr("Agent0", "main").await?;
    println!("Agent0 has `main`: {}", addr.kind);
    let agent = ns.proxy("Agent1").await?;
    println!("Agent1 answers: {}", agent.call::<u32>("double", (21,)).await?);
    ns.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}
