//! `gleis logs` and `gleis dead-letters`

use std::time::Duration;

use gleis_agent::{
    AgentRef, Context, LogLevel, LoggerCalls, agent, run_agent, run_logger, run_nameserver,
};
use gleis_test::wait::within;
use serde_json::{Value, json};

use crate::{Running, gleis};

struct Talker;

#[agent]
impl Talker {
    #[method]
    fn say(&mut self, cx: &Context<Self>, text: String) {
        cx.log_info(text);
    }
}

async fn talker(name: &str, at: &str) -> AgentRef<Talker> {
    run_agent(name, Talker).nameserver(at).await.unwrap()
}

/// Without its time, which nobody knows before.
fn timeless(line: &Value) -> Value {
    assert!(0.0 < line["time"].as_f64().unwrap());
    json!([line["agent"], line["level"], line["text"]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_are_printed_of_all_or_of_one_and_as_grave_as_is_wanted() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let (al, bo) = (talker("Al", &at).await, talker("Bo", &at).await);
    assert!(crate::json(&["logs", "--ns", &at]).await.is_empty());
    al.context().log_info("one");
    bo.context().log(LogLevel::Error, "two\x1b[2J");
    let all = crate::json(&["logs", "--ns", &at]).await;
    let all: Vec<_> = all.iter().map(timeless).collect();
    assert_eq!(all, [json!(["Al", "INFO", "one"]), json!(["Bo", "ERROR", "two\x1b[2J"])]);
    let als = crate::json(&["logs", "Al", "--ns", &at]).await;
    assert_eq!(als.iter().map(timeless).collect::<Vec<_>>(), [json!(["Al", "INFO", "one"])]);
    let grave = crate::json(&["logs", "--level", "warning", "--ns", &at]).await;
    assert_eq!((grave.len(), &grave[0]["agent"]), (1, &json!("Bo")));

    let (exit, out, err) = gleis(&["logs", "--ns", &at]).await;
    assert_eq!((exit, &err[..]), (0, ""));
    // Nobody's terminal gets orders, and no colours but a terminal.
    assert!(
        out.contains(" INFO    Al: one\n") && out.ends_with(" ERROR   Bo: two\\u{1b}[2J\n"),
        "{out:?}"
    );
    for (args, exit, says) in [
        (&["logs", "Cy"][..], 3, "try: gleis agent list"),
        (&["logs", "--level", "loud"], 2, "no level of a log: `loud`"),
        (&["logs", ""], 2, "try: gleis agent list"),
    ] {
        let (code, out, err) = gleis(&[args, &["--ns", &at[..]]].concat()).await;
        assert_eq!((code, &out[..]), (exit, ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
    // One of them has said nothing, and is there.
    let _cy = talker("Cy", &at).await;
    assert!(crate::json(&["logs", "Cy", "--ns", &at]).await.is_empty());
    drop(ns);
    let (exit, _, err) = gleis(&["logs", "--ns", &at, "--timeout", "0.3"]).await;
    assert_eq!(exit, 3);
    assert!(err.contains("try: gleis ns run"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_are_followed_and_loggers_stay_however_that_ends() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let logger = run_logger("logger").await.unwrap();
    let al = talker("Al", &at).await;
    al.context()
        .set_logger(logger.addr("logs").await.unwrap(), Duration::from_secs(5))
        .await
        .unwrap();
    al.context().log_info("before");
    let follow = || Running::new(&["logs", "-f", "--ns", &at]);
    let (mut ends, mut dies) = (follow(), follow());
    for it in [&mut ends, &mut dies] {
        assert_eq!(timeless(&it.next().await), json!(["Al", "INFO", "before"]));
    }
    al.context().log_info("while");
    for it in [&mut ends, &mut dies] {
        assert_eq!(timeless(&it.next().await), json!(["Al", "INFO", "while"]));
    }
    // Nobody has a word with one that is killed.
    dies.kill().await;
    // Another node comes.
    let mut other = Running::new(&["run"]);
    let _ = other.next().await;
    let node = gleis_agent::Node::connect(&at[..]).await.unwrap();
    let late = node.run_agent("late", Talker).await.unwrap();
    late.context().log_info("from elsewhere");
    assert_eq!(timeless(&ends.next().await), json!(["late", "INFO", "from elsewhere"]));
    assert_eq!(ends.interrupt().await, 0);
    assert_eq!(other.interrupt().await, 0);
    al.context().log_info("after");
    while within(logger.count()).await.unwrap() < 3 {}
    let all = within(logger.history()).await.unwrap();
    assert_eq!(all.iter().map(|it| &it.text[..]).collect::<Vec<_>>(), ["before", "while", "after"]);
    // The end of all is no silence.
    let mut last = follow();
    last.next().await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
    drop(node);
    assert_eq!(last.ended().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_printed_and_followed() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let (al, _bo) = (talker("Al", &at).await, talker("Bo", &at).await);
    assert!(crate::json(&["dead-letters", "--ns", &at]).await.is_empty());
    let mut follow = Running::new(&["dead-letters", "Al", "--follow", "--ns", &at]);
    within(al.stop()).await.unwrap();
    al.tell("say", ("hello",)).await.unwrap();
    let letter = json!({"agent": "Al", "what": "say", "reason": "the agent has stopped"});
    assert_eq!(follow.next().await, letter);
    assert_eq!(crate::json(&["dead-letters", "--ns", &at]).await, [letter]);
    assert!(crate::json(&["dead-letters", "Bo", "--ns", &at]).await.is_empty());
    let (exit, out, _) = gleis(&["dead-letters", "--ns", &at]).await;
    assert_eq!((exit, &out[..]), (0, "say for `Al`: the agent has stopped\n"));
    let (exit, _, err) = gleis(&["dead-letters", "Cy", "--ns", &at]).await;
    assert_eq!(exit, 3, "{err}");
    assert_eq!(follow.interrupt().await, 0);
}
