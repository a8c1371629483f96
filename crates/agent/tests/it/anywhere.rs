//! Agents by name: called by type, waited for, ended, and what they can be told beside their work.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    CallError, Context, Endpoint, Kind, LogLevel, LoggerCalls, MethodError, NameServerProxy,
    NamingError, Node, ProxyError, Result, ShutdownError, TypedProxy, agent, run_agent, run_logger,
    run_nameserver,
};
use gleis_naming::{Directory, NameClient, Record};
use gleis_test::wait::{eventually, tasks_down_to, within};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::support::{Counter, CounterCalls};

const GRACE: Duration = Duration::from_secs(10);

/// Takes and gives what travels, with `self` and without.
#[derive(Default)]
struct Clerk {
    papers: Vec<Paper>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Paper {
    title: String,
    pages: Option<u32>,
}

#[agent]
impl Clerk {
    #[method]
    async fn file(&mut self, cx: &Context<Self>, paper: Paper, by: String) -> Result<String> {
        if paper.pages == Some(0) {
            Err(format!("{by} gave no pages"))?;
        }
        self.papers.push(paper);
        Ok(format!("{} has {} by {by}", cx.name(), self.papers.len()))
    }

    #[method]
    fn last(&self) -> Option<Paper> {
        self.papers.last().cloned()
    }

    #[method]
    fn beside(cx: &Context<Self>, more: Vec<i64>) -> i64 {
        cx.name().as_str().len() as i64 + more.into_iter().sum::<i64>()
    }

    #[method]
    async fn linger_on(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn an_agent_anywhere_is_called_by_type() {
    let ns = run_nameserver().await.unwrap();
    let there = Node::connect(ns.endpoint()).await.unwrap();
    there.run_agent("clerk", Clerk::default()).await.unwrap();
    let elsewhere = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    let clerk: TypedProxy<Clerk> = elsewhere.typed_proxy("clerk").await.unwrap();
    assert_eq!(clerk.name().as_str(), "clerk");
    let paper = Paper { title: "On \u{1f980}".to_owned(), pages: None };
    assert_eq!(clerk.last().await.unwrap(), None);
    assert_eq!(clerk.file(paper.clone(), "Ann").await.unwrap(), "clerk has 1 by Ann");
    assert_eq!(clerk.last().await.unwrap(), Some(paper.clone()));
    let error = clerk.file(Paper { pages: Some(0), ..paper }, "Bob").await.unwrap_err();
    assert_eq!(error.to_string(), "`file` of `clerk` failed: Bob gave no pages");
    assert_eq!(clerk.beside(vec![1, -3]).await.unwrap(), 3);

    // Deadlines are as with every proxy; what needs no `self` does not wait.
    let hurried = clerk.within(Duration::from_millis(50));
    let error = hurried.linger_on().await.unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    assert_eq!(clerk.clone().beside(Vec::new()).await.unwrap(), 5);
    clerk.proxy().kill().await.unwrap();
    let error = clerk.last().await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");

    // One of another type says what it does not have.
    there.run_agent("counter", Counter::default()).await.unwrap();
    let clerk = ns.typed_proxy::<Clerk>("counter").await.unwrap();
    let error = clerk.last().await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }), "{error}");
    assert_eq!(clerk.proxy().typed::<Counter>().add(2).await.unwrap(), 2);
    let error = ns.typed_proxy::<Clerk>("clrek").await.unwrap_err();
    assert!(matches!(error, ProxyError::Naming(NamingError::Unknown { .. })), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
}

/// Can be read, and not written.
#[derive(Deserialize)]
struct OneWay(String);

struct Narrow;

#[agent]
impl Narrow {
    // That nobody can call it by type elsewhere harms nobody here.
    #[method]
    fn take(&mut self, it: OneWay) -> String {
        it.0
    }
}

#[tokio::test]
async fn what_does_not_travel_is_called_by_type_here_and_by_name_elsewhere() {
    let ns = run_nameserver().await.unwrap();
    let narrow = run_agent("narrow", Narrow).await.unwrap();
    assert_eq!(narrow.take(OneWay("x".to_owned())).await.unwrap(), "x");
    let proxy = ns.proxy("narrow").await.unwrap();
    assert_eq!(proxy.call::<String>("take", ("y",)).await.unwrap(), "y");
    within(ns.shutdown(GRACE)).await.unwrap();
}

/// Begins when there is a permit.
struct Late {
    begin: Arc<Semaphore>,
}

#[agent]
impl Late {
    async fn on_init(&mut self) -> Result {
        self.begin.acquire().await?.forget();
        Ok(())
    }

    #[method]
    fn answer(&mut self) -> u8 {
        42
    }
}

#[tokio::test]
async fn agt03_prx07_prx08_an_agent_is_waited_for_until_it_runs() {
    let ns = run_nameserver().await.unwrap();
    let there = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    let begin = Arc::new(Semaphore::new(0));
    let mut waiting =
        [Box::pin(ns.wait_for("late", GRACE)) as futures::future::BoxFuture<'_, _>, {
            Box::pin(there.wait_for("late", GRACE))
        }];
    for waits in &mut waiting {
        assert!(futures::poll!(waits).is_pending());
    }
    let running = tokio::spawn(run_agent("late", Late { begin: begin.clone() }).into_future());
    let registered = async {
        while ns.agents().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within(registered).await;
    // It is registered, and has not begun.
    for waits in &mut waiting {
        assert!(futures::poll!(waits).is_pending());
    }
    begin.add_permits(1);
    for waits in waiting {
        let proxy = within(waits).await.unwrap();
        assert!(proxy.is_running().await.unwrap());
        assert_eq!(proxy.call::<u8>("answer", ()).await.unwrap(), 42);
    }
    within(running).await.unwrap().unwrap();
    // One that runs needs no patience.
    within(ns.wait_for("late", Duration::from_secs(1))).await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn prx06_prx09_an_agent_that_does_not_come_or_begin_is_not_waited_for_longer() {
    let ns = run_nameserver().await.unwrap();
    let (patience, begun) = (Duration::from_millis(200), Instant::now());
    let error = ns.wait_for("late", patience).await.unwrap_err();
    assert!(matches!(error, ProxyError::Naming(NamingError::Unknown { .. })), "{error}");
    let passed = begun.elapsed();
    assert!(patience <= passed && passed < patience + Duration::from_secs(5), "{passed:?}");
    let error = ns.wait_for("no name!/", patience).await.unwrap_err();
    assert!(matches!(error, ProxyError::Name { .. }), "{error}");

    let begin = Arc::new(Semaphore::new(0));
    let running = tokio::spawn(run_agent("late", Late { begin }).into_future());
    let begun = Instant::now();
    let error = within(ns.wait_for("late", patience)).await.unwrap_err();
    assert!(matches!(error, ProxyError::Call(_) | ProxyError::Naming(_)), "{error}");
    assert!(begun.elapsed() < patience + Duration::from_secs(5));
    within(ns.shutdown(Duration::from_millis(500))).await.unwrap();
    assert!(within(running).await.unwrap().is_err());
}

#[tokio::test]
async fn ns06_agents_are_shut_down_and_the_name_server_stays() {
    let ns = run_nameserver().await.unwrap();
    let there = Node::connect(ns.endpoint()).await.unwrap();
    let polite = run_agent("polite", Counter::default()).await.unwrap();
    there.run_agent("there", Counter::default()).await.unwrap();
    let hangs = there.run_agent("hangs", Counter::default()).await.unwrap();
    hangs.tell("linger_on", ()).await.unwrap();
    let proxy = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    let begun = Instant::now();
    within(proxy.shutdown_agents(Duration::from_secs(1))).await.unwrap();
    assert!(begun.elapsed() < GRACE);
    assert!(ns.agents().await.unwrap().is_empty());
    assert!(!polite.is_running());
    assert!(!hangs.is_running());
    proxy.ping().await.unwrap();
    // Nobody is nobody to wait for.
    within(ns.shutdown_agents(GRACE)).await.unwrap();
    run_agent("polite", Counter::default()).await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
}

/// Somebody who is registered, and not there.
async fn dead(at: &Endpoint) -> NameClient {
    let client = NameClient::connect(at).await.unwrap();
    let nowhere = "tcp://127.0.0.1:1".parse().unwrap();
    client.register(&"dead".parse().unwrap(), Record::new(nowhere)).await.unwrap();
    client
}

#[tokio::test]
async fn ns12_an_agent_that_is_dead_and_registered_does_not_hold_up_the_end() {
    let ns = run_nameserver().await.unwrap();
    let _dead = dead(ns.endpoint()).await;
    let alive = run_agent("alive", Counter::default()).await.unwrap();
    let error = within(ns.shutdown_agents(Duration::from_millis(500))).await.unwrap_err();
    assert_eq!(error.to_string(), "`dead` did not leave in time");
    assert!(!alive.is_running());
    let begun = Instant::now();
    let report = within(ns.shutdown_report(Duration::from_millis(500))).await;
    assert_eq!(report.stayed, ["dead"]);
    assert!(begun.elapsed() < GRACE);
}

#[tokio::test]
async fn ns01_a_name_server_answers_a_ping_while_it_is_there() {
    let ns = run_nameserver().await.unwrap();
    let proxy = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    within(proxy.ping()).await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
    let error = within(proxy.ping()).await.unwrap_err();
    assert!(matches!(error, NamingError::Closed), "{error}");
}

#[tokio::test]
async fn prx19_a_name_server_that_dies_while_it_is_shut_down_is_an_error_and_no_hang() {
    let ns = run_nameserver().await.unwrap();
    let hangs = run_agent("hangs", Counter::default()).await.unwrap();
    hangs.tell("linger_on", ()).await.unwrap();
    let proxy = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    let mut shutdown = Box::pin(proxy.shutdown(GRACE));
    let told = async {
        while run_agent("late", Counter::default()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = &mut shutdown => panic!("{ended:?}"),
        () = within(told) => (),
    }
    drop(ns);
    let error = within(shutdown).await.unwrap_err();
    assert!(matches!(error, ShutdownError::Naming(_)), "{error}");
    hangs.kill().await;
}

/// Works beside itself.
struct Shooter;

#[agent]
impl Shooter {
    /// Takes a permit of the free attribute's number, when there is one.
    #[method]
    async fn shoot(cx: &Context<Self>, shots: u32) -> Result {
        let begun: u32 = cx.get_attr("begun")?;
        cx.set_attr("begun", begun + 1)?;
        while !cx.get_attr::<bool>("fire")? {
            tokio::task::yield_now().await;
        }
        let total: u32 = cx.get_attr("total")?;
        cx.set_attr("total", total + shots)?;
        Ok(())
    }

    #[method]
    async fn never(cx: &Context<Self>) -> Result {
        cx.set_attr("at_rest", true)?;
        std::future::pending::<()>().await;
        Ok(())
    }

    #[method]
    fn burst(_: &Context<Self>) {
        panic!("as it should");
    }

    #[method]
    async fn hold(&mut self) {
        std::future::pending::<()>().await;
    }
}

// One thread, so that what reads an attribute and writes it is not disturbed.
#[tokio::test]
async fn prx18_what_is_told_beside_the_agent_is_done_at_once_and_concurrently() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let ns = run_nameserver().await.unwrap();
    let run = run_agent("shooter", Shooter).attribute("begun", 0).attribute("total", 0);
    let shooter = run.attribute("fire", false).await.unwrap();
    let proxy = ns.proxy("shooter").await.unwrap();
    // The agent itself is busy for good.
    shooter.oneway().hold().await.unwrap();
    for _ in 0..5 {
        within(proxy.tell("shoot", (2,))).await.unwrap();
        within(shooter.tell("shoot", (2,))).await.unwrap();
        within(shooter.oneway().shoot(2)).await.unwrap();
    }
    let all = |name: &'static str, expect: u32| {
        let cx = shooter.context().clone();
        within(eventually(move || cx.get_attr::<u32>(name).unwrap() == expect))
    };
    all("begun", 15).await;
    assert_eq!(shooter.context().get_attr::<u32>("total").unwrap(), 0);
    shooter.context().set_attr("fire", true).unwrap();
    all("total", 30).await;
    // What fails harms nobody, and goes to nobody.
    proxy.tell("burst", ()).await.unwrap();
    shooter.oneway().burst().await.unwrap();
    proxy.tell("shoot", ("x",)).await.unwrap();
    proxy.tell("shoot", (1,)).await.unwrap();
    all("total", 31).await;

    // It ends with the agent, and there is a limit.
    for _ in 0..1_000 {
        shooter.oneway().never().await.unwrap();
    }
    let hurried = shooter.within(Duration::from_millis(50));
    let error = hurried.oneway().never().await.unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    let error = hurried.tell("shoot", (1,)).await.unwrap_err();
    assert!(matches!(error, CallError::DeadlineExceeded { .. }), "{error}");
    within(shooter.kill()).await;
    let error = shooter.oneway().never().await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
    drop((ns, shooter, hurried, proxy));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn an_agent_may_let_others_give_it_more_functions_while_it_runs() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    assert!(proxy.set_method("double", "double").await.is_err());
    counter.context().function("double", |_: &mut Counter, n: u64| n * 2).unwrap();
    proxy.set_method("twice", "double").await.unwrap();
    assert_eq!(proxy.call::<u64>("twice", (21,)).await.unwrap(), 42);
    // The one that it has stays what it is.
    counter.context().function("double", |_: &mut Counter, n: u64| n * 20).unwrap();
    assert_eq!(proxy.call::<u64>("twice", (21,)).await.unwrap(), 42);
    for n in 0..999 {
        counter.context().function(&n.to_string(), |_: &mut Counter, n: u64| n).unwrap();
    }
    let error = counter.context().function("more", |_: &mut Counter, n: u64| n).unwrap_err();
    assert!(matches!(error, MethodError::TooMany { limit: 1_000 }), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn a_proxy_has_its_agent_ask_receive_and_log() {
    let ns = run_nameserver().await.unwrap();
    let one = run_agent("one", Counter::default()).await.unwrap();
    run_agent("two", Counter::default()).await.unwrap();
    let (there, two) = (ns.proxy("one").await.unwrap(), ns.proxy("two").await.unwrap());
    for codec in ["json", "msgpack"] {
        for kind in [Kind::Rep, Kind::AsyncRep] {
            let addr = there.bind(kind, "sum").codec(codec).method("add").await.unwrap();
            two.connect(addr).alias("ask").await.unwrap();
            let before = one.total().await.unwrap();
            assert_eq!(within(two.request::<u64>("ask", 5)).await.unwrap(), before + 5);
            let error = two.request::<String>("ask", 1).await.unwrap_err();
            assert!(matches!(error, CallError::Answer { .. }), "{error}");
            two.close("ask").await.unwrap();
            there.close("sum").await.unwrap();
        }
        let addr = two.bind(Kind::Pull, "in").codec(codec).await.unwrap();
        there.connect(addr).alias("out").await.unwrap();
        there.send("out", ("text", Some(1.5), vec![true])).await.unwrap();
        let heard: (String, Option<f64>, Vec<bool>) = within(two.recv("in")).await.unwrap();
        assert_eq!(heard, ("text".to_owned(), Some(1.5), vec![true]));
        // The agent is not held up meanwhile, and there is an end.
        let hurried = two.within(Duration::from_millis(100));
        let error = within(hurried.recv::<u8>("in")).await.unwrap_err();
        assert!(
            matches!(error, CallError::DeadlineExceeded { .. } | CallError::Unreachable { .. }),
            "{error}"
        );
        two.close("in").await.unwrap();
        there.close("out").await.unwrap();
    }
    let text = |error: CallError| error.to_string();
    two.bind(Kind::Pull, "typed").await.unwrap();
    let error = two.recv::<u8>("typed").await.unwrap_err();
    assert!(text(error).starts_with("`two` cannot receive from `typed`: `bincode` writes types"));
    let error = two.recv::<u8>("tpyed").await.unwrap_err();
    assert!(text(error).contains("did you mean `typed`?"));
    two.bind(Kind::Pull, "handled").codec("json").method("add").await.unwrap();
    assert!(two.recv::<u8>("handled").await.is_err());
    let error = two.request::<u8>("handled", 1).await.unwrap_err();
    assert!(text(error).starts_with("`two` cannot ask `handled`: "));

    let logger = run_logger("logger").await.unwrap();
    let addr = ns.addr("logger", "logs").await.unwrap();
    two.set_logger(addr).await.unwrap();
    let error = two.set_logger(ns.addr("two", "typed").await.unwrap()).await.unwrap_err();
    assert!(text(error).starts_with("`two` cannot log at "));
    assert!(two.call::<()>("burst", ()).await.is_err());
    within(async { while logger.count().await.unwrap() == 0 {} }).await;
    let errors = logger.find(Some("two".to_owned()), Some(LogLevel::Error)).await.unwrap();
    assert!(errors[0].text.ends_with("burst at 0"), "{}", errors[0]);
    within(ns.shutdown(GRACE)).await.unwrap();
}
