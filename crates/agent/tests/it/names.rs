//! Names: unique, found, and not found.

use std::time::Duration;

use gleis_agent::{NameServerProxy, Node, RunError, run_agent, run_nameserver};
use gleis_test::wait::within;

use crate::support::{Counter, CounterCalls};

#[tokio::test]
async fn a_name_is_given_to_one_agent_only() {
    let ns = run_nameserver().await.unwrap();
    let first = run_agent("Alice", Counter::default()).await.unwrap();
    let error = run_agent("Alice", Counter::default()).await.unwrap_err();
    assert!(matches!(error, RunError::NameTaken { .. }), "{error}");
    assert_eq!(error.to_string(), "the name `Alice` is taken");
    assert_eq!(first.add(1).await.unwrap(), 1);
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_name_is_unique_across_nodes() {
    let ns = run_nameserver().await.unwrap();
    let _first = run_agent("Alice", Counter::default()).await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    let error = node.run_agent("Alice", Counter::default()).await.unwrap_err();
    assert!(matches!(error, RunError::NameTaken { .. }), "{error}");
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_name_is_free_again_when_its_agent_is_gone() {
    let ns = run_nameserver().await.unwrap();
    let first = run_agent("Alice", Counter::default()).await.unwrap();
    within(first.shutdown()).await.unwrap();
    let second = run_agent("Alice", Counter::default()).await.unwrap();
    assert_eq!(second.add(1).await.unwrap(), 1);
    assert!(first.add(1).await.is_err());
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn an_unknown_name_comes_with_those_that_look_alike() {
    let ns = run_nameserver().await.unwrap();
    let _alice = run_agent("Alice", Counter::default()).await.unwrap();
    let expect = "nobody is called `Alcie`; did you mean `Alice`?";
    assert_eq!(ns.proxy("Alcie").await.unwrap_err().to_string(), expect);
    let far = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    assert_eq!(far.proxy("Alcie").await.unwrap_err().to_string(), expect);
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn an_agent_without_a_name_gets_one() {
    let node = Node::local();
    let one = node.run_agent("", Counter::default()).await.unwrap();
    let two = node.run_agent("", Counter::default()).await.unwrap();
    assert_ne!(one.name(), two.name());
}

#[tokio::test]
async fn a_bad_name_is_refused() {
    let error = Node::local().run_agent("a/b", Counter::default()).await.unwrap_err();
    assert!(matches!(error, RunError::Name { .. }), "{error}");
}

#[tokio::test]
async fn without_a_name_server_running_an_agent_says_what_to_do() {
    let error = run_agent("Alice", Counter::default()).await.unwrap_err();
    let expect = "no name server: call `run_nameserver`, name one, or set GLEIS_NAMESERVER";
    assert_eq!(error.to_string(), expect);
}
