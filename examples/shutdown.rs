//! One agent is shut down, the other goes on.
//!
//! ```text
//! cargo run --release --example shutdown
//! ```
//!
//! The shutdown of osBrain. It prints
//!
//! ```text
//! both tick
//! Agent0 is gone
//! Agent1 ticks on
//! all are gone
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{AgentRef, AgentState, Result, agent, run_agent, run_nameserver};

struct Ticker {
    n_ticks: u64,
}

#[agent(attributes(n_ticks))]
impl Ticker {}

fn tick(it: &mut Ticker) {
    it.n_ticks += 1;
}

/// Waits until it has ticked twice more.
async fn ticks(agent: &AgentRef<Ticker>) -> Result {
    let before: u64 = agent.get_attr("n_ticks").await?;
    while agent.get_attr::<u64>("n_ticks").await? < before + 2 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let a0 = run_agent("Agent0", Ticker { n_ticks: 0 }).await?;
    let a1 = run_agent("Agent1", Ticker { n_ticks: 0 }).await?;
    a0.each(Duration::from_millis(10), tick).await?;
    a1.each(Duration::from_millis(10), tick).await?;
    ticks(&a0).await?;
    ticks(&a1).await?;
    println!("both tick");

    a0.shutdown().await?;
    if a0.state() == AgentState::Gone {
        println!("Agent0 is gone");
    }
    ticks(&a1).await?;
    println!("Agent1 ticks on");

    ns.shutdown(Duration::from_secs(10)).await?;
    a1.gone().await;
    println!("all are gone");
    Ok(())
}
