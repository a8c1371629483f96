//! Proxies by name, over tcp.

use std::time::Duration;

use gleis_agent::{AgentState, CallError, NameServerProxy, Node, Value, run_nameserver};
use gleis_test::wait::within;

use crate::support::{Counter, Greeter, Listener};

#[tokio::test]
async fn agents_of_two_nodes_meet_through_proxies() {
    let ns = run_nameserver().await.unwrap();
    let here = Node::connect(ns.endpoint()).await.unwrap();
    let there = Node::connect(ns.endpoint()).await.unwrap();
    there.run_agent("Alice", Greeter).await.unwrap();
    let (listener, mut hears) = Listener::new();
    let bob = here.run_agent("Bob", listener).await.unwrap();
    let alice =
        NameServerProxy::connect(ns.endpoint()).await.unwrap().proxy("Alice").await.unwrap();
    alice.ping().await.unwrap();
    bob.connect(alice.addr("main").await.unwrap(), Listener::hear).await.unwrap();
    assert_eq!(alice.call::<Value>("hello", ("Bob",)).await.unwrap(), Value::Null);
    assert_eq!(within(hears.recv()).await.unwrap(), "Hello, Bob!");
    assert_eq!(alice.sockets().await.unwrap().len(), 1);
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn errors_cross_the_network_with_all_they_say() {
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    node.run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    assert_eq!(proxy.call::<u64>("add", (5,)).await.unwrap(), 5);
    let text = |error: CallError| error.to_string();
    let error = proxy.call::<u64>("dvide", (0,)).await.unwrap_err();
    assert_eq!(text(error), "`counter` has no method `dvide`; did you mean `divide`?");
    let error = proxy.call::<u64>("add", ()).await.unwrap_err();
    assert_eq!(text(error), "`add` takes (more: u64): 0 given");
    let error = proxy.call::<u64>("divide", (0,)).await.unwrap_err();
    assert_eq!(text(error), "`divide` of `counter` failed: division by zero");
    let error = proxy.addr("main").await.unwrap_err();
    assert_eq!(text(error), "`counter` has no socket `main`; it has none");
    let error = proxy.call::<u64>("burst", ()).await.unwrap_err();
    assert_eq!(text(error), "`burst` of `counter` failed: panicked: burst at 5");
    assert!(matches!(proxy.state().await.unwrap(), AgentState::Failed(_)));
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn a_proxy_shuts_its_agent_down() {
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    within(proxy.shutdown()).await.unwrap();
    assert_eq!(counter.state(), AgentState::Gone);
    assert!(ns.agents().await.unwrap().is_empty());
    let error = proxy.call::<u64>("add", (1,)).await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn a_proxy_can_shut_down_the_last_agent_of_a_program() {
    let ns = run_nameserver().await.unwrap();
    gleis_agent::run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    within(proxy.shutdown()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn a_busy_agent_still_tells_its_state_and_addresses() {
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    node.run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    let hurried = proxy.within(Duration::from_millis(50));
    assert!(hurried.call::<()>("linger_on", ()).await.is_err());
    assert_eq!(proxy.state().await.unwrap(), AgentState::Running);
    let error = proxy.addr("main").await.unwrap_err();
    assert!(matches!(error, CallError::UnknownAlias { .. }), "{error}");
    within(ns.shutdown(Duration::from_secs(2))).await.unwrap();
}

#[tokio::test]
async fn an_agent_whose_process_is_gone_cannot_be_reached() {
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    node.run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap().within(Duration::from_millis(200));
    proxy.ping().await.unwrap();
    drop(node);
    let error = within(proxy.ping()).await.unwrap_err();
    let is_expected = matches!(
        error,
        CallError::Unreachable { .. } | CallError::DeadlineExceeded { .. } | CallError::Gone { .. }
    );
    assert!(is_expected, "{error}");
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}
