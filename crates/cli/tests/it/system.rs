//! `gleis run`, `gleis graph` and `gleis top`

use std::process::Stdio;

use gleis_test::wait::within;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::{Running, gleis};

/// The demonstration, and where its name server is.
async fn system() -> (Running, String) {
    let mut system = Running::new(&["run"]);
    let at = system.field("endpoint").await;
    (system, at)
}

#[tokio::test]
async fn a_system_is_run_and_drawn() {
    let (system, at) = system().await;
    let seen = crate::json(&["graph", "--ns", &at, "--over", "0.5"]).await;
    let names: Vec<_> =
        seen[0]["agents"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["sink", "source", "worker-1", "worker-2", "worker-3"]);
    let links = seen[0]["links"].as_array().unwrap();
    assert_eq!(links.len(), 6);
    let from_source: Vec<_> = links.iter().filter(|it| it["from"]["agent"] == "source").collect();
    assert_eq!(from_source.len(), 3);
    assert!(0.0 < from_source[0]["rate"].as_f64().unwrap(), "{seen:?}");

    for (format, says) in [
        ("text", "source: running\n  > worker-1  jobs PUSH\n"),
        ("dot", "\"source\" -> \"worker-1\" [label=\"jobs PUSH\"];"),
        ("mermaid", "a1 -->|\"jobs PUSH\"| a2"),
    ] {
        let (exit, out, err) =
            gleis(&["graph", "--ns", &at, "--over", "0", "--format", format]).await;
        assert_eq!((exit, &err[..]), (0, ""));
        assert!(out.contains(says), "{out}");
    }
    let (exit, out, _) = gleis(&["call", "--ns", &at, "worker-1", "square", "12"]).await;
    assert_eq!((exit, &out[..]), (0, "144\n"));
    assert_eq!(system.interrupt().await, 0);
    let (exit, _, err) = gleis(&["graph", "--ns", &at, "--timeout", "0.3"]).await;
    assert_eq!(exit, 3);
    assert!(err.contains("try: gleis ns run"), "{err}");
}

#[tokio::test]
async fn top_prints_once_or_a_line_for_each_look() {
    let (system, at) = system().await;
    let (exit, out, err) = gleis(&["top", "--ns", &at, "--once"]).await;
    assert_eq!((exit, &err[..]), (0, ""));
    assert!(out.starts_with("5 agents, 6 connections, "), "{out}");
    assert!(out.contains("\nAGENT     STATE    SOCKET"), "{out}");
    assert!(out.contains("\nsource    running  jobs      PUSH      3"), "{out}");
    let once = crate::json(&["top", "--ns", &at, "--once"]).await;
    assert_eq!(once.len(), 1);
    assert_eq!(once[0]["agents"][1]["sockets"][0]["alias"], "jobs");
    let mut live = Running::new(&["top", "--ns", &at, "--every", "0.1"]);
    let count = |it: &Value| it["agents"][1]["sockets"][0]["sent"]["passed"].as_u64().unwrap();
    let first = count(&live.next().await);
    while count(&live.next().await) == first {}
    assert_eq!(live.interrupt().await, 0);

    let (exit, _, err) = gleis(&["top", "--ns", &at]).await;
    assert_eq!(exit, 2);
    assert!(err.contains("try: gleis top --once"), "{err}");
    let (exit, _, err) = gleis(&["top", "--ns", &at, "--every", "0"]).await;
    assert_eq!(exit, 2);
    assert!(err.contains("0.1 at least"), "{err}");
    assert_eq!(system.interrupt().await, 0);
}

#[tokio::test]
async fn top_keeps_a_table_on_a_terminal_until_q() {
    let (system, at) = system().await;
    let program = format!("stty cols 100 rows 12; {} top --ns {at}", env!("CARGO_BIN_EXE_gleis"));
    let mut command = Command::new("script");
    command.args(["-qec", &program, "/dev/null"]).env("TERM", "xterm-256color");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut top = command.spawn().unwrap();
    let (mut keys, mut screen) = (top.stdin.take().unwrap(), top.stdout.take().unwrap());
    let mut shown = String::new();
    let mut more = [0; 4096];
    while !shown.contains("worker-3") {
        let n = within(screen.read(&mut more)).await.unwrap();
        assert_ne!(n, 0, "{shown}");
        shown += &String::from_utf8_lossy(&more[..n]);
    }
    keys.write_all(b"q").await.unwrap();
    within(screen.read_to_string(&mut shown)).await.unwrap();
    assert!(within(top.wait()).await.unwrap().success());
    // It has its own screen, and gives the old one back.
    let (enters, leaves) = (shown.find("\x1b[?1049h"), shown.rfind("\x1b[?1049l"));
    assert!(enters.is_some() && enters < leaves, "{shown:?}");
    assert_eq!(system.interrupt().await, 0);
}

#[tokio::test]
async fn a_name_server_without_agents_is_an_empty_system() {
    let mut ns = Running::new(&["ns", "run"]);
    let at = ns.field("endpoint").await;
    let (exit, out, _) = gleis(&["graph", "--ns", &at]).await;
    assert_eq!((exit, &out[..]), (0, "there is no agent\n"));
    let seen = crate::json(&["top", "--ns", &at, "--once"]).await;
    assert_eq!(seen, [json!({"agents": [], "links": []})]);
    assert_eq!(ns.interrupt().await, 0);
}
