//! Three agents, each in a process of its own, that would wait for each other for ever: they hear of it at once.
//!
//! ```text
//! cargo run --release --example deadlock
//! ```
//!
//! Each asks the next one and waits for what that says. The last one to close the circle is told who waits for whom;
//! one that tells instead of asking waits for nobody. It prints
//!
//! ```text
//! orders would ask stock, stock would ask billing, and billing would ask orders
//! a deadlock: orders -> stock -> billing -> orders
//! told, and nobody waits
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{
    CallError, NameServerProxy, Proxy, Result, agent, processes, run_agent_process, run_nameserver,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Office {
    next: String,
}

#[agent]
impl Office {
    /// Asks the next one, which asks the next one, and so on.
    #[method]
    async fn ask(&mut self) -> Result<String> {
        match self.next().await?.call("ask", ()).await {
            Err(CallError::WouldDeadlock { path }) => {
                let names: Vec<_> = path.iter().map(|it| it.as_str()).collect();
                Ok(format!("a deadlock: {}", names.join(" -> ")))
            }
            answer => Ok(answer?),
        }
    }

    /// Tells the next one, which tells the next one, and so on, as often as this.
    #[method]
    async fn pass_on(&mut self, n: u32) -> Result {
        match n.checked_sub(1) {
            Some(n) => Ok(self.next().await?.tell("pass_on", (n,)).await?),
            None => Ok(()),
        }
    }
}

impl Office {
    async fn next(&self) -> Result<Proxy> {
        Ok(NameServerProxy::found()?.await?.proxy(&self.next).await?)
    }
}

#[tokio::main]
async fn main() -> Result {
    processes![Office];
    let ns = run_nameserver().await?;
    let mut offices = Vec::new();
    for (name, next) in [("orders", "stock"), ("stock", "billing"), ("billing", "orders")] {
        offices.push(run_agent_process(name, Office { next: next.to_owned() }).await?);
    }
    println!("orders would ask stock, stock would ask billing, and billing would ask orders");

    let orders = ns.proxy("orders").await?;
    println!("{}", orders.call::<String>("ask", ()).await?);
    orders.call::<()>("pass_on", (9,)).await?;
    println!("told, and nobody waits");
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
