//! Agents that begin anew after a fault.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gleis_agent::{
    Addr, AgentRef, AgentState, CallError, Context, ErrorPolicy, Kind, Node, Restart, Result,
    agent, run_agent, run_nameserver,
};
use gleis_test::wait::{eventually, tasks_down_to, within};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Counts, begins with a socket and a timer, and fails when it is told to.
struct Worker {
    life: u32,
    n: u64,
    log: Vec<String>,
    /// How often `on_init` fails still.
    refusals: Arc<AtomicU32>,
}

#[agent(attributes(n))]
impl Worker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        let left = self.refusals.load(Ordering::SeqCst);
        if 0 < left {
            self.refusals.store(left - 1, Ordering::SeqCst);
            return Err(format!("{left} refusals left").into());
        }
        cx.bind(Kind::Pull, "in").handler(Self::hear).await?;
        cx.timer(|it: &mut Self| it.n += 1_000).alias("tick").after(SECOND * 3_600)?;
        Ok(())
    }

    async fn hear(&mut self, text: String) -> Result {
        if text == "fail" {
            return Err("told to fail".into());
        }
        if text == "burst" {
            panic!("told to burst");
        }
        self.log.push(text);
        Ok(())
    }

    #[method]
    fn add(&mut self, n: u64) -> u64 {
        self.n += n;
        self.n
    }

    #[method]
    fn life(&mut self) -> u32 {
        self.life
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst in life {}", self.life);
    }
}

/// Runs one without a name server; its lives are counted.
async fn worker(plan: Restart) -> (Node, AgentRef<Worker>, Arc<AtomicU32>) {
    let node = Node::local();
    let refusals = Arc::new(AtomicU32::new(0));
    let first = Worker { life: 0, n: 0, log: Vec::new(), refusals: refusals.clone() };
    let mut life = 0;
    let also = refusals.clone();
    let make = move || {
        life += 1;
        Worker { life, n: 0, log: Vec::new(), refusals: also.clone() }
    };
    let worker = node.run_agent("worker", first).restart(plan, make).await.unwrap();
    (node, worker, refusals)
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_call_and_the_others_wait_for_the_next_life() {
    let (_node, worker, _) = worker(Restart::new()).await;
    worker.add(7).await.unwrap();
    let (burst, add) = within(futures::future::join(worker.burst(), worker.add(1))).await;
    let error = burst.unwrap_err();
    assert_eq!(error.to_string(), "`burst` of `worker` failed: panicked: burst in life 0");
    assert_eq!(add.unwrap(), 1);
    assert_eq!(worker.life().await.unwrap(), 1);
    assert_eq!((worker.state(), worker.restarts()), (AgentState::Running, 1));
    within(worker.shutdown()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_told_waits_for_the_next_life_too() {
    let (_node, worker, _) = worker(Restart::new()).await;
    let told = worker.oneway();
    told.burst().await.unwrap();
    for _ in 0..100 {
        told.add(1).await.unwrap();
    }
    assert_eq!(within(worker.add(0)).await.unwrap(), 100);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_begins_anew_is_seen_to_and_callers_wait_within_their_time() {
    let plan = Restart::new().back_off(SECOND * 60, SECOND * 60);
    let (_node, worker, _) = worker(plan).await;
    worker.burst().await.unwrap_err();
    let AgentState::Restarting(fault) = worker.state() else {
        panic!("{:?}", worker.state());
    };
    assert_eq!(fault.text(), "burst in life 0");
    assert!(!worker.is_running());
    let error = worker.add(1).await.unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    assert_eq!(worker.within(SECOND * 100).add(1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_a_storm_ends_at_the_limit() {
    let plan = Restart::new().back_off(SECOND, SECOND * 4).at_most(4, SECOND * 100);
    let (_node, worker, refusals) = worker(plan).await;
    refusals.store(u32::MAX, Ordering::SeqCst);
    let begin = Instant::now();
    worker.burst().await.unwrap_err();
    let over = || matches!(worker.state(), AgentState::Failed(_));
    within(eventually(over)).await;
    // 1, 2, 4 and 4 s, each shortened by a half at most.
    let took = begin.elapsed();
    assert!((SECOND * 11 / 2..=SECOND * 12).contains(&took), "{took:?}");
    assert_eq!(worker.restarts(), 4);
    let error = worker.add(1).await.unwrap_err();
    assert!(matches!(error, CallError::NotRunning { fault: Some(_), .. }), "{error}");
    // It can be looked at as any other that has failed.
    assert_eq!(worker.with(|it, _| it.life).await.unwrap(), 4);
    within(worker.shutdown()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_beginning_that_fails_is_tried_again() {
    let (_node, worker, refusals) = worker(Restart::new()).await;
    refusals.store(3, Ordering::SeqCst);
    worker.burst().await.unwrap_err();
    assert_eq!(within(worker.life()).await.unwrap(), 4);
    assert_eq!(worker.restarts(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_state_cannot_be_made_ends_at_the_limit() {
    let node = Node::local();
    let refusals = Arc::default();
    let first = Worker { life: 0, n: 0, log: Vec::new(), refusals };
    let run = node.run_agent("worker", first).restart(Restart::new(), || panic!("no more"));
    let worker = run.await.unwrap();
    worker.burst().await.unwrap_err();
    within(eventually(|| matches!(worker.state(), AgentState::Failed(_)))).await;
    let error = worker.with(|_, _| ()).await.unwrap_err();
    assert!(matches!(error, CallError::NotRunning { .. }), "{error}");
    within(worker.shutdown()).await.unwrap();
    assert_eq!(worker.state(), AgentState::Gone);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_told_to_end_while_it_pauses_ends_at_once() {
    let plan = Restart::new().back_off(SECOND * 3_600, SECOND * 3_600);
    for is_stop in [true, false] {
        let (node, worker, _) = worker(plan).await;
        worker.burst().await.unwrap_err();
        assert!(matches!(worker.state(), AgentState::Restarting(_)));
        let begin = Instant::now();
        match is_stop {
            true => {
                within(worker.stop()).await.unwrap();
                assert_eq!(worker.state(), AgentState::Stopped);
                assert!(worker.with(|_, _| ()).await.is_err());
            }
            false => within(worker.shutdown()).await.unwrap(),
        }
        within(node.shutdown(SECOND)).await;
        assert_eq!(worker.state(), AgentState::Gone);
        assert!(begin.elapsed() < SECOND);
    }
}

#[tokio::test]
async fn sockets_stay_as_they_are_and_what_waits_in_them_is_handled() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (node, worker, _) = worker(Restart::new()).await;
    let addr = worker.addr("in").await.unwrap();
    let (_other, sender) = crate::support::counter().await;
    sender.connect_as(addr.clone(), "out").await.unwrap();
    for text in ["a", "fail", "b", "c", "burst", "d", "e"] {
        sender.send("out", text.to_owned()).await.unwrap();
    }
    let heard = |it: &mut Worker, _: &Context<Worker>| (it.life, it.log.clone());
    let is_done = async {
        while worker.with(heard).await.unwrap() != (2, vec!["d".to_owned(), "e".to_owned()]) {}
    };
    within(is_done).await;
    assert_eq!(worker.addr("in").await.unwrap(), addr);
    assert_eq!(worker.context().sockets().len(), 1);
    assert_eq!(worker.context().list_timers().len(), 1);
    assert_eq!(worker.restarts(), 2);
    within(worker.shutdown()).await.unwrap();
    within(sender.shutdown()).await.unwrap();
    drop((node, worker, sender, _other));
    within(tasks_down_to(n_tasks)).await;
}

/// Opens sockets under other names, or in another way, in each life.
struct Fickle {
    life: u32,
    to: Addr,
}

#[agent]
impl Fickle {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, format!("push {}", self.life)).await?;
        let mut bind = cx.bind(Kind::Pull, "in").handler(|_: &mut Self, _: u32| ());
        if self.life == 1 {
            bind = bind.high_water(7);
        }
        bind.await?;
        // No name of its own: it must not pile up.
        cx.connect(self.to.clone(), |_: &mut Self, _: u32| ()).await?;
        Ok(())
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst");
    }
}

#[tokio::test]
async fn sockets_that_are_not_opened_again_are_closed() {
    let node = Node::local();
    let push = node.run_agent("push", Plain).await.unwrap();
    let to = push.bind(Kind::Push, "out").at("inproc://anew").await.unwrap();
    let mut life = 0;
    let also = to.clone();
    let make = move || {
        life += 1;
        Fickle { life, to: also.clone() }
    };
    let first = Fickle { life: 0, to };
    let plan = Restart::new().back_off(Duration::ZERO, SECOND);
    let run = node.run_agent("fickle", first).restart(plan, make);
    let fickle = run.await.unwrap();
    fickle.bind(Kind::Push, "given").await.unwrap();
    let aliases = || -> Vec<_> { fickle.context().sockets().into_iter().collect() };
    let before = aliases();
    assert_eq!(before.len(), 4, "{before:?}");
    for life in 1..=3 {
        fickle.burst().await.unwrap_err();
        within(fickle.with(|_, _| ())).await.unwrap();
        let now = aliases();
        let names: Vec<_> = now.iter().map(|(alias, _)| alias.as_str()).collect();
        assert_eq!(now.len(), 4, "{names:?}");
        assert!(names.contains(&&*format!("push {life}")), "{names:?}");
        let is_same = |alias: &str| now.iter().any(|it| it.0 == alias && before.contains(it));
        assert!(is_same("given"));
        // One that is to be another one is another one.
        assert!(!is_same("in"), "life {life}");
    }
}

struct Plain;

#[agent]
impl Plain {}

#[tokio::test(start_paused = true)]
async fn what_others_gave_an_agent_stays_and_what_it_made_goes() {
    let (_node, worker, _) = worker(Restart::new()).await;
    worker.set_method("double", |_: &mut Worker, n: u64| n * 2).unwrap();
    worker.set_attr("colour", "red").await.unwrap();
    worker.each(SECOND, |it: &mut Worker| it.n += 10).await.unwrap();
    worker
        .with(|_, cx| cx.each(SECOND, |it: &mut Worker| it.n += 1).map(drop))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(worker.context().list_timers().len(), 3);
    worker.burst().await.unwrap_err();
    within(worker.life()).await.unwrap();
    assert_eq!(worker.context().list_timers().len(), 2);
    assert_eq!(worker.call::<u64>("double", (21,)).await.unwrap(), 42);
    assert_eq!(worker.get_attr::<String>("colour").await.unwrap(), "red");
}

#[tokio::test(start_paused = true)]
async fn attributes_to_begin_with_are_those_of_each_life() {
    let node = Node::local();
    let refusals: Arc<AtomicU32> = Arc::default();
    let make = move || Worker { life: 1, n: 0, log: Vec::new(), refusals: refusals.clone() };
    let run = node.run_agent("worker", make()).restart(Restart::new(), make);
    let worker = run.attribute("n", 40).attribute("free", 1).await.unwrap();
    assert_eq!(worker.add(2).await.unwrap(), 42);
    worker.burst().await.unwrap_err();
    assert_eq!(within(worker.add(1)).await.unwrap(), 41);
    assert_eq!(worker.get_attr::<u32>("free").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_that_are_logged_are_got_over_and_panics_begin_anew() {
    let node = Node::local();
    let make = || Worker { life: 1, n: 0, log: Vec::new(), refusals: Arc::default() };
    let run = node.run_agent("worker", make()).on_error(ErrorPolicy::Log);
    let worker = run.restart(Restart::new(), make).await.unwrap();
    worker.after(Duration::ZERO, |_: &mut Worker| Err::<(), _>("never mind")).await.unwrap();
    within(worker.add(1)).await.unwrap();
    assert_eq!(worker.restarts(), 0);
    worker.burst().await.unwrap_err();
    within(worker.add(1)).await.unwrap();
    assert_eq!(worker.restarts(), 1);
}

#[tokio::test]
async fn proxies_find_an_agent_in_its_next_life() {
    let ns = run_nameserver().await.unwrap();
    let make = || Worker { life: 1, n: 0, log: Vec::new(), refusals: Arc::default() };
    let run = run_agent("worker", make()).restart(Restart::new(), make);
    let worker = run.await.unwrap();
    let proxy = ns.proxy("worker").await.unwrap();
    let addr = proxy.addr("in").await.unwrap();
    within(proxy.call::<()>("burst", ())).await.unwrap_err();
    assert_eq!(within(proxy.call::<u64>("add", (5,))).await.unwrap(), 5);
    assert_eq!(proxy.addr("in").await.unwrap(), addr);
    let life = proxy.life().await.unwrap();
    assert_eq!((life.state, life.restarts), (AgentState::Running, 1));
    assert_eq!(worker.restarts(), 1);
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}
