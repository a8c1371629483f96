//! Agents: asked, told, started, and idle.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_agent::{
    AgentRef, CallError, Context, Kind, NameServerProxy, Node, SendError, agent, run_agent,
    run_nameserver,
};
use gleis_benches::rig::{Cores, Rig, Turns};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::idle::Outcome;

/// As kameo has by default.
const MAILBOX: usize = 64;
/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers.
pub(crate) struct Counter;

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
        ask_it(&node, counter, &mut turns).await
    })
}

/// An agent asks this one.
pub(crate) async fn ask_it(node: &Node, it: AgentRef<Counter>, turns: &mut Turns) -> Outcome<()> {
    let asker = node.run_agent("asker", Asker(it)).await?.within(PATIENCE);
    while let Some(n) = turns.next().await {
        turns.done(asker.ask(n).await?);
    }
    Ok(())
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

/// An agent of another node is asked by name, over tcp, one question at a time.
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

/// Pushes what it is told to.
struct Sender;

#[agent]
impl Sender {
    #[method]
    async fn push(&mut self, cx: &Context<Self>, n: u64) -> Result<(), SendError> {
        for _ in 0..n {
            cx.send("main", Bytes::from_static(&[b'x'; 64])).await?;
        }
        Ok(())
    }
}

/// Counts what it receives and says when that is enough.
struct Receiver {
    enough: UnboundedSender<()>,
    n_left: u64,
}

#[agent]
impl Receiver {
    #[method]
    async fn expect(&mut self, n: u64) {
        self.n_left = n;
    }
}

/// One agent pushes to another one of another thread, over tcp.
pub(crate) fn push() -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let node = Node::local();
            let sender = node.run_agent("from", Sender).await?.within(PATIENCE);
            let at = sender.bind(Kind::Push, "main").at("tcp://127.0.0.1:0").await?;
            ready.tell((sender, at));
            std::future::pending().await
        },
        async move |mut turns, (sender, at)| {
            let node = Node::local();
            let (enough, mut is_enough) = unbounded_channel();
            let receiver = node.run_agent("to", Receiver { enough, n_left: 0 }).await?;
            let count = async |it: &mut Receiver, _: &Context<Receiver>, _: Bytes| {
                it.n_left -= 1;
                if it.n_left == 0 {
                    let _ = it.enough.send(());
                }
            };
            receiver.connect(at, count).await?;
            while let Some(n) = turns.next().await {
                receiver.expect(n).await?;
                let start = Instant::now();
                sender.push(n).await?;
                is_enough.recv().await.ok_or("gone")?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// Starts `n` agents.
pub(crate) async fn start(n: u64) -> Outcome<Agents> {
    let node = Node::local();
    for at in 0..n {
        node.run_agent(format!("agent-{at}"), Counter).await?;
    }
    Ok(Agents(Some(node)))
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
