//! Methods that are scripts, from elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gleis_agent::{
    AgentRef, AnyCodec, CallError, Context, Kind, Limits, LoggerCalls, NameServerHandle, Proxy,
    Result, RunAgent, Scripts, agent, run_agent, run_logger, run_nameserver,
};
use gleis_core::Value;
use gleis_test::wait::within;

const LONG: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Bob {
    count: u32,
}

#[agent(attributes(count))]
impl Bob {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "out").codec(AnyCodec::Json).await?;
        cx.bind(Kind::Push, "secret").codec(AnyCodec::Json).await?;
        Ok(())
    }

    #[method]
    fn own(&mut self) -> u32 {
        7
    }
}

/// An agent that takes scripts, as others see it.
async fn bob(
    setup: impl FnOnce(RunAgent<Bob>) -> RunAgent<Bob>,
) -> (NameServerHandle, AgentRef<Bob>, Proxy) {
    let ns = run_nameserver().await.unwrap();
    let bob = run_agent("bob", Bob::default()).nameserver(ns.endpoint().clone());
    let bob = setup(bob).await.unwrap();
    let proxy = ns.proxy("bob").await.unwrap();
    (ns, bob, proxy)
}

fn all() -> Scripts {
    Scripts::new().attributes().log().sockets(["out"])
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(done: Result<T, CallError>, says: &str) {
    match done {
        Err(CallError::Refused { reason, .. }) => assert!(reason.contains(says), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_failed<T: std::fmt::Debug>(done: Result<T, CallError>, says: &str) {
    match done {
        Err(CallError::Failed { fault, .. }) => assert!(fault.text().contains(says), "{fault}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_script_is_a_method_that_is_listed_replaced_and_removed() {
    let (_ns, _bob, proxy) = bob(|it| it.scripts(Scripts::new())).await;
    let scripts = proxy.scripts();
    let first = scripts.set("square", "|n| n * n").await.unwrap();
    assert_eq!(proxy.call::<i64>("square", (12,)).await.unwrap(), 144);
    let second = scripts.set("square", "|n, more| n * n + more").await.unwrap();
    assert!(first < second);
    assert_eq!(proxy.call::<i64>("square", (12, 1)).await.unwrap(), 145);
    let wrong = proxy.call::<i64>("square", (12,)).await;
    assert!(matches!(wrong, Err(CallError::Arguments { .. })), "{wrong:?}");
    let list = scripts.list().await.unwrap();
    let [info] = &list[..] else { panic!("{list:?}") };
    assert_eq!((&info.name[..], &info.parameters[..], info.version), ("square", "n, more", second));
    assert_eq!(scripts.source("square").await.unwrap().source(), "|n, more| n * n + more");
    let methods = proxy.methods().await.unwrap();
    assert!(methods.iter().any(|it| it.parameters.as_deref() == Some("n, more")), "{methods:?}");
    assert!(scripts.remove("square").await.unwrap());
    assert!(!scripts.remove("square").await.unwrap());
    assert!(matches!(
        proxy.call::<i64>("square", (12,)).await,
        Err(CallError::UnknownMethod { .. })
    ));
}

#[tokio::test]
async fn nobody_defines_scripts_without_permission() {
    let (_ns, agent, proxy) = bob(|it| it).await;
    assert_refused(proxy.scripts().set("f", "|| 1").await, "takes no scripts");
    assert_refused(proxy.scripts().remove("f").await, "takes no scripts");
    assert_eq!(
        agent.context().set_script("f", "|| 1").unwrap_err().to_string(),
        "the agent takes no scripts"
    );

    let (_ns, agent, proxy) = bob(|it| {
        it.scripts(all().key("open sesame")).function("function", |_: &mut Bob, (): ()| 9)
    })
    .await;
    let wrong = proxy.scripts().key("open");
    for scripts in [proxy.scripts(), wrong] {
        assert_refused(scripts.set("f", "|| 1").await, "who have the key");
        assert_refused(scripts.remove("f").await, "who have the key");
    }
    let bound = proxy.bind(Kind::Rep, "rep").codec("json").script("|n| n").await;
    assert_refused(bound, "who have the key");
    proxy.scripts().key("open sesame").set("f", "|| 1").await.unwrap();
    let bound = proxy.bind(Kind::Rep, "rep").codec("json").script("|n| n");
    bound.script_key("open sesame").await.unwrap();
    // A function of the agent is no way around it.
    assert_refused(proxy.set_method("f", "function").await, "who have the key");
    assert_eq!(proxy.call::<i64>("f", ()).await.unwrap(), 1);
    // The agent itself needs none.
    agent.context().set_script("g", "|| 2").unwrap();
    assert_eq!(proxy.call::<i64>("g", ()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_script_reads_and_writes_attributes_all_or_none() {
    let (_ns, agent, proxy) = bob(|it| it.scripts(all()).attribute("free", "old")).await;
    let scripts = proxy.scripts();
    let source = r#"|n| { set("count", get("count") + n); set("free", "new"); get("count") }"#;
    scripts.set("add", source).await.unwrap();
    assert_eq!(proxy.call::<i64>("add", (3,)).await.unwrap(), 3);
    assert_eq!(proxy.call::<i64>("add", (4,)).await.unwrap(), 7);
    assert_eq!(agent.with(|it, _| it.count).await.unwrap(), 7);
    assert_eq!(proxy.get_attr::<String>("free").await.unwrap(), "new");

    for (source, says) in [
        (r#"|| { set("count", 1); throw "no" }"#, "no"),
        (r#"|| { set("free", "x"); set("other", 1); set("count", "many") }"#, "count"),
        (r#"|| { set("count", 1); set("own", 1) }"#, "a method"),
        (r#"|| { set("count", 1); get("nothing") }"#, "no attribute `nothing`"),
        (r#"|| { set("count", 1); loop {} }"#, "exceeded its limit"),
    ] {
        scripts.set("bad", source).await.unwrap();
        assert_failed(proxy.call::<Value>("bad", ()).await, says);
        assert_eq!(agent.with(|it, _| it.count).await.unwrap(), 7, "{source}");
        assert_eq!(proxy.get_attr::<String>("free").await.unwrap(), "new");
    }
}

#[tokio::test]
async fn a_script_sends_on_the_sockets_that_are_granted_once_it_has_ended_well() {
    let (_ns, agent, proxy) = bob(|it| it.scripts(all())).await;
    let node = gleis_agent::Node::local();
    let listener = node.run_agent("listener", Bob::default()).await.unwrap();
    let out = agent.addr("out").await.unwrap();
    listener.connect_as(out, "in").ready(LONG).await.unwrap();
    let scripts = proxy.scripts();
    scripts.set("say", r#"|n| { send("out", #{n: n}); if n == 2 { throw "no" } }"#).await.unwrap();
    proxy.call::<Value>("say", (1,)).await.unwrap();
    assert_failed(proxy.call::<Value>("say", (2,)).await, "no");
    proxy.call::<Value>("say", (3,)).await.unwrap();
    for n in [1, 3] {
        let heard: BTreeMap<String, u32> = within(listener.context().recv("in")).await.unwrap();
        assert_eq!(heard, BTreeMap::from([("n".to_owned(), n)]));
    }
    scripts.set("tell", r#"|| send("secret", 1)"#).await.unwrap();
    assert_failed(proxy.call::<Value>("tell", ()).await, "the socket `secret` is not granted");
    scripts.set("flood", r#"|| { for n in 0..5000 { send("out", n) } }"#).await.unwrap();
    assert_failed(proxy.call::<Value>("flood", ()).await, "too much in one call");
}

#[tokio::test]
async fn scripts_handle_messages_and_are_what_timers_do() {
    let (_ns, agent, proxy) = bob(|it| it.scripts(all())).await;
    // The lambda of osBrain's programs.
    let rep =
        proxy.bind(Kind::Rep, "rep").codec("json").script(r#"|name| "hello " + to_upper(name)"#);
    let rep = rep.await.unwrap();
    let node = gleis_agent::Node::local();
    let alice = node.run_agent("alice", Bob::default()).await.unwrap();
    alice.connect_as(rep.clone(), "ask").await.unwrap();
    let answer: String = alice.context().request("ask", "Bob".to_owned()).await.unwrap();
    assert_eq!(answer, "hello BOB");
    // One that fails is an error to who asked, and the agent serves on.
    let failed = alice.context().request::<String>("ask", 7).await.unwrap_err();
    assert!(format!("{failed:?}").contains("function"), "{failed:?}");
    let answer: String = alice.context().request("ask", "Bob".to_owned()).await.unwrap();
    assert_eq!(answer, "hello BOB");

    // By name, whichever it is when the message comes.
    proxy.scripts().set("double", "|n| n * 2").await.unwrap();
    let by_name = proxy.bind(Kind::Rep, "by_name").codec("json").method("double").await.unwrap();
    alice.connect_as(by_name, "double").await.unwrap();
    assert_eq!(alice.context().request::<i64>("double", 21).await.unwrap(), 42);
    proxy.scripts().set("double", "|n| n * 20").await.unwrap();
    assert_eq!(alice.context().request::<i64>("double", 21).await.unwrap(), 420);

    let tick = r#"|| { set("count", get("count") + 1); if get("count") == 2 { throw "once" } }"#;
    proxy.scripts().set("tick", tick).await.unwrap();
    proxy.each(Duration::from_millis(1), "tick", ()).await.unwrap();
    // The failing one leaves the count as it was, and the timer goes on.
    let counted = async { while agent.with(|it, _| it.count).await.unwrap() != 1 {} };
    within(counted).await;
    proxy.scripts().set("tick", r#"|| set("count", get("count") + 10)"#).await.unwrap();
    let counted = async { while agent.with(|it, _| it.count).await.unwrap() < 30 {} };
    within(counted).await;
    // Nor does a timer whose script takes something else, or is gone, stop the agent.
    proxy.scripts().set("tick", "|n| n").await.unwrap();
    let ticked = agent.with(|it, _| it.count).await.unwrap();
    proxy.scripts().set("tock", r#"|| set("count", get("count") + 1)"#).await.unwrap();
    proxy.each(Duration::from_millis(1), "tock", ()).await.unwrap();
    let counted = async { while agent.with(|it, _| it.count).await.unwrap() < ticked + 30 {} };
    within(counted).await;
    assert!(proxy.is_running().await.unwrap());
}

#[tokio::test]
async fn scripts_that_mean_harm_are_bounded_and_the_agent_serves_on() {
    let limits = {
        let mut limits = Limits::default();
        limits.time = Duration::from_millis(50);
        limits
    };
    let (_ns, agent, proxy) = bob(|it| it.scripts(all().limits(limits))).await;
    let scripts = proxy.scripts();
    for (name, source) in [
        ("endless", "|| { loop {} }"),
        ("deep", "fn f(n) { f(n + 1) } || f(0)"),
        ("string", r#"|| { let s = "x"; loop { s += s } }"#),
        ("array", "|| { let a = [1]; loop { a += a } }"),
        ("map", r#"|| { let m = #{}; let n = 0; loop { m["k" + n] = n; n += 1 } }"#),
        ("slow growth", r#"|| { let a = []; loop { a.push("some text"); } }"#),
        ("attributes", r#"|| { let n = 0; loop { set("a" + n, "some text"); n += 1 } }"#),
        ("log", r#"|| { loop { log("some text") } }"#),
        ("not granted", r#"|| read_file("/etc/passwd")"#),
        ("print", r#"|| eval("1")"#),
        ("sleep", "|| sleep(10)"),
    ] {
        let start = Instant::now();
        match scripts.set("evil", source).await {
            Ok(_) => assert_failed(proxy.call::<Value>("evil", ()).await, ""),
            Err(error) => assert_refused(Err::<(), _>(error), ""),
        }
        assert!(start.elapsed() < LONG, "{name}");
        assert_eq!(proxy.call::<u32>("own", ()).await.unwrap(), 7, "{name}");
    }
    assert_eq!(agent.context().attrs(), ["count"]);
    for (source, says) in [
        ("|n| n +", "line 1"),
        ("1 + 1", "ends with a closure"),
        (r#"set("count", 9); || 1"#, "granted within the closure alone"),
        ("loop {} || 1", "exceeded its limit"),
    ] {
        assert_refused(scripts.set("bad", source).await, says);
    }
    assert_refused(scripts.set("long", "x".repeat(100_000).as_str()).await, "source text");
    assert_refused(scripts.set("own", "|| 1").await, "is a method of the agent's type");
    assert_eq!(agent.with(|it, _| it.count).await.unwrap(), 0);
    // With the evil one they are as many as may be.
    for n in 0..99 {
        scripts.set(&format!("f{n}"), "|| 1").await.unwrap();
    }
    assert_refused(scripts.set("one more", "|| 1").await, "no more than 100");
    scripts.set("f7", "|| 2").await.unwrap();
}

#[tokio::test]
async fn what_is_defined_and_refused_is_told_in_the_log() {
    let (_ns, agent, proxy) = bob(|it| it.scripts(all().key("k"))).await;
    let scripts = proxy.scripts().key("k");
    scripts.set("f", r#"|| { log("hello"); log("world") }"#).await.unwrap();
    proxy.call::<Value>("f", ()).await.unwrap();
    let _ = proxy.scripts().set("f", "|| 1").await;
    scripts.remove("f").await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    agent.context().set_logger(logger.addr("logs").await.unwrap(), LONG).await.unwrap();
    within(async { while logger.count().await.unwrap() < 5 {} }).await;
    let lines = logger.history().await.unwrap();
    let texts: Vec<_> = lines.iter().map(|it| &it.text[..]).collect();
    let expect = [
        "script `f`: version 1 defined",
        "hello",
        "world",
        "script `f`: refused: scripts are defined by those who have the key",
        "script `f`: removed",
    ];
    assert_eq!(texts, expect);
}
