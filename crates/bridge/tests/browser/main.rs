//! The page in a real browser: `cargo xtask browser`.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod driver;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gleis_bridge::{Bridge, Observer};
use gleis_broker::{MessageClient, MessageServer};
use gleis_core::{AgentInfo, Name, SocketInfo, Topology, Traffic};
use gleis_test::wait::within;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::driver::Browser;

/// What stands in the rows that are seen, the newest first.
const ROWS: &str = "return [...document.querySelectorAll('#messages tr:not([hidden])')]\
    .map((row) => row.cells[2].textContent)";
const STATE: &str = "return document.getElementById('state').dataset.is";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask browser"]
async fn the_page_shows_messages_sends_one_and_survives_a_restart_of_the_bridge() {
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).await.unwrap();
    let at = bridge.local_addr();
    let application = MessageClient::connect(&hub).await.unwrap();
    let browser = Browser::open().await;
    browser.go(&format!("http://{at}/")).await;
    browser.until(STATE, "live").await;

    for n in 1..=3 {
        application.send_message(&json!({"type": "subject", "subject": n})).await.unwrap();
    }
    let text = |n: u64| json!({"type": "subject", "subject": n}).to_string();
    browser.until(ROWS, json!([text(3), text(2), text(1)])).await;

    // By keyboard alone: filter, then pause, then send.
    browser.press("/").await;
    browser.press("subject\":2").await;
    browser.until(ROWS, json!([text(2)])).await;
    browser
        .run("const it = document.getElementById('filter'); it.value = ''; it.oninput(); it.blur()")
        .await;
    browser.press("p").await;
    browser.until("return document.getElementById('pause').ariaPressed", "true").await;
    application.send_message(&json!({"type": "subject", "subject": 4})).await.unwrap();
    browser
        .until("return document.getElementById('count').textContent", "4 messages, 1 while paused")
        .await;
    browser.until(ROWS, json!([text(3), text(2), text(1)])).await;
    browser.press("p").await;
    browser.until(ROWS, json!([text(4), text(3), text(2), text(1)])).await;
    browser.run("const it = document.getElementById('text'); it.value = '{\"type\":\"ready\"}'; it.focus()").await;
    browser.run("document.getElementById('send').requestSubmit()").await;
    assert_eq!(within(application.recv()).await.unwrap().text(), "{\"type\":\"ready\"}");
    browser.until("return document.getElementById('sent').textContent", "sent").await;
    browser.until("return document.querySelectorAll('#messages tr').length", 5).await;
    browser.run("document.getElementById('text').value = 'nonsense'").await;
    browser.run("document.getElementById('send').requestSubmit()").await;
    let says = "return document.getElementById('sent').textContent.startsWith('invalid message')";
    browser.until(says, true).await;
    keep("page-light", &browser.picture().await);

    // The bridge is started anew; the page comes back by itself, says so, and shows each message once.
    assert!(bridge.shutdown(Duration::from_secs(10)).await);
    browser.until(STATE, "lost").await;
    let bridge = Bridge::to(&hub).listen(at).await.unwrap();
    browser.until(STATE, "live").await;
    let gap = "return document.querySelectorAll('#messages tr.gap').length";
    browser.until(gap, 1).await;
    for n in 5..=6 {
        application.send_message(&json!({"type": "subject", "subject": n})).await.unwrap();
    }
    let top = "return [...document.querySelectorAll('#messages tr')].slice(0, 2)\
        .map((row) => row.cells[2].textContent)";
    browser.until(top, json!([text(6), text(5)])).await;
    browser.until("return document.querySelectorAll('#messages tr').length", 8).await;
    keep("page-gap", &browser.picture().await);
    browser.close().await;
    drop(bridge);
}

/// Three agents, one of which has failed; what goes between them grows.
struct System(AtomicU64);

#[async_trait]
impl Observer for System {
    async fn topology(&self) -> Result<Topology, String> {
        let n = self.0.fetch_add(1, Ordering::Relaxed) * 10;
        let socket = |alias: &str, at: &str, is_bound, is_source, passed, dropped| SocketInfo {
            alias: alias.to_owned(),
            codec: "json".to_owned(),
            endpoint: at.parse().unwrap(),
            is_bound,
            is_source,
            kind: if is_source { "PUSH" } else { "PULL" }.to_owned(),
            peers: Some(1),
            received: Traffic::default(),
            sent: Traffic { dropped, passed, waiting: 0 },
        };
        let agent = |name: &str, state: &str, sockets| {
            let (name, state) = (Name::new(name).unwrap(), state.to_owned());
            AgentInfo { name, process: Some(1), sockets, state, status: None }
        };
        let (one, two) = ("tcp://127.0.0.1:7001", "tcp://127.0.0.1:7002");
        Ok(Topology::new(vec![
            agent("camera", "running", vec![socket("frames", one, true, true, n, 0)]),
            agent(
                "detector",
                "running",
                vec![
                    socket("frames", one, false, false, 0, 0),
                    socket("faces", two, false, true, n / 2, 3),
                ],
            ),
            agent(
                "archive",
                "failed: the disk is full",
                vec![socket("faces", two, true, false, 0, 0)],
            ),
        ]))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask browser"]
async fn the_page_shows_agents_and_who_talks_to_whom() {
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).observe(System(0.into())).await.unwrap();
    let browser = Browser::open().await;
    browser.go(&format!("http://{}/", bridge.local_addr())).await;
    let says = "return document.getElementById('graph-text').textContent";
    browser.until(says, "3 agents, 2 connections, 1 not running").await;
    let rows = "return [...document.querySelectorAll('#agents tr')].map((row) => row.cells[2].textContent)";
    let sockets = ["faces (PULL)", "frames (PUSH)", "frames (PULL)", "faces (PUSH)"];
    browser.until(rows, json!(sockets)).await;
    let links = "return [...document.querySelectorAll('#graph .link title')].map((it) => it.textContent.split(':')[0])";
    browser
        .until(
            links,
            json!(["camera frames to detector frames", "detector faces to archive faces"]),
        )
        .await;
    // It is looked at again, so there are rates.
    let rate = "return Number(document.querySelectorAll('#agents tr')[1].cells[5].textContent) > 0";
    browser.until(rate, true).await;
    let dropped =
        "return document.querySelector('#graph .link.bad text').textContent.endsWith('3 dropped')";
    browser.until(dropped, true).await;
    browser.run("document.getElementById('system').scrollIntoView()").await;
    keep("page-agents", &browser.picture().await);
    // Without anybody who observes, there are messages alone; and with a token the page is the same.
    let bridge = Bridge::to(&hub).token("secret").await.unwrap();
    browser.go(&format!("http://{}/?token=secret", bridge.local_addr())).await;
    browser.until(STATE, "live").await;
    browser.until("return document.getElementById('system').hidden", true).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: cargo xtask browser"]
async fn the_page_gets_what_it_missed_of_a_bridge_that_keeps_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).keep_log(&path).await.unwrap();
    let at = bridge.local_addr();
    let application = MessageClient::connect(&hub).await.unwrap();
    let browser = Browser::open().await;
    browser.go(&format!("http://{at}/")).await;
    browser.until(STATE, "live").await;
    let send = async |numbers: std::ops::RangeInclusive<u64>| {
        for n in numbers {
            application.send_message(&json!({"type": "subject", "subject": n})).await.unwrap();
        }
    };
    send(1..=2).await;
    let rows = "return document.querySelectorAll('#messages tr').length";
    browser.until(rows, 2).await;
    assert!(bridge.shutdown(Duration::from_secs(10)).await);
    browser.until(STATE, "lost").await;
    // A run that the page may never see.
    let bridge = Bridge::to(&hub).keep_log(&path).await.unwrap();
    send(3..=4).await;
    within(async {
        while bridge_count(bridge.local_addr()).await != 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(bridge.shutdown(Duration::from_secs(10)).await);
    let bridge = Bridge::to(&hub).listen(at).keep_log(&path).await.unwrap();
    browser.until(STATE, "live").await;
    browser.until(rows, 6).await;
    send(5..=5).await;
    let subjects = "return [...document.querySelectorAll('#messages tr')]\
        .map((row) => row.className === 'gap' ? 0 : JSON.parse(row.cells[2].textContent).subject)";
    browser.until(subjects, json!([5, 0, 4, 3, 0, 2, 1])).await;
    browser.close().await;
    drop(bridge);
}

/// How many messages a bridge has had.
async fn bridge_count(at: std::net::SocketAddr) -> u64 {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET /health HTTP/1.0\r\nhost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<serde_json::Value>(body).unwrap()["count"].as_u64().unwrap()
}

/// Keeps a picture, so that somebody may look at it.
fn keep(name: &str, picture: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{name}.png.base64"));
    std::fs::write(&path, picture).unwrap();
}
