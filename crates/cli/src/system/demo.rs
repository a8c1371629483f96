//! `gleis run`: a name server and agents that do something, to look at.

use std::time::Duration;

use gleis_agent::{Context, Kind, NameServerHandle, Result, agent, run_agent, run_nameserver};
use serde_json::json;

use crate::args::Run;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

/// How often the source has work.
const PERIOD: Duration = Duration::from_millis(50);
/// How many workers share it.
const WORKERS: usize = 3;

/// Hands out numbers.
#[derive(Default)]
struct Source {
    /// How many it has handed out.
    count: u64,
}

#[agent(attributes(count))]
impl Source {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "jobs").await?;
        cx.each(PERIOD, async |source: &mut Self, cx: &Context<Self>| source.hand_out(cx).await)?;
        Ok(())
    }

    async fn hand_out(&mut self, cx: &Context<Self>) -> Result {
        self.count += 1;
        cx.send("jobs", self.count).await?;
        Ok(())
    }
}

/// Squares numbers.
struct Worker;

#[agent]
impl Worker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "done").await?;
        Ok(())
    }

    async fn work(&mut self, cx: &Context<Self>, n: u64) -> Result {
        cx.send("done", n.wrapping_mul(n)).await?;
        Ok(())
    }

    /// The square of a number.
    #[method]
    fn square(&mut self, n: u64) -> u64 {
        n.wrapping_mul(n)
    }
}

/// Adds up what the workers made.
#[derive(Default)]
struct Sink {
    /// The sum of all squares, from the beginning again when it is too large.
    sum: u64,
}

#[agent(attributes(sum))]
impl Sink {
    fn add(&mut self, square: u64) {
        self.sum = self.sum.wrapping_add(square);
    }

    /// The sum of all squares so far.
    #[method]
    fn total(&mut self) -> u64 {
        self.sum
    }
}

pub(crate) async fn run(command: Run, output: Output, timeout: Duration) -> Outcome {
    let stop = Stop::new()?;
    let mut stop = stop;
    let ns = run_nameserver().at(command.listen).await.map_err(|it| Failure::local(&it))?;
    tokio::select! {
        made = make(&ns) => made.map_err(|it| Failure::local(&*it))?,
        res = stop.asked() => return res,
    }
    let at = ns.endpoint().to_string();
    let text = format!(
        "{at}\n  a source, {WORKERS} workers and a sink are at work; look at them:\n  \
         gleis top --ns {at}\n  gleis graph --ns {at}\n  gleis call --ns {at} sink total"
    );
    output.line(&text, &json!({"endpoint": at}))?;
    stop.asked().await?;
    stop.orderly(ns.shutdown(timeout)).await
}

/// The agents and their connections.
async fn make(ns: &NameServerHandle) -> Result {
    let at = || ns.endpoint().clone();
    let sink = run_agent("sink", Sink::default()).nameserver(at()).await?;
    let source = run_agent("source", Source::default()).nameserver(at()).await?;
    let jobs = source.addr("jobs").await?;
    for n in 1..=WORKERS {
        let worker = run_agent(format!("worker-{n}"), Worker).nameserver(at()).await?;
        let done = worker.addr("done").await?;
        sink.connect_as(done, format!("worker-{n}")).handler(Sink::add).await?;
        worker.connect_as(jobs.clone(), "jobs").handler(Worker::work).await?;
    }
    Ok(())
}
