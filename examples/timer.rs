//! Timers: again and again, once, by name, and stopped.
//!
//! ```text
//! cargo run --release --example timer
//! ```
//!
//! The timers of osBrain. It prints
//!
//! ```text
//! Agent: tick 1
//! Agent: tick 2
//! Agent: tick 3
//! Agent: later
//! 1 timer is left: report
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Result, agent, run_agent, run_nameserver};

const MOMENT: Duration = Duration::from_millis(20);

struct Clock {
    n_ticks: u32,
}

#[agent]
impl Clock {
    async fn tick(&mut self, cx: &Context<Self>) -> Result {
        self.n_ticks += 1;
        println!("{}: tick {}", cx.name(), self.n_ticks);
        if self.n_ticks == 3 {
            cx.stop_timer("tick");
            cx.after(MOMENT, Self::later)?;
        }
        Ok(())
    }

    async fn later(&mut self, cx: &Context<Self>) {
        println!("{}: later", cx.name());
        let timers: Vec<_> = cx.list_timers().into_iter().filter_map(|it| it.alias).collect();
        println!("{} timer is left: {}", timers.len(), timers.join(", "));
        cx.shutdown();
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let agent = run_agent("Agent", Clock { n_ticks: 0 }).await?;
    let cx = agent.context();
    cx.timer(|_: &mut Clock| ()).alias("report").after(Duration::from_secs(3_600))?;
    cx.timer(Clock::tick).alias("tick").each(MOMENT)?;
    agent.gone().await;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
