//! Agents find each other by name, through the operating system or another network.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    Context, NameServerProxy, NamingError, Node, ProxyError, Result, agent, run_nameserver,
};
use gleis_test::sim::{Sim, run};

use crate::support::Counter;

const SECOND: Duration = Duration::from_secs(1);

/// Asks a counter that it finds by itself.
struct Asker;

#[agent]
impl Asker {
    #[method]
    async fn total(&mut self, cx: &Context<Self>) -> Result<u64> {
        Ok(cx.wait_for("counter", SECOND).await?.call("total", ()).await?)
    }

    #[method]
    async fn near(&mut self, cx: &Context<Self>) -> Result<String> {
        Ok(cx.proxy("cuonter").await.unwrap_err().to_string())
    }
}

#[tokio::test]
async fn an_agent_finds_another_by_its_name() {
    let ns = run_nameserver().await.unwrap();
    let (here, there) = (Node::connect(ns.endpoint()), Node::connect(ns.endpoint()));
    let (here, there) = (here.await.unwrap(), there.await.unwrap());
    there.run_agent("counter", Counter { n: 7 }).await.unwrap();
    let asker = here.run_agent("asker", Asker).await.unwrap();
    assert_eq!(asker.total().await.unwrap(), 7);
    let near = "nobody is called `cuonter`; did you mean `counter`?";
    assert_eq!(asker.near().await.unwrap(), near);
    let counter = here.proxy("counter").await.unwrap();
    assert_eq!(counter.call::<u64>("total", ()).await.unwrap(), 7);
    assert!(matches!(here.proxy("a/b").await, Err(ProxyError::Name { .. })));
    ns.shutdown(10 * SECOND).await.unwrap();
    let closed = here.proxy("counter").await;
    assert!(matches!(closed, Err(ProxyError::Naming(NamingError::Closed))), "{closed:?}");
}

#[tokio::test]
async fn a_node_without_a_name_server_says_who_looks_alike_and_has_nobody_reached() {
    let node = Node::local();
    node.run_agent("counter", Counter::default()).await.unwrap();
    let error = node.proxy("counte").await.unwrap_err();
    assert_eq!(error.to_string(), "nobody is called `counte`; did you mean `counter`?");
    let error = node.wait_for("nobody", SECOND).await.unwrap_err();
    assert!(matches!(error, ProxyError::Naming(NamingError::Unknown { .. })));
}

#[tokio::test]
async fn a_node_kills_an_agent_by_its_name_and_ends_all_at_once() {
    let node = Node::local();
    let one = node.run_agent("one", Counter::default()).await.unwrap();
    let other = node.run_agent("other", Counter::default()).await.unwrap();
    assert!(!node.kill("nobody").await && !node.kill("no/name").await);
    assert!(node.kill("one").await);
    one.gone().await;
    assert!(!node.kill("one").await);
    node.abort();
    other.gone().await;
    assert!(node.agents().is_empty());
    assert!(node.run_agent("late", Counter::default()).await.is_err());
}

#[test]
fn nodes_on_another_network_reach_each_other_there() {
    run(5, async |sim: Sim| {
        let on = |host: &str| Arc::new(sim.host(host));
        let ns = run_nameserver().at("tcp://names:7000").network(on("names")).await.unwrap();
        let here = Node::connect(ns.endpoint()).network(on("here")).await.unwrap();
        let there = Node::connect(ns.endpoint()).network(on("there")).await.unwrap();
        assert!(there.endpoint().unwrap().to_string().starts_with("tcp://there:"));
        there.run_agent("counter", Counter { n: 7 }).await.unwrap();
        let asker = here.run_agent("asker", Asker).await.unwrap();
        assert_eq!(asker.total().await.unwrap(), 7);

        let outside = NameServerProxy::connect(ns.endpoint()).network(on("outside"));
        let counter = outside.await.unwrap().proxy("counter").await.unwrap();
        assert_eq!(counter.call::<u64>("total", ()).await.unwrap(), 7);
        assert_eq!(ns.topology(SECOND).await.unwrap().agents.len(), 2);
        sim.cut("outside", "there");
        assert!(counter.within(SECOND).call::<u64>("total", ()).await.is_err());
        assert_eq!(asker.total().await.unwrap(), 7);
        ns.shutdown(10 * SECOND).await.unwrap();
    });
}
