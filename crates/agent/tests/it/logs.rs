//! Logs: from the first line, by level, in a file.

use std::time::Duration;

use gleis_agent::{
    AgentRef, Kind, LogLevel, Logger, LoggerCalls, LoggerError, run_agent, run_logger,
    run_nameserver,
};
use gleis_test::wait::within;

use crate::support::{Counter, CounterCalls};

const PATIENCE: Duration = Duration::from_secs(20);

async fn until(logger: &AgentRef<Logger>, count: usize) -> Vec<gleis_agent::LogLine> {
    within(async { while logger.count().await.unwrap() < count {} }).await;
    logger.history().await.unwrap()
}

#[tokio::test]
async fn agt22_agt35_log01_lines_of_all_levels_reach_the_logger_from_the_first_one() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    let cx = bob.context();
    cx.log_debug("d");
    cx.log_info("i");
    cx.set_logger(logger.addr("logs").await.unwrap(), PATIENCE).await.unwrap();
    cx.log_warning("w");
    cx.log_error(42.to_string());
    let lines = until(&logger, 4).await;
    let seen: Vec<_> = lines.iter().map(|it| (it.level, it.text.as_str())).collect();
    let (debug, info) = (LogLevel::Debug, LogLevel::Info);
    let expect = [(debug, "d"), (info, "i"), (LogLevel::Warning, "w"), (LogLevel::Error, "42")];
    assert_eq!(seen, expect);
    assert!(lines.iter().all(|it| it.agent == "Bob" && 0.0 < it.time));
    assert!(lines[0].to_string().ends_with(" DEBUG (Bob): d"));
    let found = logger.find(Some("Bob".to_owned()), Some(info)).await.unwrap();
    assert_eq!(found, [lines[1].clone()]);
    // From another process it is asked the same.
    let proxy = ns.proxy("logger").await.unwrap();
    assert_eq!(proxy.call::<usize>("count", ()).await.unwrap(), 4);
    within(ns.shutdown(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn agt23_what_is_no_logger_is_refused() {
    let ns = run_nameserver().await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    let push = bob.bind(Kind::Push, "out").await.unwrap();
    let error = bob.context().set_logger(push, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LoggerError::Kind { kind: Kind::Push }), "{error}");
    let gone = gleis_agent::Addr::new("tcp://127.0.0.1:1".parse().unwrap(), Kind::Sub);
    let error = bob.context().set_logger(gone, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, LoggerError::Late { .. }), "{error}");
    // It may have one later.
    bob.context().log_info("kept");
    let logger = run_logger("logger").await.unwrap();
    bob.context().set_logger(logger.addr("logs").await.unwrap(), PATIENCE).await.unwrap();
    assert_eq!(until(&logger, 1).await[0].text, "kept");
    within(ns.shutdown(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn a_logger_takes_what_is_grave_enough_and_writes_it_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let ns = run_nameserver().await.unwrap();
    let run = run_logger("logger").least(LogLevel::Warning).file(&path, 1 << 20, 2);
    let logger = run.await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    bob.context().set_logger(logger.addr("logs").await.unwrap(), PATIENCE).await.unwrap();
    bob.context().log_info("not grave");
    bob.context().log_error("grave");
    assert_eq!(until(&logger, 1).await[0].text, "grave");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.ends_with(" ERROR (Bob): grave\n") && written.lines().count() == 1);
    within(ns.shutdown(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn lines_are_kept_for_the_next_logger_when_all_sockets_were_closed() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let addr = logger.addr("logs").await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    let cx = bob.context();
    cx.set_logger(addr.clone(), PATIENCE).await.unwrap();
    cx.log_info("before");
    until(&logger, 1).await;
    cx.close_all().await;
    cx.log_info("between");
    cx.log_info("still");
    cx.set_logger(addr, PATIENCE).await.unwrap();
    cx.log_info("after");
    let lines = until(&logger, 4).await;
    let texts: Vec<_> = lines.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["before", "between", "still", "after"]);
    within(ns.shutdown(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn agt36_a_fault_is_logged_as_an_error_and_the_agent_has_stopped() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    bob.context().set_logger(logger.addr("logs").await.unwrap(), PATIENCE).await.unwrap();
    bob.each(PATIENCE, |_: &mut Counter| Err::<(), _>("the timer broke")).await.unwrap();
    let lines = until(&logger, 1).await;
    assert_eq!(
        (lines[0].level, lines[0].text.as_str()),
        (LogLevel::Error, "the agent has stopped after a fault: the timer broke")
    );
    assert!(!bob.is_running());
    let error = within(bob.total()).await.unwrap_err();
    assert!(error.to_string().contains("the timer broke"), "{error}");
    assert_eq!(logger.find(Some("Bob".to_owned()), Some(LogLevel::Error)).await.unwrap(), lines);
    within(ns.shutdown(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_warning_that_says_why() {
    let ns = run_nameserver().await.unwrap();
    let logger = run_logger("logger").await.unwrap();
    let bob = run_agent("Bob", Counter::default()).await.unwrap();
    bob.context().set_logger(logger.addr("logs").await.unwrap(), PATIENCE).await.unwrap();
    let json = gleis_agent::AnyCodec::Json;
    let typed = bob.bind(Kind::Pull, "typed").codec(json.clone());
    let typed = typed.handler(|it: &mut Counter, n: u64| it.n += n).await.unwrap();
    let named = bob.bind(Kind::Pull, "named").codec(json).method("add").await.unwrap();
    let alice = run_agent("Alice", Counter::default()).await.unwrap();
    for (n, to) in [typed, named].into_iter().enumerate() {
        let alias = n.to_string();
        alice.connect_as(to, &alias).await.unwrap();
        alice.send(&alias, "no number".to_owned()).await.unwrap();
    }
    let lines = until(&logger, 2).await;
    for (line, alias) in lines.iter().zip(["typed", "named"]) {
        assert_eq!(line.level, LogLevel::Warning);
        let begin = format!("a message from `{alias}` was dropped: ");
        assert!(line.text.starts_with(&begin), "{line}");
        assert!(line.text.contains("expected u64"), "{line}");
    }
    assert!(bob.is_running());
    within(ns.shutdown(PATIENCE)).await.unwrap();
}
