//! Agents on threads of their own.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use gleis_agent::{AgentState, Context, Kind, Node, Result, agent, run_agent, run_nameserver};
use gleis_test::wait::{eventually, within};

use crate::support::{Counter, CounterCalls};

/// Blocks the thread that it is on.
struct Blocking {
    barrier: Arc<Barrier>,
}

#[agent]
impl Blocking {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Pull, "in").handler(Self::block).await?;
        Ok(())
    }

    fn block(&mut self, _: u8) {
        self.barrier.wait();
    }

    #[method]
    fn thread(&mut self) -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[method]
    async fn run_another(&mut self) -> Result<String> {
        Ok(run_agent("another", Counter::default()).await?.name().to_string())
    }

    #[method]
    fn burst(&mut self) {
        panic!("as it should");
    }
}

// One thread for everything else: a blocked one would hold up the test.
#[tokio::test]
async fn an_agent_on_a_thread_of_its_own_blocks_nobody_else() {
    let node = Node::local();
    let barrier = Arc::new(Barrier::new(2));
    let blocking = node.run_agent("blocking", Blocking { barrier: barrier.clone() }).on_thread();
    let blocking = blocking.await.unwrap();
    assert_eq!(blocking.thread().await.unwrap(), "gleis blocking");
    let other = node.run_agent("other", Counter::default()).await.unwrap();
    other.connect_as(blocking.addr("in").await.unwrap(), "out").await.unwrap();
    other.send("out", 1_u8).await.unwrap();
    let hurried = blocking.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    assert_eq!(other.add(1).await.unwrap(), 1);
    barrier.wait();
    within(blocking.with(|_, _| ())).await.unwrap();
    within(blocking.shutdown()).await.unwrap();
    assert_eq!(blocking.state(), AgentState::Gone);
}

#[tokio::test]
async fn an_agent_on_a_thread_is_found_runs_others_and_ends_as_all_do() {
    let ns = run_nameserver().await.unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let agent = run_agent("threaded", Blocking { barrier }).on_thread().await.unwrap();
    let proxy = ns.proxy("threaded").await.unwrap();
    assert_eq!(within(proxy.call::<String>("run_another", ())).await.unwrap(), "another");
    assert_eq!(ns.agents().await.unwrap().len(), 2);
    assert!(within(agent.burst()).await.is_err());
    within(eventually(|| matches!(agent.state(), AgentState::Failed(_)))).await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
    assert_eq!(agent.state(), AgentState::Gone);
}
