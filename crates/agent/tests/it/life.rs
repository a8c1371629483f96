//! Stopped, killed, and what an error does.

use std::time::Duration;

use gleis_agent::{
    AgentState, CallError, Context, ErrorPolicy, Kind, Node, Result, agent, run_agent,
    run_nameserver,
};
use gleis_test::wait::{eventually, tasks_down_to, within};

use crate::support::{Counter, CounterCalls, CounterTells, counter};

#[tokio::test]
async fn agt40_a_stopped_agent_can_be_looked_at_and_does_nothing_more() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (node, counter) = counter().await;
    assert!(counter.is_running());
    counter.add(7).await.unwrap();
    counter.bind(Kind::Pull, "in").handler(|it: &mut Counter, n: u64| it.n += n).await.unwrap();
    counter.each(Duration::from_millis(1), |it: &mut Counter| it.n += 0).await.unwrap();
    within(counter.stop()).await.unwrap();
    assert_eq!(counter.state(), AgentState::Stopped);
    assert!(!counter.is_running());
    let error = counter.add(1).await.unwrap_err();
    assert!(matches!(error, CallError::NotRunning { fault: None, .. }));
    assert_eq!(error.to_string(), "`counter` has stopped");
    assert_eq!(counter.with(|it, _| it.n).await.unwrap(), 7);
    assert!(counter.bind(Kind::Push, "out").await.is_err());
    assert!(counter.each(Duration::ZERO, |_: &mut Counter| ()).await.is_err());
    within(counter.stop()).await.unwrap();
    within(counter.shutdown()).await.unwrap();
    assert_eq!(counter.state(), AgentState::Gone);
    drop((node, counter));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn agt40_an_agent_is_stopped_and_killed_from_another_process_too() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    assert!(proxy.is_running().await.unwrap());
    within(proxy.stop()).await.unwrap();
    assert!(!proxy.is_running().await.unwrap());
    assert_eq!(proxy.state().await.unwrap(), AgentState::Stopped);
    let error = proxy.call::<u64>("add", (1,)).await.unwrap_err();
    assert!(matches!(error, CallError::NotRunning { fault: None, .. }), "{error}");
    assert_eq!(counter.with(|it, _| it.n).await.unwrap(), 0);

    let stuck = run_agent("stuck", Counter::default()).await.unwrap();
    let call = tokio::spawn({
        let stuck = stuck.clone();
        async move { stuck.linger_on().await }
    });
    let proxy = ns.proxy("stuck").await.unwrap();
    within(proxy.kill()).await.unwrap();
    assert_eq!(stuck.state(), AgentState::Gone);
    let error = within(call).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    // Its name is free again.
    within(run_agent("stuck", Counter::default()).into_future()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

/// Stops itself when it is told to by a message.
struct Weary;

#[agent]
impl Weary {
    async fn on_stop(&mut self, cx: &Context<Self>) -> Result {
        cx.send("last words", "goodbye".to_owned()).await?;
        Ok(())
    }

    #[method]
    fn rest(&mut self, cx: &Context<Self>) {
        cx.stop();
    }
}

#[tokio::test]
async fn an_agent_stops_itself_and_says_goodbye_once() {
    let node = Node::local();
    let weary = node.run_agent("weary", Weary).await.unwrap();
    let other = node.run_agent("other", Counter::default()).await.unwrap();
    let addr = weary.bind(Kind::Push, "last words").await.unwrap();
    other.connect_as(addr, "in").await.unwrap();
    weary.rest().await.unwrap();
    let words = other.context().recv::<String>("in");
    assert_eq!(within(words).await.unwrap(), "goodbye");
    within(eventually(|| weary.state() == AgentState::Stopped)).await;
    within(weary.shutdown()).await.unwrap();
    within(node.shutdown(Duration::from_secs(5))).await;
}

#[tokio::test]
async fn an_agent_that_logs_errors_goes_on_after_them_but_not_after_a_panic() {
    let node = Node::local();
    let run = node.run_agent("counter", Counter::default()).on_error(ErrorPolicy::Log);
    let counter = run.await.unwrap();
    let odd = |it: &mut Counter, n: u64| match n % 2 {
        1 => Err(format!("{n} is odd")),
        _ => {
            it.n += n;
            Ok(())
        }
    };
    let addr = counter.bind(Kind::Pull, "in").handler(odd).await.unwrap();
    let sender = node.run_agent("sender", Counter::default()).await.unwrap();
    sender.connect_as(addr, "out").await.unwrap();
    for n in 1..=4_u64 {
        sender.send("out", n).await.unwrap();
    }
    while counter.with(|it, _| it.n).await.unwrap() < 6 {}
    assert!(counter.is_running());
    let fail = |it: &mut Counter| {
        it.n += 100;
        Err::<(), _>("the timer fails")
    };
    let timer = counter.each(Duration::from_millis(1), fail).await.unwrap();
    while counter.with(|it, _| it.n).await.unwrap() < 206 {}
    assert!(counter.stop_timer(timer));
    assert!(counter.is_running());
    assert!(matches!(counter.burst().await, Err(CallError::Failed { .. })));
    within(eventually(|| matches!(counter.state(), AgentState::Failed(_)))).await;
}

#[tokio::test]
async fn whoever_tells_an_agent_without_end_lets_others_run() {
    const MANY: u64 = 10_000;
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default());
    // It never has to wait for room.
    let counter = counter.mailbox(1 << 20).await.unwrap();
    let other = tokio::spawn(async {});
    let told = counter.oneway();
    for _ in 0..MANY {
        told.add(1).await.unwrap();
    }
    assert!(other.is_finished());
    assert_eq!(within(counter.total()).await.unwrap(), MANY);
}
