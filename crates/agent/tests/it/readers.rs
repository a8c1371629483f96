//! What a node keeps, read from elsewhere: its log, and its dead letters.

use std::time::Duration;

use gleis_agent::{
    AgentRef, Context, LogLevel, NameServerHandle, NodeProxy, agent, run_agent, run_logger,
    run_nameserver,
};
use gleis_core::Name;
use gleis_test::wait::within;

const GRACE: Duration = Duration::from_secs(10);

/// Says what it is told to, and a last word.
struct Talker;

#[agent]
impl Talker {
    async fn on_stop(&mut self, cx: &Context<Self>) {
        cx.log_info("farewell");
    }

    #[method]
    fn say(&mut self, cx: &Context<Self>, level: LogLevel, text: String) {
        cx.log(level, text);
    }
}

async fn talker(name: &str) -> AgentRef<Talker> {
    run_agent(name, Talker).await.unwrap()
}

async fn node(ns: &NameServerHandle) -> NodeProxy {
    let mut nodes = within(ns.nodes()).await.unwrap();
    // All agents of a program are of one node.
    assert_eq!(nodes.len(), 1);
    nodes.remove(0)
}

fn texts<T: ToString>(page: &[T]) -> Vec<String> {
    page.iter().map(|it| it.to_string()).collect()
}

#[tokio::test]
async fn a_log_is_read_by_many_and_followed_to_the_last_word() {
    let ns = run_nameserver().await.unwrap();
    assert!(within(ns.nodes()).await.unwrap().is_empty());
    let (al, bo) = (talker("Al").await, talker("Bo").await);
    al.context().log_debug("one");
    bo.context().log_error("two");
    let node = node(&ns).await;
    let log = |it: Vec<gleis_agent::LogLine>| it.into_iter().map(|it| it.text).collect::<Vec<_>>();
    let mut all = node.log();
    assert_eq!(log(within(all.read()).await.unwrap()), ["one", "two"]);
    assert!(within(all.read()).await.unwrap().is_empty());
    let mut grave = node.log().least(LogLevel::Warning);
    assert_eq!(log(within(grave.wait()).await.unwrap().unwrap()), ["two"]);
    let mut als = node.log().of(Name::new("Al").unwrap());
    assert_eq!(log(within(als.read()).await.unwrap()), ["one"]);

    // Nothing is lost with one who does not wait to the end.
    {
        let mut waits = Box::pin(als.wait());
        assert!(futures::poll!(&mut waits).is_pending());
    }
    let waits = tokio::spawn(async move { (als.wait().await.unwrap(), als) });
    bo.context().log_info("three");
    al.context().log_warning("four");
    let (page, mut als) = within(waits).await.unwrap();
    assert_eq!(log(page.unwrap()), ["four"]);

    let rest = tokio::spawn(async move {
        let mut rest = Vec::new();
        while let Some(page) = als.wait().await.unwrap() {
            rest.extend(log(page));
        }
        rest
    });
    within(ns.shutdown(GRACE)).await.unwrap();
    assert_eq!(within(rest).await.unwrap(), ["farewell"]);
}

#[tokio::test]
async fn reading_leaves_the_logger_as_it_is() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let al = talker("Al").await;
    let mut log = node(&ns).await.log();
    al.context().log_info("before");
    assert_eq!(within(log.read()).await.unwrap().len(), 1);
    al.context().set_logger(logger.addr("logs").await.unwrap(), GRACE).await.unwrap();
    al.context().log_info("after");
    assert_eq!(within(log.read()).await.unwrap().len(), 1);
    // Both have all of it.
    while within(logger.with(|it, _| format!("{it:?}"))).await.unwrap()
        != "Logger { n_lines: 2, .. }"
    {}
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn a_log_is_bounded_and_tells_how_much_was_missed() {
    let ns = run_nameserver().await.unwrap();
    let al = talker("Al").await;
    let mut log = node(&ns).await.log();
    al.context().log_info("x".repeat(1 << 20));
    let page = within(log.read()).await.unwrap();
    assert_eq!(page[0].text.len(), (16 << 10) + 3);
    for n in 0..10_010 {
        al.context().log_debug(n.to_string());
    }
    let mut read = Vec::new();
    loop {
        let page = within(log.read()).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!((read.len(), log.missed()), (10_000, 10));
    assert_eq!(read[0].text, "10");
    within(ns.shutdown(GRACE)).await.unwrap();
}

#[tokio::test]
async fn dead_letters_are_read_from_elsewhere_even_after_their_agent_has_gone() {
    let ns = run_nameserver().await.unwrap();
    let (al, bo) = (talker("Al").await, talker("Bo").await);
    let node = node(&ns).await;
    let mut letters = node.dead_letters();
    within(al.stop()).await.unwrap();
    al.tell("say", (LogLevel::Info, "hello")).await.unwrap();
    let page = within(letters.wait()).await.unwrap().unwrap();
    assert_eq!(texts(&page), ["say for `Al`: the agent has stopped"]);
    within(al.shutdown()).await.unwrap();
    let short = node.within(Duration::from_millis(300));
    let mut bos = short.dead_letters().of(Name::new("Bo").unwrap());
    assert!(within(bos.read()).await.unwrap().is_empty());
    assert_eq!(within(node.dead_letters().read()).await.unwrap().len(), 1);
    drop(bo);
    within(ns.shutdown(GRACE)).await.unwrap();
    assert!(within(bos.read()).await.is_err(), "nobody is there");
}

#[tokio::test]
async fn too_many_readers_are_refused_and_the_others_served() {
    let ns = run_nameserver().await.unwrap();
    let al = talker("Al").await;
    let node = node(&ns).await;
    let mut first = node.log();
    let mut waits = Vec::new();
    for _ in 0..100 {
        let mut log = node.log();
        waits.push(tokio::spawn(
            async move { log.wait().await.map(|it| it.unwrap_or_default().len()) },
        ));
    }
    // One of them, or this one, comes too late.
    while within(first.read()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = within(first.read()).await.unwrap_err().to_string();
    assert!(error.contains("no more than 100 may read"), "{error}");
    assert!(within(al.call::<()>("say", (LogLevel::Info, "now"))).await.is_ok());
    for wait in waits {
        assert_eq!(within(wait).await.unwrap().unwrap(), 1);
    }
    assert_eq!(within(first.read()).await.unwrap().len(), 1);
    within(ns.shutdown(GRACE)).await.unwrap();
}
