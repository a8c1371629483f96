//! Agents: asked, told, started, and idle.

use std::time::{Duration, Instant};

use gleis_agent::{AgentRef, CallError, NameServerProxy, Node, agent, run_agent, run_nameserver};
use gleis_benches::rig::{Cores, Rig};

/// More than a turn puts into a mailbox before the agent gets to it, as the others have by default.
const MAILBOX: usize = 64;
/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(60);

use crate::idle::Outcome;

struct Counter;

#[agent]
impl Counter {
    #[method]
    async fn answer(&mut self, question: u64) -> u64 {
        question + 1
    }
}

/// Asks another agent.
struct Asker(AgentRef<Counter>);

#[agent]
impl Asker {
    #[method]
    async fn ask(&mut self, n: u64) -> Result<Duration, CallError> {
        let start = Instant::now();
        for question in 0..n {
            self.0.answer(question).await?;
        }
        Ok(start.elapsed())
    }
}

/// One agent asks another one, one question at a time.
pub(crate) fn ask() -> Rig {
    Rig::alone(async |mut turns| {
        let node = Node::local();
        let counter = node.run_agent("counter", Counter).await?;
        let asker = node.run_agent("asker", Asker(counter)).await?.within(PATIENCE);
        while let Some(n) = turns.next().await {
            turns.done(asker.ask(n).await?);
        }
        Ok(())
    })
}

/// An agent is told one thing after the other.
pub(crate) fn tell() -> Rig {
    Rig::alone(async |mut turns| {
        let node = Node::local();
        let counter = node.run_agent("counter", Counter).mailbox(MAILBOX).await?;
        let told = counter.oneway();
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for question in 0..n {
                told.answer(question).await?;
            }
            counter.answer(0).await?;
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// An agent of another process is asked by name, over tcp, one question at a time.
pub(crate) fn ask_remote() -> Rig {
    Rig::pair(
        Cores::One,
        async move |ready| {
            let ns = run_nameserver().await?;
            run_agent("counter", Counter).nameserver(ns.endpoint().clone()).await?;
            ready.tell(ns.endpoint().clone());
            Ok(ns.closed().await?)
        },
        async move |mut turns, at| {
            let counter = NameServerProxy::connect(at).await?.proxy("counter").await?;
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for question in 0..n {
                    let start = Instant::now();
                    counter.call::<u64>("answer", (question,)).await?;
                    times.push(start.elapsed());
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

/// Starts `n` agents.
pub(crate) async fn start(n: u64) -> Outcome<Agents> {
    let agents = Agents(Some(Node::local()));
    for at in 0..n {
        let node = agents.0.as_ref().ok_or("gone")?;
        node.run_agent(format!("agent-{at}"), Counter).await?;
    }
    Ok(agents)
}

/// Agents that end when they are dropped.
pub(crate) struct Agents(Option<Node>);

impl Drop for Agents {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            tokio::spawn(node.shutdown(PATIENCE));
        }
    }
}
