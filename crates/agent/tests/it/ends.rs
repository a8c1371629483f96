//! How agents end, as others hear of it, and links.

use std::time::Duration;

use gleis_agent::{
    AgentRef, AgentState, CallError, Child, Ended, Node, Restart, Strategy, Supervisor, run_agent,
    run_nameserver,
};
use gleis_test::wait::{eventually, tasks_down_to, within};
use tokio::runtime::Handle;

use crate::support::{Counter, CounterCalls, CounterTells};

const SECOND: Duration = Duration::from_secs(1);

async fn counter_of(node: &Node, name: &str) -> AgentRef<Counter> {
    node.run_agent(name, Counter::default()).await.unwrap()
}

#[tokio::test]
async fn an_end_tells_how_it_came() {
    let node = Node::local();
    let ended = |agent: &AgentRef<Counter>| {
        let agent = agent.clone();
        async move { within(agent.ended()).await }
    };
    let stopped = counter_of(&node, "stopped").await;
    let waits = tokio::spawn(ended(&stopped));
    stopped.stop().await.unwrap();
    assert_eq!(waits.await.unwrap(), Ended::Stopped);
    // Whatever comes later is no news, and whoever comes later hears the same.
    stopped.shutdown().await.unwrap();
    assert_eq!(ended(&stopped).await, Ended::Stopped);

    let shut_down = counter_of(&node, "shut down").await;
    shut_down.shutdown().await.unwrap();
    assert_eq!(ended(&shut_down).await, Ended::Shutdown);

    let killed = counter_of(&node, "killed").await;
    killed.kill().await;
    assert_eq!(ended(&killed).await, Ended::Killed);

    let failed = counter_of(&node, "failed").await;
    failed.burst().await.unwrap_err();
    let end = ended(&failed).await;
    assert_eq!(end.to_string(), "failed: panicked: burst at 0");
    assert!(end.is_failure());
}

#[test]
fn an_agent_whose_runtime_ends_is_killed() {
    let agents = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let node = Node::local();
    let counter = agents.block_on(counter_of(&node, "counter"));
    agents.shutdown_background();
    let others = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(others.block_on(within(counter.ended())), Ended::Killed);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_begins_anew_has_not_ended() {
    let node = Node::local();
    let plan = Restart::new().at_most(2, SECOND * 60);
    let run = node.run_agent("counter", Counter::default());
    let counter = run.restart(plan, Counter::default).await.unwrap();
    let mut end = Box::pin(counter.ended());
    for _ in 0..2 {
        counter.burst().await.unwrap_err();
        assert!(futures::poll!(&mut end).is_pending());
        within(counter.add(1)).await.unwrap();
        assert!(futures::poll!(&mut end).is_pending());
    }
    counter.burst().await.unwrap_err();
    assert!(matches!(within(end).await, Ended::Failed(_)));
}

#[tokio::test]
async fn ends_are_heard_of_elsewhere_too() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    for (name, expect) in [("a", "killed"), ("b", "shut down"), ("c", "stopped")] {
        let counter = counter_of(&node, name).await;
        let proxy = ns.proxy(name).await.unwrap();
        let end = async {
            // By then it is known there that somebody waits; others are answered meanwhile.
            for n in 1..=3 {
                assert_eq!(proxy.call::<u64>("add", (1,)).await.unwrap(), n);
            }
            match name {
                "a" => counter.kill().await,
                "b" => counter.shutdown().await.unwrap(),
                _ => counter.stop().await.unwrap(),
            }
        };
        let (ended, ()) = within(futures::future::join(proxy.ended(), end)).await;
        assert_eq!(ended.unwrap().to_string(), expect);
    }
    let proxy = ns.proxy("c").await.unwrap().within(SECOND);
    assert_eq!(within(proxy.ended()).await.unwrap(), Ended::Stopped);
    // Its node is no more.
    drop(node);
    assert_eq!(within(proxy.ended()).await.unwrap(), Ended::Lost);
    drop((ns, proxy));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn a_node_that_is_lost_is_heard_of_by_those_who_wait() {
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    counter_of(&node, "counter").await;
    let proxy = ns.proxy("counter").await.unwrap().within(SECOND);
    let here = run_agent("here", Counter::default()).await.unwrap();
    let _link = here.link_to(&proxy);
    let mut waits = Box::pin(proxy.ended());
    assert!(futures::poll!(&mut waits).is_pending());
    proxy.ping().await.unwrap();
    drop(node);
    let end = within(waits).await.unwrap();
    assert!(end.is_failure(), "{end}");
    assert!(matches!(within(here.ended()).await, Ended::Failed(_)));
    within(ns.shutdown(SECOND * 10)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_one_of_two_that_are_linked_is_that_of_the_other() {
    let node = Node::local();
    let (a, b) = (counter_of(&node, "a").await, counter_of(&node, "b").await);
    let _link = a.link(&b);
    b.oneway().add(1).await.unwrap();
    a.burst().await.unwrap_err();
    let end = within(b.ended()).await;
    let expect = "failed: linked to `a`, which is failed: panicked: burst at 0";
    assert_eq!(end.to_string(), expect);
    // It was done with what waited.
    assert_eq!(b.with(|it, _| it.n).await.unwrap(), 1);
    assert!(matches!(b.add(1).await, Err(CallError::NotRunning { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_link_is_for_failures_alone_and_as_long_as_it_is_held() {
    let node = Node::local();
    let (a, b) = (counter_of(&node, "a").await, counter_of(&node, "b").await);
    drop(a.link(&b));
    let (c, d) = (counter_of(&node, "c").await, counter_of(&node, "d").await);
    let link = c.link(&d);
    a.kill().await;
    within(c.shutdown()).await.unwrap();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(b.is_running() && d.is_running());
    drop(link);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_linked_and_supervised_begins_anew() {
    let node = Node::local();
    let supervisor = Supervisor::new(Strategy::OneForOne).child(Child::new("b", Counter::default));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let (a, b) = (counter_of(&node, "a").await, root.child::<Counter>("b").await.unwrap());
    let _link = a.link(&b);
    a.kill().await;
    within(eventually(|| b.restarts() == 1 && b.state() == AgentState::Running)).await;
    within(b.add(1)).await.unwrap();
}
