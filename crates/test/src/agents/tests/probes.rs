//! What probes hear, and what they say when they do not.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use gleis_agent::{AgentRef, Context, Kind, Node, Result, agent};
use serde::{Deserialize, Serialize};

use super::SECOND;
use crate::agents::Probe;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Job {
    id: u32,
}

/// Has sockets of its own.
struct Worker;

#[agent]
impl Worker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "jobs").at("inproc://jobs-of-probes").await?;
        cx.bind(Kind::Pub, "feed").at("inproc://feed-of-probes").await?;
        Ok(())
    }
}

async fn worker(node: &Node) -> AgentRef<Worker> {
    node.run_agent("worker", Worker).await.unwrap()
}

/// What an expectation says that is not met.
async fn failure(work: impl Future<Output = ()>) -> String {
    use futures::FutureExt;
    let failed = AssertUnwindSafe(work).catch_unwind().await;
    *failed.unwrap_err().downcast::<String>().unwrap()
}

#[tokio::test]
async fn a_probe_hears_what_is_pushed_published_asked_and_called() {
    let node = Node::local();
    let worker = worker(&node).await;
    let mut probe = Probe::run(&node, "probe").await.unwrap();
    probe.connect::<Job>(worker.addr("jobs").await.unwrap(), "jobs").await.unwrap();
    probe.connect::<String>(worker.addr("feed").await.unwrap(), "feed").await.unwrap();
    let double = probe.answer(Kind::Rep, "double", |n: &u32| n * 2).await.unwrap();
    probe.method("note", |text: &String| text.len()).unwrap();

    worker.send("jobs", Job { id: 1 }).await.unwrap();
    probe.expect(Job { id: 1 }, SECOND).await;
    // A subscription takes a moment to get there.
    let feeding = async {
        loop {
            worker.publish("feed", "eu.de", "cold".to_owned()).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        text = probe.fish(|it: &String| it == "cold", SECOND) => assert_eq!(text, "cold"),
        () = feeding => (),
    }
    worker.context().connect_as(double, "double").await.unwrap();
    let answer: u32 = worker.context().request("double", 21_u32).await.unwrap();
    assert_eq!(answer, 42);
    assert_eq!(probe.fish(|_: &u32| true, SECOND).await, 21);
    assert_eq!(probe.agent().call::<usize>("note", ("four",)).await.unwrap(), 4);
    assert_eq!(probe.expect_type::<String>(SECOND).await, "four");
    probe.expect_none(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_is_not_met_says_what_came_instead() {
    let node = Node::local();
    let mut probe = Probe::run(&node, "probe").await.unwrap();
    probe.method("take", |_: &Job| ()).unwrap();
    let agent = probe.agent().clone();
    let take = async |id| agent.call::<()>("take", (Job { id },)).await.unwrap();

    let text = failure(probe.expect(Job { id: 7 }, 60 * SECOND)).await;
    assert!(text.contains("expected Job { id: 7 }\n  came: nothing within 60s"), "{text}");
    assert!(text.ends_with("of all: nothing has come at all"), "{text}");
    assert!(text.starts_with("probe `probe` at crates/test/src/agents/tests/probes.rs:"), "{text}");

    take(1).await;
    take(2).await;
    take(3).await;
    probe.expect_that(|it: &Job| it.id < 2, SECOND).await;
    let text = failure(probe.expect(Job { id: 7 }, SECOND)).await;
    let parts = [
        "came: 60.000s `take`: Job { id: 2 }",
        "of all: 2 came, and 1 wait:\n  - 60.000s `take`: Job { id: 1 }",
        "\n  + 60.000s `take`: Job { id: 3 }",
    ];
    for part in parts {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let text = failure(probe.expect_none(SECOND)).await;
    assert!(
        text.contains("expected nothing for 1s\n  came: 60.000s `take`: Job { id: 3 }"),
        "{text}"
    );
    take(4).await;
    let text = failure(async { drop(probe.expect_type::<String>(SECOND).await) }).await;
    assert!(text.contains("expected a message of type alloc::string::String\n"), "{text}");
    take(5).await;
    let text = failure(async { _ = probe.fish(|it: &Job| it.id == 7, SECOND).await }).await;
    assert!(
        text.contains("sooner or later\n  came: none came within 1s\nof all: 5 came"),
        "{text}"
    );
}
