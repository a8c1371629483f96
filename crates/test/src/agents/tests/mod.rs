//! Probes and worlds.

mod probes;
mod seeds;
mod worlds;

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{AgentRef, Context, Node, Proxy, Result, agent};
use parking_lot::Mutex;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Counts, on a disk.
pub(super) struct Counter {
    pub(super) disk: Arc<Mutex<u64>>,
}

#[agent]
impl Counter {
    #[method]
    pub(super) fn add(&mut self, more: u64) -> u64 {
        let mut n = self.disk.lock();
        *n += more;
        *n
    }
}

/// Has a counter count now and then, wherever it is by then.
pub(super) struct Clicker {
    counter: Option<Proxy>,
}

#[agent]
impl Clicker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.each(SECOND, Self::click)?;
        Ok(())
    }

    async fn click(&mut self, cx: &Context<Self>) {
        let counter = match self.counter.take() {
            Some(counter) => counter,
            None => match cx.proxy("counter").await {
                Ok(proxy) => proxy.within(SECOND),
                Err(_) => return,
            },
        };
        if counter.call::<u64>("add", (1,)).await.is_ok() {
            self.counter = Some(counter);
        }
    }
}

pub(super) async fn run_counter(node: &Node, disk: &Arc<Mutex<u64>>) -> Result<AgentRef<Counter>> {
    Ok(node.run_agent("counter", Counter { disk: disk.clone() }).await?)
}

pub(super) async fn run_clicker(node: &Node, name: &str) -> Result {
    node.run_agent(name, Clicker { counter: None }).await?;
    Ok(())
}
