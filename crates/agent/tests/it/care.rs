//! Calls with care: rate limits, breakers, and what is urgent.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    AgentRef, Breaker, BreakerState, CallError, Group, Node, RateLimit, agent, run_agent,
    run_nameserver,
};
use gleis_test::wait::within;
use tokio::{sync::Semaphore, time::advance};

use crate::support::{Counter, CounterCalls, CounterTells, counter};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_agent_is_called_no_more_often_than_allowed() {
    let (_node, counter) = counter().await;
    let careful = counter.rate_limit(&RateLimit::new(2, SECOND).burst(2));
    assert_eq!(careful.call::<u64>("add", (1,)).await.unwrap(), 1);
    assert_eq!(careful.clone().ask(|it| it.add(1)).await.unwrap(), 2);
    let error = careful.tell("add", (1,)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`counter` may not be called so often: not before 500ms have passed"
    );
    let CallError::Limited { retry_in, .. } = error else { panic!("{error}") };
    advance(retry_in).await;
    careful.tell("add", (1,)).await.unwrap();
    assert!(careful.call::<u64>("add", (1,)).await.is_err());
    // Whoever has no limit is not limited.
    assert_eq!(careful.agent().call::<u64>("add", (1,)).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_is_left_in_peace_for_a_while() {
    let (_node, counter) = counter().await;
    counter.oneway().linger_on().await.unwrap();
    let breaker = Breaker::new().failures(2).pause(10 * SECOND);
    let careful = counter.within(SECOND).breaker(&breaker);
    // An error is an answer.
    careful.call::<u64>("no_such_method", ()).await.unwrap_err();
    for n in 0..2 {
        assert_eq!(breaker.state(), BreakerState::Closed { failures: n });
        let error = careful.call::<u64>("total", ()).await.unwrap_err();
        assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    }
    let error = careful.call::<u64>("total", ()).await.unwrap_err();
    let CallError::BreakerOpen { retry_in, .. } = &error else { panic!("{error}") };
    assert_eq!(BreakerState::Open { retry_in: *retry_in }, breaker.state());
    assert!(
        error.to_string().starts_with("`counter` has failed too often: not before "),
        "{error}"
    );
    advance(*retry_in).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    careful.call::<u64>("total", ()).await.unwrap_err();
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
    counter.kill().await;
}

#[tokio::test]
async fn proxies_groups_and_typed_ones_keep_to_the_limits_they_were_given() {
    let ns = run_nameserver().await.unwrap();
    let agent = run_agent("counter", Counter::default()).await.unwrap();
    let (limit, breaker) = (RateLimit::new(1, 3_600 * SECOND).burst(3), Breaker::new().failures(1));
    let proxy = ns.proxy("counter").await.unwrap();
    let careful = proxy.rate_limit(&limit).breaker(&breaker);
    within(careful.call::<u64>("add", (1,))).await.unwrap();
    within(careful.typed::<Counter>().add(1)).await.unwrap();
    within(Group::new([careful.clone()]).next().unwrap().tell("add", (1,))).await.unwrap();
    let error = within(careful.call::<u64>("add", (1,))).await.unwrap_err();
    assert!(matches!(error, CallError::Limited { .. }), "{error}");
    // A limit is for work; and what it refuses is no failure.
    assert!(within(careful.is_running()).await.unwrap());
    assert_eq!(breaker.state(), BreakerState::Closed { failures: 0 });
    let other = proxy.breaker(&breaker);
    within(agent.shutdown()).await.unwrap();
    within(other.call::<u64>("add", (1,))).await.unwrap_err();
    let error = within(other.call::<u64>("add", (1,))).await.unwrap_err();
    assert!(matches!(error, CallError::BreakerOpen { .. }), "{error}");
    within(ns.shutdown(10 * SECOND)).await.unwrap();
}

/// Notes in which order it is called.
struct Notes {
    all: Vec<u32>,
    gate: Arc<Semaphore>,
}

#[agent(attributes(all))]
impl Notes {
    #[method]
    fn note(&mut self, n: u32) {
        self.all.push(n);
    }

    #[method]
    async fn hold(&mut self) {
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }
}

async fn held(
    run: impl AsyncFnOnce(Notes) -> AgentRef<Notes>,
) -> (AgentRef<Notes>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let agent = run(Notes { all: Vec::new(), gate: gate.clone() }).await;
    agent.oneway().hold().await.unwrap();
    (agent, gate)
}

#[tokio::test]
async fn what_is_urgent_overtakes_what_waits_by_reference_and_by_proxy() {
    let ns = run_nameserver().await.unwrap();
    let run = async |notes| run_agent("notes", notes).mailbox(20).await.unwrap();
    let (agent, gate) = within(held(run)).await;
    let proxy = ns.proxy("notes").await.unwrap();
    // It may have taken what holds it or not.
    while within(agent.within(SECOND / 100).tell("note", (0,))).await.is_ok() {}
    within(agent.urgent().tell("note", (1,))).await.unwrap();
    within(agent.urgent().oneway().note(2)).await.unwrap();
    within(proxy.urgent().tell("note", (3,))).await.unwrap();
    within(proxy.typed::<Notes>().urgent().proxy().tell("note", (4,))).await.unwrap();
    gate.add_permits(1);
    let last = within(agent.urgent().call::<()>("note", (5,))).await;
    last.unwrap();
    let all: Vec<u32> = within(agent.get_attr("all")).await.unwrap();
    assert_eq!(all[..5], [1, 2, 3, 4, 5]);
    assert!(all[5..].iter().all(|it| *it == 0) && 19 <= all.len() - 5, "{all:?}");
    within(ns.shutdown(10 * SECOND)).await.unwrap();
}

#[tokio::test]
async fn what_is_ordinary_has_its_turn_however_much_is_urgent() {
    let node = Node::local();
    let run = async |notes| node.run_agent("notes", notes).await.unwrap();
    let (agent, gate) = within(held(run)).await;
    within(agent.tell("note", (0,))).await.unwrap();
    for _ in 0..60 {
        within(agent.urgent().tell("note", (1,))).await.unwrap();
    }
    gate.add_permits(1);
    let all: Vec<u32> = within(agent.get_attr("all")).await.unwrap();
    let turn = all.iter().position(|it| *it == 0).unwrap();
    // What holds the agent has had its turn before.
    assert!(turn <= 16, "{all:?}");
}
