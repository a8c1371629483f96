//! Every example does what it says, and ends.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::path::PathBuf;
use std::process::{Output, Stdio};

use gleis_test::wait::within;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Cargo builds the examples beside the tests when it tests the whole package.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let path: PathBuf = folder.join("examples").join(name);
    let advice = "build it first: cargo build --package gleis-examples --examples";
    assert!(path.exists(), "{} is not there; {advice}", path.display());
    let mut command = Command::new(path);
    command.kill_on_drop(true).env_remove("GLEIS_NAMESERVER");
    command
}

async fn check(name: &str, expect: &str) {
    let Output { status, stdout, stderr } = within(example(name).output()).await.unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(String::from_utf8_lossy(&stdout), expect, "{stderr}");
    assert_eq!(stderr, "");
    assert!(status.success(), "{status}");
}

const GREETINGS: &str = "Received: Hello, Bob!\nReceived: Hello, Bob!\nReceived: Hello, Bob!\n";

#[tokio::test]
async fn hello_prints_three_greetings_and_ends() {
    check("hello", GREETINGS).await;
}

const FEED: &str = "\
late: 1, 2
slow: 1
slow: 2
slow: 3
slow: 4
slow: missed 6, then 11
books: 11 = 5 delivered + 6 dropped
";

#[tokio::test]
async fn feed_prints_what_was_read_and_what_was_missed() {
    check("feed", FEED).await;
}

#[tokio::test]
async fn jobs_prints_the_job_and_ends() {
    check("jobs", "got Job { id: 1 }\n").await;
}

#[tokio::test]
async fn proxy_prints_the_sums_and_what_has_passed_and_ends() {
    check("proxy", "2 + 3 = 5\n4 + 5 = 9\n2 requests and 2 answers passed\n").await;
}

#[tokio::test]
async fn hello_processes_prints_three_greetings_and_ends() {
    check("hello_processes", GREETINGS).await;
}

#[tokio::test]
async fn a_part_ends_when_whoever_started_it_is_gone() {
    let mut part = example("hello_processes")
        .args(["nameserver", "tcp://127.0.0.1:0", "--started"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut lines = BufReader::new(part.stdout.take().unwrap());
    within(lines.read_line(&mut address)).await.unwrap();
    assert!(address.starts_with("tcp://127.0.0.1:"), "{address}");
    drop(part.stdin.take());
    let status = within(part.wait()).await.unwrap();
    assert!(!status.success(), "{status}");
}

#[tokio::test]
async fn each_part_can_be_played_by_hand() {
    let mut server = example("hello_processes")
        .args(["nameserver", "tcp://127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut lines = BufReader::new(server.stdout.take().unwrap());
    within(lines.read_line(&mut address)).await.unwrap();
    let address = address.trim();
    let mut alice =
        example("hello_processes").args(["alice", address]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(alice.stdout.take().unwrap());
    within(lines.read_line(&mut line)).await.unwrap();
    assert_eq!(line, "Alice is there\n");
    let bob = within(example("hello_processes").args(["bob", address]).output()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bob.stdout), GREETINGS);
    let end = within(example("hello_processes").args(["shutdown", address]).status()).await;
    assert!(end.unwrap().success());
    assert!(within(alice.wait()).await.unwrap().success());
    assert!(within(server.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_part_that_is_not_there_gets_the_usage() {
    let output = within(example("hello_processes").arg("carol").output()).await.unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("usage: hello_processes"), "{stderr}");
}
