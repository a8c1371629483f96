//! Agents that wait for agents: never forever.

use std::time::Duration;

use gleis_agent::{AgentRef, CallError, Node, Result, agent, run_agent, run_nameserver};
use gleis_test::wait::within;

use crate::support::{CounterCalls, counter};

/// Asks itself or another one.
#[derive(Default)]
struct Asker {
    whom: Option<AgentRef<Self>>,
}

#[agent]
impl Asker {
    #[method]
    async fn ask(&mut self) -> Result<u32> {
        match &self.whom {
            Some(whom) => Ok(whom.ask().await? + 1),
            None => Ok(0),
        }
    }

    #[method]
    async fn ask_at(&mut self, name_server: String, name: String) -> Result<u32> {
        let ns = gleis_agent::NameServerProxy::connect(name_server.as_str()).await?;
        Ok(ns.proxy(name).await?.call("ask_at", ("", "")).await?)
    }
}

async fn point(from: &AgentRef<Asker>, to: &AgentRef<Asker>) {
    let to = to.clone();
    from.with(|it, _| it.whom = Some(to)).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_calls_itself_gets_an_error_at_once() {
    let node = Node::local();
    let one = node.run_agent("one", Asker::default()).await.unwrap();
    point(&one, &one).await;
    let error = within(one.ask()).await.unwrap_err().to_string();
    assert!(error.contains("would wait for each other for ever: one -> one"), "{error}");
}

#[tokio::test]
async fn agents_that_wait_in_a_circle_get_an_error_at_once() {
    let node = Node::local();
    let one = node.run_agent("one", Asker::default()).await.unwrap();
    let two = node.run_agent("two", Asker::default()).await.unwrap();
    point(&one, &two).await;
    assert_eq!(one.ask().await.unwrap(), 1);
    point(&two, &one).await;
    let error = within(one.ask()).await.unwrap_err().to_string();
    assert!(error.contains(": one -> two -> one"), "{error}");
    assert!(within(one.shutdown()).await.is_ok());
}

#[tokio::test]
async fn an_agent_that_calls_itself_through_the_network_gets_an_error_at_once() {
    let ns = run_nameserver().await.unwrap();
    let one = run_agent("one", Asker::default()).await.unwrap();
    let call = one.ask_at(ns.endpoint().to_string(), "one");
    let error = within(call).await.unwrap_err().to_string();
    assert!(error.contains(": one -> one"), "{error}");
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_call_to_a_busy_agent_ends_with_its_deadline() {
    let (_node, counter) = counter().await;
    let hurried = counter.within(Duration::from_millis(10));
    let (first, second) = within(futures::future::join(hurried.linger_on(), hurried.add(1))).await;
    assert!(matches!(first, Err(CallError::DeadlineExceeded { .. })), "{first:?}");
    assert!(matches!(second, Err(CallError::DeadlineExceeded { .. })), "{second:?}");
}
