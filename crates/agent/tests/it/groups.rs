//! Many agents at once.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    AgentRef, CallError, Group, GroupError, NameServerHandle, Result, agent, run_agent,
    run_nameserver,
};
use gleis_test::wait::within;
use tokio::sync::Semaphore;

const GRACE: Duration = Duration::from_secs(10);

/// Answers with its number, once it may.
struct Worker {
    number: u32,
    n_told: u32,
    gate: Arc<Semaphore>,
}

#[agent(attributes(n_told))]
impl Worker {
    #[method]
    async fn work(&mut self) -> Result<u32> {
        self.gate.acquire().await?.forget();
        Ok(self.number)
    }

    #[method]
    fn number(&mut self) -> Result<u32> {
        if self.number == 0 { Err("not this one")? } else { Ok(self.number) }
    }

    #[method]
    fn note(&mut self, by: u32) {
        self.n_told += by;
    }
}

struct Crew {
    agents: Vec<AgentRef<Worker>>,
    gates: Vec<Arc<Semaphore>>,
    group: Group,
    ns: NameServerHandle,
}

async fn crew(n: u32) -> Crew {
    let ns = run_nameserver().await.unwrap();
    let (mut agents, mut gates, mut proxies) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..n {
        let gate = Arc::new(Semaphore::new(0));
        let worker = Worker { number, n_told: 0, gate: gate.clone() };
        agents.push(run_agent(format!("worker-{number}"), worker).await.unwrap());
        proxies.push(ns.proxy(format!("worker-{number}")).await.unwrap());
        gates.push(gate);
    }
    Crew { agents, gates, group: Group::new(proxies), ns }
}

#[tokio::test]
async fn all_are_called_and_told_and_each_answers_for_itself() {
    let it = crew(4).await;
    let answers = within(it.group.call_all::<u32>("number", ())).await;
    let names: Vec<_> = answers.iter().map(|it| it.0.to_string()).collect();
    assert_eq!(names, ["worker-0", "worker-1", "worker-2", "worker-3"]);
    assert!(answers[0].1.as_ref().unwrap_err().to_string().contains("not this one"));
    let numbers: Vec<_> = answers.iter().filter_map(|it| it.1.as_ref().ok().copied()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert!(within(it.group.tell_all("note", (2,))).await.is_empty());
    it.agents[3].kill().await;
    let failed = within(it.group.tell_all("note", (2,))).await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0.as_str(), "worker-3");
    for agent in &it.agents[..3] {
        assert_eq!(agent.get_attr::<u32>("n_told").await.unwrap(), 4);
    }
    within(it.ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn the_first_answers_are_enough_and_too_few_are_an_error_at_once() {
    let it = crew(5).await;
    for n in [2, 4, 1] {
        it.gates[n].add_permits(1);
    }
    // The other two never answer.
    let quorum = it.group.len() / 2 + 1;
    let answers = within(it.group.first::<u32>(quorum, "work", ())).await.unwrap();
    let mut numbers: Vec<_> = answers.into_iter().map(|it| it.1).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 4]);
    for gate in &it.gates {
        gate.add_permits(100);
    }
    let error = within(it.group.first::<u32>(5, "number", ())).await.unwrap_err();
    let GroupError::TooFew { n_answers, wanted, failed } = error else { panic!("{error}") };
    assert!(n_answers < 5 && wanted == 5 && failed.len() == 1);
    let nobody = Group::new([]);
    assert!(matches!(nobody.next(), Err(GroupError::Empty)));
    assert!(matches!(within(nobody.first::<u32>(1, "x", ())).await, Err(GroupError::Empty)));
    assert!(nobody.call_least_busy::<u32>("x", ()).await.is_none());
    within(it.ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn members_have_their_turn_their_keys_and_are_spared_when_they_are_busy() {
    let it = crew(3).await;
    let turns: Vec<_> = (0..6).map(|_| it.group.next().unwrap().name().to_string()).collect();
    assert_eq!(turns[..3], turns[3..]);
    let key = |key: &str| it.group.by_key(key).unwrap().name().to_string();
    assert_eq!(key("a"), key("a"));
    let keys: std::collections::BTreeSet<_> = (0..100).map(|n| key(&n.to_string())).collect();
    assert_eq!(keys.len(), 3);
    // Two are at work: the third gets what comes.
    let mut busy = Vec::new();
    for _ in 0..2 {
        let group = it.group.clone();
        busy.push(tokio::spawn(async move { group.call_least_busy::<u32>("work", ()).await }));
        tokio::task::yield_now().await;
    }
    // One that is at work would not answer in time.
    match within(it.group.call_least_busy::<u32>("number", ())).await.unwrap() {
        Ok(_) | Err(CallError::Failed { .. }) => (),
        Err(error) => panic!("{error}"),
    }
    for gate in &it.gates {
        gate.add_permits(10);
    }
    for call in busy {
        within(call).await.unwrap().unwrap().unwrap();
    }
    within(it.ns.shutdown(GRACE)).await.unwrap();
}
