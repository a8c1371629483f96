//! What happens when something fails inside an agent.

use std::{future::IntoFuture, sync::Arc, time::Duration};

use gleis_agent::{Agent, AgentState, CallError, Context, Node, Result, RunError, agent};
use gleis_test::wait::{eventually, within};
use tokio::sync::Notify;

use crate::support::{Counter, CounterCalls, counter};

#[tokio::test]
async fn a_panic_in_a_method_goes_to_its_caller_and_stops_the_agent() {
    let (_node, counter) = counter().await;
    counter.add(3).await.unwrap();
    let error = counter.burst().await.unwrap_err();
    assert_eq!(error.to_string(), "`burst` of `counter` failed: panicked: burst at 3");
    let error = counter.add(1).await.unwrap_err();
    assert_eq!(error.to_string(), "`counter` has stopped: panicked: burst at 3");
}

#[tokio::test]
async fn an_agent_that_has_stopped_can_be_looked_at_and_shut_down() {
    let (_node, counter) = counter().await;
    counter.add(3).await.unwrap();
    counter.after(Duration::ZERO, |_: &mut Counter| Err::<(), _>("no more")).await.unwrap();
    within(eventually(|| counter.state() != AgentState::Running)).await;
    let AgentState::Failed(fault) = counter.state() else {
        panic!("{:?}", counter.state());
    };
    assert_eq!(fault.text(), "no more");
    assert_eq!(counter.with(|it, _| it.n).await.unwrap(), 3);
    assert!(counter.each(Duration::ZERO, |_: &mut Counter| ()).await.is_err());
    within(counter.shutdown()).await.unwrap();
    assert_eq!(counter.state(), AgentState::Gone);
    assert!(matches!(counter.add(1).await, Err(CallError::Gone { .. })));
}

#[tokio::test]
async fn a_call_that_waits_when_the_agent_stops_gets_an_error() {
    let (_node, counter) = counter().await;
    let (burst, add) = within(futures::future::join(counter.burst(), counter.add(1))).await;
    assert!(matches!(burst, Err(CallError::Failed { .. })), "{burst:?}");
    assert!(matches!(add, Err(CallError::NotRunning { .. })), "{add:?}");
}

/// Begins when it is told to.
struct Patient {
    begin: Arc<Notify>,
}

#[agent]
impl Patient {
    async fn on_init(&mut self) {
        self.begin.notified().await;
    }
}

#[tokio::test]
async fn an_agent_that_nobody_waits_for_any_more_does_not_stay() {
    let begin = Arc::new(Notify::new());
    let node = Node::local();
    let mut run = node.run_agent("Al", Patient { begin: begin.clone() }).into_future();
    assert!(futures::poll!(&mut run).is_pending());
    assert_eq!(node.agents().len(), 1);
    drop(run);
    begin.notify_one();
    within(eventually(|| node.agents().is_empty())).await;
}

struct Unwilling;

#[agent]
impl Unwilling {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        let name = cx.name();
        Err(format!("{name} will not"))?
    }
}

struct Fragile;

#[agent]
impl Fragile {
    fn before_loop(&mut self) {
        panic!("broken");
    }
}

#[tokio::test]
async fn an_agent_whose_beginning_fails_does_not_run() {
    async fn check(node: &Node, agent: impl Agent, expect: &str) {
        let error = within(async { node.run_agent("Al", agent).await }).await.unwrap_err();
        assert!(matches!(error, RunError::Start { .. }), "{error}");
        assert_eq!(error.to_string(), expect);
        assert!(node.agents().is_empty());
    }
    let node = Node::local();
    check(&node, Unwilling, "`Al` did not start: Al will not").await;
    check(&node, Fragile, "`Al` did not start: panicked: broken").await;
    node.run_agent("Al", Counter::default()).await.unwrap();
}
