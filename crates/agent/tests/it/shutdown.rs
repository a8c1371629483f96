//! The end: always, of everybody, and nothing is left.

use std::time::Duration;

use gleis_agent::{
    AgentState, CallError, Context, Kind, Node, Result, agent, run_agent, run_nameserver,
};
use gleis_test::wait::{tasks_down_to, within};
use tokio::runtime::Handle;

use crate::support::{Counter, CounterCalls, Greeter, GreeterCalls, Listener, counter};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_takes_all_agents_with_it_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    {
        let socket = format!("ipc://{}", folder.path().join("main.sock").display());
        let ns = run_nameserver().await.unwrap();
        let alice = run_agent("Alice", Greeter).await.unwrap();
        alice.bind(Kind::Push, "file").at(socket.as_str()).await.unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        let (listener, mut hears) = Listener::new();
        let bob = run_agent("Bob", listener).await.unwrap();
        bob.connect(alice.addr("main").await.unwrap(), Listener::hear).await.unwrap();
        bob.connect(alice.addr("file").await.unwrap(), Listener::hear).await.unwrap();
        alice.each(Duration::from_secs(1), |_: &mut Greeter| ()).await.unwrap();
        alice.hello("Bob").await.unwrap();
        assert_eq!(within(hears.recv()).await.unwrap(), "Hello, Bob!");
        let proxy = ns.proxy("Alice").await.unwrap();
        proxy.ping().await.unwrap();

        within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
        assert_eq!(alice.state(), AgentState::Gone);
        assert_eq!(bob.state(), AgentState::Gone);
        assert!(matches!(alice.hello("Bob").await, Err(CallError::Gone { .. })));
        assert!(matches!(alice.addr("main").await, Err(CallError::Gone { .. })));
    }
    within(tasks_down_to(n_tasks)).await;
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn agents_that_never_come_to_an_end_are_ended_by_force() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    let stuck = tokio::spawn({
        let counter = counter.clone();
        async move { counter.linger_on().await }
    });
    // The call is at work once another one does not get through.
    let hurried = counter.within(Duration::from_millis(20));
    while hurried.add(1).await.is_ok() {}
    within(ns.shutdown(Duration::from_millis(500))).await.unwrap();
    assert_eq!(counter.state(), AgentState::Gone);
    let error = within(stuck).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    drop((ns, counter, hurried));
    within(tasks_down_to(n_tasks)).await;
}

/// Notes that it was told to end.
struct Polite {
    told: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

#[agent]
impl Polite {
    async fn on_stop(&mut self, cx: &Context<Self>) -> Result {
        assert_eq!(cx.state(), AgentState::Stopping);
        self.told.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn an_agent_may_say_its_last_words() {
    let told = std::sync::Arc::default();
    let node = Node::local();
    let polite =
        node.run_agent("polite", Polite { told: std::sync::Arc::clone(&told) }).await.unwrap();
    within(polite.shutdown()).await.unwrap();
    assert!(told.load(std::sync::atomic::Ordering::SeqCst));
    assert!(node.agents().is_empty());
}

#[tokio::test]
async fn dropping_references_does_not_end_an_agent() {
    let ns = run_nameserver().await.unwrap();
    drop(run_agent("counter", Counter::default()).await.unwrap());
    let proxy = ns.proxy("counter").await.unwrap();
    assert_eq!(proxy.call::<u64>("add", (1,)).await.unwrap(), 1);
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn dropping_a_node_ends_its_agents_at_once() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let (node, counter) = counter().await;
    drop(node);
    assert_eq!(counter.state(), AgentState::Gone);
    assert!(matches!(counter.add(1).await, Err(CallError::Gone { .. })));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn a_node_tells_whom_it_had_to_force() {
    let (node, counter) = counter().await;
    let polite = node.run_agent("other", Counter::default()).await.unwrap();
    let hurried = counter.within(Duration::from_millis(20));
    assert!(hurried.linger_on().await.is_err());
    let forced = within(node.shutdown(Duration::from_millis(50))).await;
    assert_eq!(forced, [counter.name().clone()]);
    assert_eq!(polite.state(), AgentState::Gone);
}

#[tokio::test]
async fn a_node_ends_with_its_last_agent_and_another_follows() {
    let ns = run_nameserver().await.unwrap();
    for n in 1..4 {
        let counter = run_agent("counter", Counter::default()).await.unwrap();
        assert_eq!(counter.add(n).await.unwrap(), n);
        within(counter.shutdown()).await.unwrap();
    }
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn agents_outlive_a_name_server_that_is_gone_and_still_come_to_an_end() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let ns = run_nameserver().await.unwrap();
    let node = Node::connect(ns.endpoint()).await.unwrap();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    drop(ns);
    assert_eq!(counter.add(1).await.unwrap(), 1);
    assert!(within(node.shutdown(Duration::from_secs(10))).await.is_empty());
    assert_eq!(counter.state(), AgentState::Gone);
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn a_reference_that_is_kept_keeps_no_task_and_no_connection() {
    let ns = run_nameserver().await.unwrap();
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    within(counter.shutdown()).await.unwrap();
    within(tasks_down_to(n_tasks)).await;
    assert_eq!(counter.state(), AgentState::Gone);
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn a_name_server_that_closes_takes_in_nobody() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
    assert!(run_agent("late", Counter::default()).await.is_err());
    within(counter.gone()).await;
}
