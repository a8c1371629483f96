//! More scenarios of osBrain, by their numbers: who binds, what lingers, what cannot be had, and how the end comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gleis_agent::{
    Addr, AgentRef, AgentState, AnyCodec, Context, Kind, LogLevel, LoggerCalls, NameServerProxy,
    Node, OpenError, Result, ShutdownError, agent, run_agent, run_logger, run_nameserver,
};
use gleis_naming::{Directory, NameClient, Record};
use gleis_patterns::Pull;
use gleis_test::wait::{eventually, within};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::{Counter, Listener};

const GRACE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// How long what comes later takes.
const LATER: Duration = Duration::from_millis(200);

const READY: Duration = Duration::from_secs(20);

async fn listener(node: &Node) -> (AgentRef<Listener>, mpsc::UnboundedReceiver<String>) {
    let (listener, hears) = Listener::new();
    (node.run_agent("", listener).await.unwrap(), hears)
}

#[tokio::test]
async fn a_bound_push_hands_its_messages_to_its_clients_in_turn() {
    let node = Node::local();
    let (server, _) = listener(&node).await;
    let addr = server.bind(Kind::Push, "out").await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let (client, hears) = listener(&node).await;
        client.connect(addr.clone(), Listener::hear).ready(READY).await.unwrap();
        clients.push((client, hears));
    }
    // All of them are seen once each of them has got something.
    let mut n_probes = 0;
    let all_seen = async {
        while clients.iter().any(|(_, hears)| hears.is_empty()) {
            server.send("out", "probe".to_owned()).await.unwrap();
            n_probes += 1;
            tokio::task::yield_now().await;
        }
    };
    within(all_seen).await;
    for n in 0..30 {
        server.send("out", n.to_string()).await.unwrap();
    }
    let mut all = Vec::new();
    for (_, hears) in &mut clients {
        let mut n_heard = 0;
        while n_heard < 10 {
            let text = within(hears.recv()).await.unwrap();
            if text != "probe" {
                n_heard += 1;
                all.push(text.parse::<u32>().unwrap());
            }
        }
    }
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_bound_pull_collects_from_several_pushers() {
    let node = Node::local();
    let (server, mut hears) = listener(&node).await;
    let addr = server.bind(Kind::Pull, "in").handler(Listener::hear).await.unwrap();
    for n in 0..3 {
        let (client, _) = listener(&node).await;
        client.connect_as(addr.clone(), "out").await.unwrap();
        for m in 0..10 {
            client.send("out", format!("{n} {m}")).await.unwrap();
        }
    }
    let mut last = [None; 3];
    for _ in 0..30 {
        let text = within(hears.recv()).await.unwrap();
        let (n, m) = text.split_once(' ').unwrap();
        let (n, m): (usize, u32) = (n.parse().unwrap(), m.parse().unwrap());
        // Those of one pusher come in order.
        assert_eq!(last[n].map_or(0, |it| it + 1), m);
        last[n] = Some(m);
    }
    assert_eq!(last, [Some(9); 3]);
}

#[tokio::test]
async fn a_bound_req_asks_whoever_connects_to_answer() {
    let node = Node::local();
    let (asker, _) = listener(&node).await;
    let (answerer, _) = listener(&node).await;
    let addr = asker.bind(Kind::Req, "ask").await.unwrap();
    let echo = |_: &mut Listener, text: String| format!("x{text}");
    answerer.connect(addr, echo).ready(READY).await.unwrap();
    for text in ["one", "two"] {
        let answer = asker.context().request::<String>("ask", text.to_owned());
        assert_eq!(within(answer).await.unwrap(), format!("x{text}"));
    }
}

#[tokio::test]
async fn agt25_the_same_address_may_be_connected_twice_with_a_handler_each() {
    let node = Node::local();
    let (server, _) = listener(&node).await;
    let (client, mut hears) = listener(&node).await;
    let addr = server.bind(Kind::Pub, "news").await.unwrap();
    client.connect(addr.clone(), Listener::hear).alias("one").ready(READY).await.unwrap();
    let second = |it: &mut Listener, text: String| it.heard.send(format!("second {text}")).unwrap();
    client.connect(addr, second).alias("two").ready(READY).await.unwrap();
    server.send("news", "x".to_owned()).await.unwrap();
    let mut heard = [within(hears.recv()).await.unwrap(), within(hears.recv()).await.unwrap()];
    heard.sort();
    assert_eq!(heard, ["second x", "x"]);
    client.close("one").await.unwrap();
    server.send("news", "y".to_owned()).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), "second y");
}

#[tokio::test]
async fn agt17_agt33_each_socket_has_a_linger_time_which_runs_out_or_never_does() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| format!("ipc://{}", folder.path().join(name).display());
    let to = |name: &str| Addr::new(place(name).parse().unwrap(), Kind::Pull);
    let node = Node::local();
    let (agent, _) = listener(&node).await;
    let short = Duration::from_millis(100);
    for (name, linger) in [("short", short), ("endless", Duration::MAX)] {
        let connect = agent.connect_as(to(name), name).queue_without_peer().linger(linger);
        connect.await.unwrap();
        agent.send(name, "foo".to_owned()).await.unwrap();
    }
    let begun = Instant::now();
    assert_eq!(within(agent.close("short")).await.unwrap(), 1);
    let passed = begun.elapsed();
    assert!(short <= passed && passed < short + GRACE, "{passed:?}");
    let closing = tokio::spawn({
        let agent = agent.clone();
        async move { agent.close("endless").await }
    });
    within(eventually(|| !agent.context().has_socket("endless"))).await;
    let pull = Pull::<String>::bind(to("endless").endpoint).await.unwrap();
    assert_eq!(within(pull.recv()).await.unwrap(), "foo");
    assert_eq!(within(closing).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn agt38_ns23_an_address_that_is_forbidden_says_so() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    // Nobody may make files there, not even root, who may have every port.
    let forbidden = "ipc:///sys/gleis.sock";
    let error = counter.bind(Kind::Push, "out").at(forbidden).await.unwrap_err();
    assert!(matches!(error, OpenError::Bind { .. }), "{error}");
    let is_denied = |error: &dyn std::error::Error| {
        let mut source = error.source();
        while let Some(it) = source {
            if let Some(it) = it.downcast_ref::<std::io::Error>() {
                return it.kind() == std::io::ErrorKind::PermissionDenied;
            }
            source = it.source();
        }
        false
    };
    assert!(is_denied(&error), "{error:?}");
    let error = run_nameserver().at(forbidden).await.unwrap_err();
    assert!(is_denied(&error), "{error:?}");
    assert!(counter.is_running());
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn ns17_ns21_a_name_server_has_a_free_port_of_this_machine_or_says_why_not() {
    let (one, two) = (run_nameserver().await.unwrap(), run_nameserver().await.unwrap());
    let port =
        |text: String| -> u16 { text.strip_prefix("tcp://127.0.0.1:").unwrap().parse().unwrap() };
    let ports = [port(one.endpoint().to_string()), port(two.endpoint().to_string())];
    assert!(ports[0] != ports[1] && !ports.contains(&0));
    for bad in ["tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "127.0.0.1", ""] {
        assert!(run_nameserver().at(bad).await.is_err(), "{bad}");
    }
    within(one.shutdown(GRACE)).await.unwrap();
    within(two.shutdown(GRACE)).await.unwrap();
}

/// Takes so long to end.
struct Slow(Duration);

#[agent]
impl Slow {
    async fn on_stop(&mut self) {
        // Not synchronisation: work that takes its time.
        tokio::time::sleep(self.0).await;
    }
}

#[tokio::test]
async fn ns10_ns15_agents_that_need_less_than_half_the_time_end_by_themselves() {
    let ns = run_nameserver().await.unwrap();
    let delay = Duration::from_millis(400);
    for n in 1..=3 {
        run_agent(format!("slow-{n}"), Slow(delay * n / 3)).await.unwrap();
    }
    run_agent("never", Slow(Duration::MAX)).await.unwrap();
    let (timeout, begun) = (Duration::from_secs(4), Instant::now());
    let report = within(ns.shutdown_report(timeout)).await;
    assert_eq!((report.stayed, report.forced), (Vec::new(), vec!["never".parse().unwrap()]));
    let passed = begun.elapsed();
    assert!(timeout / 2 <= passed && passed < timeout + Duration::from_secs(2), "{passed:?}");
}

#[tokio::test]
async fn ns09_ns11_without_any_time_who_is_there_stays_and_is_ended_all_the_same() {
    let ns = run_nameserver().await.unwrap();
    let counter = run_agent("counter", Counter::default()).await.unwrap();
    // Somebody who never leaves: agents may even be gone by then.
    let stays = NameClient::connect(ns.endpoint()).await.unwrap();
    let nowhere = "tcp://127.0.0.1:1".parse().unwrap();
    stays.register(&"stays".parse().unwrap(), Record::new(nowhere)).await.unwrap();
    let error = within(ns.shutdown(Duration::ZERO)).await.unwrap_err();
    let stayed = |error| match error {
        ShutdownError::Stayed { agents } => agents,
        error => panic!("{error}"),
    };
    let first = stayed(error);
    assert!(first.contains(&"stays".parse().unwrap()), "{first:?}");
    // There is one end: whoever asks again hears of the same.
    assert_eq!(stayed(within(ns.shutdown(GRACE)).await.unwrap_err()), first);
    within(eventually(|| counter.state() == AgentState::Gone)).await;
    // Agents alone are ended in more than one go.
    let ns = run_nameserver().await.unwrap();
    let slow = run_agent("slow", Slow(Duration::from_millis(300))).await.unwrap();
    // It may be gone before anybody has looked.
    let _ = within(ns.shutdown_agents(Duration::ZERO)).await;
    within(ns.shutdown_agents(GRACE)).await.unwrap();
    within(slow.gone()).await;
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn prx01_prx02_a_name_server_is_waited_for_as_long_as_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("ipc://{}", folder.path().join("ns").display());
    for patience in [Duration::ZERO, Duration::from_millis(300)] {
        let begun = Instant::now();
        let nobody = NameServerProxy::connect(at.as_str()).within(patience);
        assert!(within(nobody.into_future()).await.is_err());
        let passed = begun.elapsed();
        assert!(patience <= passed && passed < patience + Duration::from_secs(5), "{passed:?}");
    }
    // One that is there needs hardly any.
    let ns = run_nameserver().at(at.as_str()).await.unwrap();
    let soon = NameServerProxy::connect(at.as_str()).within(Duration::from_secs(1));
    within(soon.into_future()).await.unwrap().ping().await.unwrap();
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn agt35_com02_levels_are_read_compared_and_left_out() {
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error];
    assert!(levels.is_sorted());
    for level in levels {
        assert_eq!(level.as_str().parse(), Ok(level));
        assert_eq!(level.as_str().to_lowercase().parse(), Ok(level));
    }
    let error = "FOO".parse::<LogLevel>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "no level of a log: `FOO`; there are `DEBUG`, `INFO`, `WARNING` and `ERROR`"
    );

    // Debug lines are for the logger that wants them.
    let ns = run_nameserver().await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    let all = run_logger("all").await.unwrap();
    let some = run_logger("some").least(LogLevel::Info).await.unwrap();
    for (logger, texts) in
        [(&all, &["debug", "info"][..]), (&some, &["info"]), (&all, &["debug", "info"])]
    {
        bob.context().set_logger(logger.addr("logs").await.unwrap(), READY).await.unwrap();
        let before = logger.count().await.unwrap();
        bob.context().log_debug("debug");
        bob.context().log_info("info");
        let expect = before + texts.len();
        within(async { while logger.count().await.unwrap() < expect {} }).await;
        let lines = logger.history().await.unwrap();
        let heard: Vec<_> = lines[before..].iter().map(|it| it.text.as_str()).collect();
        assert_eq!(heard, texts);
    }
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn hlp02_hlp03_hlp04_hlp05_hlp06_a_logger_is_searched_by_agent_and_level() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let to = logger.addr("logs").await.unwrap();
    assert!(logger.find(None, None).await.unwrap().is_empty());
    for name in ["Alice", "Bob"] {
        let agent = run_agent(name, Counter::default()).await.unwrap();
        agent.context().set_logger(to.clone(), READY).await.unwrap();
        agent.context().log_info("one\ntwo");
        agent.context().log_error("three");
        agent.context().log_info("four");
    }
    within(async { while logger.count().await.unwrap() < 6 {} }).await;
    let find = async |agent: Option<&str>, level| {
        let lines = logger.find(agent.map(str::to_owned), level).await.unwrap();
        lines.into_iter().map(|it| it.text).collect::<Vec<_>>()
    };
    // In the order in which they came, so positions and counts are those of a list.
    assert_eq!(find(Some("Bob"), None).await, ["one\ntwo", "three", "four"]);
    assert_eq!(find(Some("Bob"), None).await.last().unwrap(), "four");
    assert_eq!(find(Some("Alice"), Some(LogLevel::Error)).await, ["three"]);
    assert_eq!(find(None, Some(LogLevel::Info)).await.len(), 4);
    assert!(find(Some("Carol"), None).await.is_empty());
    assert!(find(None, Some(LogLevel::Warning)).await.is_empty());
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn ser02_the_codec_of_a_socket_comes_before_that_of_the_agent_and_that_before_bincode() {
    let node = Node::local();
    let usual = node.run_agent("usual", Counter::default()).await.unwrap();
    let json = node.run_agent("json", Counter::default()).codec(AnyCodec::Json).await.unwrap();
    let codec_of = async |bind: gleis_agent::Bind<Counter>| bind.await.unwrap().codec;
    assert_eq!(codec_of(usual.bind(Kind::Push, "one")).await, "bincode");
    assert_eq!(codec_of(usual.bind(Kind::Push, "two").codec(AnyCodec::Raw)).await, "raw");
    assert_eq!(codec_of(json.bind(Kind::Push, "one")).await, "json");
    assert_eq!(codec_of(json.bind(Kind::Push, "two").codec(AnyCodec::Raw)).await, "raw");
    // Who connects has that of the address, whatever its own is.
    json.connect_as(usual.addr("one").await.unwrap(), "in").await.unwrap();
    assert_eq!(json.addr("in").await.unwrap().codec, "bincode");
}

/// Hands raw messages to a test.
struct Raw {
    heard: mpsc::UnboundedSender<bytes::Bytes>,
}

#[agent]
impl Raw {
    fn hear(&mut self, message: bytes::Bytes) {
        // The test may be over.
        let _ = self.heard.send(message);
    }

    async fn echo(&mut self, _: &Context<Self>, message: bytes::Bytes) -> bytes::Bytes {
        message
    }
}

#[tokio::test]
async fn ser05_ser07_ser09_raw_bytes_pass_as_they_are() {
    let node = Node::local();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let server = node.run_agent("server", Raw { heard: heard.clone() }).await.unwrap();
    let client = node.run_agent("client", Raw { heard }).await.unwrap();
    let bind = |kind, alias| server.bind(kind, alias).codec(AnyCodec::Raw);
    let rep = bind(Kind::Rep, "rep").handler(Raw::echo).await.unwrap();
    let pull = bind(Kind::Pull, "pull").handler(Raw::hear).await.unwrap();
    let sub = bind(Kind::Sub, "sub").handler(Raw::hear).await.unwrap();
    client.connect_as(rep, "rep").await.unwrap();
    client.connect_as(pull, "pull").await.unwrap();
    client.connect_as(sub, "sub").ready(READY).await.unwrap();
    for body in [&b""[..], b"\x80\x00\xff", &[7; 70_000]] {
        let body = bytes::Bytes::copy_from_slice(body);
        let answer = client.context().request::<bytes::Bytes>("rep", body.clone());
        assert_eq!(within(answer).await.unwrap(), body);
        for alias in ["pull", "sub"] {
            client.send(alias, body.clone()).await.unwrap();
            assert_eq!(within(hears.recv()).await.unwrap(), body);
        }
    }
}

/// Sends when it has slept, and fails when it is told to.
struct Sender;

#[agent]
impl Sender {
    #[method]
    fn send_later(&mut self, cx: &Context<Self>) -> Result {
        cx.after(Duration::ZERO, async |_: &mut Self, cx: &Context<Self>| {
            // Not synchronisation: work that takes its time.
            tokio::time::sleep(LATER).await;
            cx.send("out", "late".to_owned()).await
        })?;
        Ok(())
    }

    #[method]
    fn fail_later(&mut self, cx: &Context<Self>) -> Result {
        cx.after(Duration::ZERO, async |_: &mut Self| {
            // Not synchronisation: work that takes its time.
            tokio::time::sleep(LATER).await;
            Err::<(), _>("as it should")
        })?;
        Ok(())
    }
}

#[tokio::test]
async fn tmr15_a_timer_that_fails_while_all_are_shut_down_does_not_hold_up_the_end() {
    let ns = run_nameserver().await.unwrap();
    let sender = run_agent("sender", Sender).await.unwrap();
    sender.fail_later().await.unwrap();
    // It is at work once nobody gets through.
    let hurried = sender.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    let report = within(ns.shutdown_report(GRACE)).await;
    assert_eq!(report, gleis_agent::ShutdownReport::default());
    assert_eq!(sender.state(), AgentState::Gone);
}

#[tokio::test]
async fn tmr16_who_sends_to_somebody_who_was_killed_meanwhile_does_not_hold_up_the_end() {
    let ns = run_nameserver().await.unwrap();
    let sender = run_agent("sender", Sender).await.unwrap();
    let (listener, mut hears) = Listener::new();
    let receiver = run_agent("receiver", listener).await.unwrap();
    let addr = receiver.bind(Kind::Pull, "in").handler(Listener::hear).await.unwrap();
    sender.connect_as(addr, "out").ready(READY).await.unwrap();
    sender.send("out", "first".to_owned()).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), "first");
    sender.send_later().await.unwrap();
    let hurried = sender.within(Duration::from_millis(10));
    while hurried.with(|_, _| ()).await.is_ok() {}
    within(receiver.kill()).await;
    // It blocks in its send by now, or will.
    let report = within(ns.shutdown_report(Duration::from_secs(2))).await;
    assert!(report.stayed.is_empty(), "{report:?}");
    assert_eq!(sender.state(), AgentState::Gone);
}

#[tokio::test(start_paused = true)]
async fn tmr01_tmr03_starting_a_timer_waits_for_nothing_that_it_does() {
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    let begun = Instant::now();
    let n_done = Arc::new(AtomicU32::new(0));
    let done = n_done.clone();
    let slow = move |_: &mut Counter| {
        let done = done.clone();
        async move {
            // Not synchronisation: work that takes its time.
            tokio::time::sleep(SECOND).await;
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    counter.each(Duration::ZERO, slow).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(n_done.load(Ordering::Relaxed), 0);
    // Not synchronisation: the clock is paused and moves when nobody has anything to do.
    tokio::time::sleep(SECOND * 5 / 2).await;
    assert_eq!(n_done.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn tmr12_a_timer_stops_itself_and_starts_others() {
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    let plan = counter.context().timer(async |it: &mut Counter, cx: &Context<Counter>| {
        it.n += 1;
        if it.n == 3 {
            assert!(cx.stop_timer("count"));
            cx.after(SECOND, |it: &mut Counter| it.n += 100)?;
            cx.after(SECOND * 2, |it: &mut Counter| it.n += 1_000)?;
        }
        Ok::<_, gleis_agent::TimerError>(())
    });
    plan.alias("count").each(SECOND).unwrap();
    for expect in [2, 3, 103, 1_103, 1_103] {
        // Not synchronisation: the clock is paused and moves when nobody has anything to do.
        tokio::time::sleep(SECOND * if expect == 2 { 3 } else { 2 } / 2).await;
        assert_eq!(counter.with(|it, _| it.n).await.unwrap(), expect);
    }
}
