//! Scenarios of osBrain about the lives of agents, name servers and proxies, by their numbers.

use std::path::Path;
use std::time::Duration;

use gleis_agent::{
    AgentState, CallError, Context, Kind, NameServerProxy, Node, NodeError, OpenError, Proxy,
    ProxyError, ProxyPlace, Result, RunError, ShutdownError, agent, run_agent, run_nameserver,
};
use gleis_test::wait::{eventually, within};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::support::{Counter, CounterCalls, CounterTells, Greeter, GreeterCalls, Listener};

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn agt01_agt02_agents_without_a_name_get_one_of_their_own() {
    let ns = run_nameserver().await.unwrap();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let agent = run_agent("", Counter::default()).await.unwrap();
        names.insert(agent.name().to_string());
    }
    let mut known: Vec<_> = ns.agents().await.unwrap().iter().map(ToString::to_string).collect();
    known.sort();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), known);
    assert_eq!(known.len(), 10);
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt03_an_early_proxy_is_an_error_and_a_later_one_works() {
    let ns = run_nameserver().await.unwrap();
    let error = ns.proxy("late").await.unwrap_err();
    assert!(matches!(error, ProxyError::Naming(_)), "{error}");
    run_agent("late", Counter::default()).await.unwrap();
    within(ns.proxy("late")).await.unwrap().ping().await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt05_whoever_is_there_answers_a_ping_also_while_it_is_busy() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    let busy = tokio::spawn(async move { counter.linger_on().await });
    let proxy = ns.proxy("counter").await.unwrap();
    within(proxy.ping()).await.unwrap();
    assert!(within(proxy.is_running()).await.unwrap());
    within(proxy.kill()).await.unwrap();
    assert!(within(busy).await.unwrap().is_err());
    assert!(ns.agents().await.unwrap().is_empty());
    within(ns.shutdown(GRACE)).await.unwrap();
}

/// Begins when it is let.
struct Late {
    begin: Option<oneshot::Receiver<()>>,
    n_ticks: u32,
}

#[agent(attributes(n_ticks))]
impl Late {
    async fn on_init(&mut self) {
        if let Some(begin) = self.begin.take() {
            begin.await.unwrap();
        }
    }

    async fn before_loop(&mut self, cx: &Context<Self>) -> Result {
        cx.each(Duration::from_millis(500), |it: &mut Self| it.n_ticks += 1)?;
        Ok(())
    }
}

#[tokio::test]
async fn agt06_running_an_agent_returns_when_it_runs() {
    let node = Node::local();
    let (let_it, begin) = oneshot::channel();
    let mut run = node.run_agent("late", Late { begin: Some(begin), n_ticks: 0 }).into_future();
    assert!(futures::poll!(&mut run).is_pending());
    let_it.send(()).unwrap();
    assert!(within(run).await.unwrap().is_running());
}

#[tokio::test(start_paused = true)]
async fn agt07_before_the_loop_timers_are_started() {
    let node = Node::local();
    let late = node.run_agent("late", Late { begin: None, n_ticks: 0 }).await.unwrap();
    // Not synchronisation: the clock is paused and moves when nobody has anything to do.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(late.get_attr::<u32>("n_ticks").await.unwrap(), 3);
}

#[tokio::test]
async fn agt08_ns03_ns19_who_is_registered_is_listed_until_it_ends() {
    let ns = run_nameserver().await.unwrap();
    assert!(ns.agents().await.unwrap().is_empty());
    let one = run_agent("a0", Counter::default()).await.unwrap();
    assert_eq!(ns.agents().await.unwrap().len(), 1);
    let two = run_agent("a1", Counter::default()).await.unwrap();
    assert_eq!(ns.agents().await.unwrap().len(), 2);
    within(one.shutdown()).await.unwrap();
    assert_eq!(ns.agents().await.unwrap(), [two.name().clone()]);
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt18_agt20_an_agent_of_a_type_of_its_own_pushes_to_another() {
    let node = Node::local();
    let alice = node.run_agent("Alice", Greeter).await.unwrap();
    let (listener, mut hears) = Listener::new();
    let bob = node.run_agent("Bob", listener).await.unwrap();
    bob.connect(alice.addr("main").await.unwrap(), Listener::hear).await.unwrap();
    alice.hello("Bob").await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), "Hello, Bob!");
}

#[tokio::test]
async fn agt21_two_proxies_see_one_agent() {
    let ns = run_nameserver().await.unwrap();
    run_agent("counter", Counter::default()).await.unwrap();
    let (one, two) = (ns.proxy("counter").await.unwrap(), ns.proxy("counter").await.unwrap());
    assert_eq!(one.call::<u64>("add", (1,)).await.unwrap(), 1);
    assert_eq!(two.call::<u64>("add", (1,)).await.unwrap(), 2);
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt36_agt44_an_agent_that_failed_says_why_and_is_not_called_any_more() {
    let ns = run_nameserver().await.unwrap();
    run_agent("counter", Counter::default()).await.unwrap();
    let proxy = ns.proxy("counter").await.unwrap();
    assert_eq!(proxy.call::<u64>("add", (7,)).await.unwrap(), 7);
    let error = proxy.call::<u64>("burst", ()).await.unwrap_err();
    assert!(error.to_string().contains("burst at 7"), "{error}");
    assert!(!proxy.is_running().await.unwrap());
    let error = proxy.call::<u64>("add", (1,)).await.unwrap_err();
    assert!(matches!(error, CallError::NotRunning { fault: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("burst at 7"), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt37_ns22_an_address_that_cannot_be_had_is_an_error() {
    let ns = run_nameserver().await.unwrap();
    let taken = ns.endpoint().to_string();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    let error = counter.bind(Kind::Push, "out").at(taken.as_str()).await.unwrap_err();
    assert!(chain(&error).contains("in use"), "{}", chain(&error));
    let error = run_nameserver().at(taken.as_str()).await.unwrap_err();
    assert!(chain(&error).contains("in use"), "{}", chain(&error));
    // Nobody has this address here.
    let error = counter.bind(Kind::Push, "out").at("tcp://192.0.2.77:1").await.unwrap_err();
    assert!(matches!(error, OpenError::Bind { .. }), "{error}");
    assert!(counter.is_running());
    within(ns.shutdown(GRACE)).await.unwrap();
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// Has a socket in a file, and does what it is told, badly.
struct Filed;

#[agent]
impl Filed {
    #[method]
    async fn block(&mut self, cx: &Context<Self>) -> Result {
        // Nobody is connected: it waits for ever.
        cx.send("out", "nobody takes it".to_owned()).await?;
        Ok(())
    }

    #[method]
    fn crash(&mut self) {
        panic!("as it should");
    }

    #[method]
    fn here(cx: &Context<Self>) -> usize {
        cx.sockets().len()
    }
}

fn n_files(folder: &Path) -> usize {
    folder.read_dir().unwrap().count()
}

#[tokio::test]
async fn ipc01_ipc02_ipc03_ipc04_ipc05_files_of_sockets_go_with_their_agents() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("ipc://{}", folder.path().join(name).display());
    let ns = run_nameserver().await.unwrap();
    let run = async |name: &str| {
        let agent = run_agent(name, Filed).await.unwrap();
        agent.bind(Kind::Push, "out").at(at(name)).await.unwrap();
        agent
    };
    let well = run("well").await;
    within(well.shutdown()).await.unwrap();
    assert_eq!(n_files(folder.path()), 0);
    let killed = run("killed").await;
    within(killed.kill()).await;
    assert_eq!(n_files(folder.path()), 0);

    let (blocked, crashed) = (run("blocked").await, run("crashed").await);
    run("other").await;
    assert_eq!(n_files(folder.path()), 3);
    let blocking = tokio::spawn({
        let blocked = blocked.clone();
        async move { blocked.block().await }
    });
    // It is at work once another call does not get through.
    let hurried = blocked.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    assert!(crashed.crash().await.is_err());
    within(ns.shutdown(Duration::from_secs(1))).await.unwrap();
    assert!(within(blocking).await.unwrap().is_err());
    assert_eq!(blocked.state(), AgentState::Gone);
    assert_eq!(n_files(folder.path()), 0);
}

#[tokio::test]
async fn prx15_prx17_a_method_beside_the_agent_answers_while_it_is_busy_or_has_stopped() {
    let ns = run_nameserver().await.unwrap();
    let agent = run_agent("filed", Filed).await.unwrap();
    agent.bind(Kind::Push, "out").await.unwrap();
    let busy = tokio::spawn({
        let agent = agent.clone();
        async move { agent.block().await }
    });
    let hurried = agent.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    let proxy = ns.proxy("filed").await.unwrap();
    assert_eq!(within(proxy.call::<usize>("here", ())).await.unwrap(), 1);
    assert_eq!(within(agent.here()).await.unwrap(), 1);
    // What needs its state waits for it.
    let waits = proxy.within(Duration::from_millis(20)).call::<()>("crash", ()).await;
    assert!(matches!(waits, Err(CallError::DeadlineExceeded { .. })));
    within(proxy.kill()).await.unwrap();
    assert!(within(busy).await.unwrap().is_err());
    assert!(matches!(agent.here().await, Err(CallError::Gone { .. })));
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn prx14_prx16_a_method_of_the_agent_waits_for_what_it_does() {
    let node = Node::local();
    let (goes_on, waits) = oneshot::channel::<()>();
    let late = node.run_agent("late", Late { begin: None, n_ticks: 0 }).await.unwrap();
    let busy = tokio::spawn({
        let late = late.clone();
        async move {
            let wait = late.call_typed("wait", |_, cx, caller| {
                Box::pin(caller.answer(cx, async { Ok(waits.await?) }))
            });
            wait.await
        }
    });
    let hurried = late.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    let mut look = Box::pin(late.with(|it, _| it.n_ticks));
    assert!(futures::poll!(&mut look).is_pending());
    goes_on.send(()).unwrap();
    within(busy).await.unwrap().unwrap();
    within(look).await.unwrap();
}

#[tokio::test]
async fn prx18_what_is_told_returns_at_once_and_is_done_in_turn_if_it_takes_self() {
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    for _ in 0..20 {
        within(counter.tell("add", (1,))).await.unwrap();
    }
    assert_eq!(counter.total().await.unwrap(), 20);
    // An error goes to nobody, and the agent goes on.
    counter.tell("divide", (0,)).await.unwrap();
    counter.tell("add", ("x",)).await.unwrap();
    assert_eq!(counter.total().await.unwrap(), 20);

    // By type, too.
    let told = counter.oneway();
    told.add(1).await.unwrap();
    told.divide(0).await.unwrap();
    assert_eq!(counter.total().await.unwrap(), 21);
    within(counter.shutdown()).await.unwrap();
    let error = told.add(1).await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
}

#[tokio::test]
async fn ns04_a_name_is_given_once() {
    let ns = run_nameserver().await.unwrap();
    run_agent("one", Counter::default()).await.unwrap();
    let error = run_agent("one", Counter::default()).await.unwrap_err();
    assert!(matches!(error, RunError::NameTaken { .. }), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn ns05_ns07_ns14_a_name_server_ends_with_and_without_agents() {
    let ns = run_nameserver().await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
    let ns = run_nameserver().await.unwrap();
    let agent = run_agent("one", Counter::default()).await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
    assert_eq!(agent.state(), AgentState::Gone);
}

#[tokio::test]
async fn ns08_a_name_server_ends_with_many_agents() {
    let ns = run_nameserver().await.unwrap();
    let mut agents = Vec::new();
    for _ in 0..20 {
        agents.push(run_agent("", Counter::default()).await.unwrap());
    }
    within(ns.shutdown(GRACE)).await.unwrap();
    assert!(agents.iter().all(|it| it.state() == AgentState::Gone));
}

/// Takes its time to end.
struct Lazy;

#[agent]
impl Lazy {
    async fn on_stop(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn ns10_ns15_those_that_do_not_end_are_ended_in_half_the_time() {
    let ns = run_nameserver().await.unwrap();
    let lazy = run_agent("lazy", Lazy).await.unwrap();
    let polite = run_agent("polite", Counter::default()).await.unwrap();
    let begun = Instant::now();
    let report = within(ns.shutdown_report(Duration::from_secs(3))).await;
    assert_eq!((report.stayed, report.forced), (Vec::new(), vec![lazy.name().clone()]));
    assert!(Duration::from_millis(1_500) <= begun.elapsed());
    assert_eq!([lazy.state(), polite.state()], [AgentState::Gone, AgentState::Gone]);
}

#[tokio::test]
async fn prx19_a_name_server_that_has_closed_is_an_error_and_no_hang() {
    let ns = run_nameserver().await.unwrap();
    let agent = run_agent("one", Counter::default()).await.unwrap();
    agent.kill().await;
    let proxy = NameServerProxy::connect(ns.endpoint()).await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
    let again = within(proxy.shutdown(Duration::from_millis(200))).await;
    assert!(matches!(again, Err(ShutdownError::Naming(_))), "{again:?}");
}

#[tokio::test]
async fn ns16_prx01_a_name_server_is_waited_for_and_no_longer_than_that() {
    // Nobody else takes such an address meanwhile, as somebody might take a port.
    let folder = tempfile::tempdir().unwrap();
    let at = format!("ipc://{}", folder.path().join("ns").display());
    let at: gleis_agent::Endpoint = at.parse().unwrap();
    let begun = Instant::now();
    let patience = Duration::from_millis(100);
    let nobody = NameServerProxy::connect(at.clone()).within(patience).await;
    assert!(nobody.is_err());
    assert!(patience <= begun.elapsed());
    let waiting = tokio::spawn(NameServerProxy::connect(at.clone()).within(GRACE).into_future());
    let ns = run_nameserver().at(at.clone()).await.unwrap();
    let proxy = within(waiting).await.unwrap().unwrap();
    assert_eq!(*proxy.endpoint(), at);
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn ns18_ns20_prx03_prx10_a_name_server_is_found_and_tells_where_sockets_are() {
    if std::env::var_os("GLEIS_NAMESERVER").is_none() {
        assert!(matches!(NameServerProxy::found(), Err(NodeError::Unnamed)));
    }
    let ns = run_nameserver().await.unwrap();
    let found = NameServerProxy::found().unwrap().await.unwrap();
    assert_eq!(found.endpoint(), ns.endpoint());
    let agent = run_agent("a0", Counter::default()).await.unwrap();
    let addr = agent.bind(Kind::Push, "foo").await.unwrap();
    assert_eq!(ns.addr("a0", "foo").await.unwrap(), addr);
    assert_eq!(found.addr("a0", "foo").await.unwrap(), addr);
    let error = found.addr("a0", "fou").await.unwrap_err();
    assert_eq!(error.to_string(), "`a0` has no socket `fou`; did you mean `foo`?");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn prx05_remote_errors_have_their_text_and_their_kind() {
    let ns = run_nameserver().await.unwrap();
    run_agent("counter", Counter::default()).await.unwrap();
    let proxy: Proxy = ns.proxy("counter").await.unwrap();
    let error = proxy.call::<u64>("add", (1, 2)).await.unwrap_err();
    assert!(matches!(error, CallError::Arguments { .. }), "{error}");
    let error = proxy.call::<u64>("divide", (0,)).await.unwrap_err();
    assert!(matches!(error, CallError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("division by zero"), "{error}");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tmr02_tmr04_tmr05_tmr06_tmr11_timers_run_as_often_as_they_should() {
    struct Clock {
        n_ticks: u32,
        late: Vec<u32>,
    }
    #[agent]
    impl Clock {
        #[method]
        fn tick(&mut self) {
            self.n_ticks += 1;
        }
    }
    let node = Node::local();
    let clock = node.run_agent("clock", Clock { n_ticks: 0, late: Vec::new() }).await.unwrap();
    let pass = async |ms: u64| {
        // Not synchronisation: the clock is paused and moves when nobody has anything to do.
        tokio::time::sleep(Duration::from_millis(ms)).await;
    };
    let timer = clock.each(Duration::from_millis(100), Clock::tick).await.unwrap();
    pass(1_950).await;
    assert!(clock.stop_timer(timer));
    pass(1_000).await;
    assert_eq!(clock.with(|it, _| it.n_ticks).await.unwrap(), 20);
    // Without a period, what takes its time runs one after the other.
    let slow = async |it: &mut Clock| {
        it.n_ticks += 1;
        // Not synchronisation: work that takes its time.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let timer = clock.each(Duration::ZERO, slow).await.unwrap();
    pass(1_990).await;
    assert!(clock.stop_timer(timer));
    pass(1_000).await;
    assert_eq!(clock.with(|it, _| it.n_ticks).await.unwrap(), 30);
    for (n, delay) in [(1, 1_000), (2, 2_000)] {
        let delay = Duration::from_millis(delay);
        clock.after(delay, move |it: &mut Clock| it.late.push(n)).await.unwrap();
    }
    for (ms, expect) in [(900, &[][..]), (200, &[1]), (1_000, &[1, 2])] {
        pass(ms).await;
        assert_eq!(clock.with(|it, _| it.late.clone()).await.unwrap(), expect);
    }
}

#[tokio::test]
async fn bug01_a_timer_without_a_period_runs_thousands_of_times() {
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    counter.each(Duration::ZERO, |it: &mut Counter| it.n += 1).await.unwrap();
    within(async { while counter.total().await.unwrap() < 2_000 {} }).await;
}

#[tokio::test]
async fn a_timer_that_waits_for_ever_does_not_hold_up_the_end() {
    let ns = run_nameserver().await.unwrap();
    let (began, mut begins) = mpsc::unbounded_channel();
    let one = run_agent("one", Counter::default()).await.unwrap();
    let two = run_agent("two", Filed).await.unwrap();
    two.bind(Kind::Push, "out").await.unwrap();
    let telling = began.clone();
    let sleepy = move |_: &mut Counter| {
        telling.send(()).unwrap();
        async {
            std::future::pending::<()>().await;
            Err::<(), _>("never")
        }
    };
    one.after(Duration::ZERO, sleepy).await.unwrap();
    let blocked = async move |_: &mut Filed, cx: &Context<Filed>| {
        cx.send("out", "nobody takes it".to_owned()).await
    };
    let _ = began;
    two.after(Duration::ZERO, blocked).await.unwrap();
    within(begins.recv()).await.unwrap();
    within(ns.shutdown(Duration::from_millis(400))).await.unwrap();
    within(eventually(|| one.state() == AgentState::Gone && two.state() == AgentState::Gone)).await;
}

#[tokio::test]
async fn ns13_two_hundred_agents_that_hang_crash_and_block_end_in_time_and_are_named() {
    let ns = run_nameserver().await.unwrap();
    let mut expect = Vec::new();
    for n in 0..200 {
        let name = format!("agent-{n:03}");
        if n % 4 == 0 {
            run_agent(&name, Lazy).await.unwrap();
            expect.push(name);
            continue;
        }
        let agent = run_agent(&name, Filed).await.unwrap();
        agent.bind(Kind::Push, "out").await.unwrap();
        match n % 4 {
            1 => {
                assert!(agent.crash().await.is_err());
            }
            2 => {
                agent.tell("block", ()).await.unwrap();
                let hurried = agent.within(Duration::from_millis(5));
                while hurried.with(|_, _| ()).await.is_ok() {}
                expect.push(name);
            }
            _ => (),
        }
    }
    let (timeout, begun) = (Duration::from_secs(8), Instant::now());
    let report = within(ns.shutdown_report(timeout)).await;
    assert!(begun.elapsed() < timeout + Duration::from_secs(2));
    let mut forced: Vec<_> = report.forced.iter().map(ToString::to_string).collect();
    forced.sort();
    assert_eq!((report.stayed, forced), (Vec::new(), expect));
}

/// Calls whom it is told of.
struct Caller;

#[agent]
impl Caller {
    #[method]
    async fn add_to(&mut self, whom: ProxyPlace, more: u64) -> Result<u64> {
        Ok(whom.proxy().await?.call("add", (more,)).await?)
    }
}

#[tokio::test]
async fn prx04_an_agent_tells_another_of_a_third() {
    let ns = run_nameserver().await.unwrap();
    run_agent("counter", Counter::default()).await.unwrap();
    run_agent("caller", Caller).await.unwrap();
    let place = ns.proxy("counter").await.unwrap().place();
    let caller = ns.proxy("caller").await.unwrap();
    let sum = caller.call::<u64>("add_to", (&place, 7));
    assert_eq!(within(sum).await.unwrap(), 7);
    within(ns.shutdown(GRACE)).await.unwrap();
}
