//! `gleis hub` and `gleis bridge`

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Running, gleis};

#[tokio::test]
async fn what_is_sent_to_a_hub_is_seen_by_whoever_follows_it() {
    let mut hub = Running::new(&["hub", "run"]);
    let addresses = hub.next().await;
    let broadcast = addresses["broadcast"].as_str().unwrap();
    let receive = addresses["receive"].as_str().unwrap();
    let mut tail = Running::new(&["hub", "tail", "--broadcast", broadcast, "--count", "2"]);
    // A tail says nothing until something comes: both go on until the first is seen.
    let sending = async {
        loop {
            let (exit, _, err) =
                gleis(&["hub", "send", "--receive", receive, "{\"type\":\"a\"}"]).await;
            assert_eq!(exit, 0, "{err}");
        }
    };
    tokio::select! {
        () = sending => unreachable!("it goes on"),
        seen = tail.next() => assert_eq!(seen, json!({"type": "a"})),
    }
    gleis(&["hub", "send", "--receive", receive, "{\"type\":\"a\"}"]).await;
    assert_eq!(tail.next().await, json!({"type": "a"}));
    assert_eq!(tail.ended().await, 0);

    let (exit, _, err) = gleis(&["hub", "send", "--receive", receive, "{}"]).await;
    assert_eq!(exit, 2);
    assert!(err.contains("a message needs a \"type\"") || err.contains("invalid message"), "{err}");
    let (exit, _, err) = gleis(&["hub", "send", "--receive", receive, "nonsense"]).await;
    assert_eq!(exit, 2, "{err}");
    assert_eq!(hub.interrupt().await, 0);
    let gone = ["hub", "send", "--receive", receive, "{\"type\":\"a\"}", "--timeout", "0.2"];
    let (exit, _, err) = gleis(&gone).await;
    assert_eq!(exit, 3);
    assert!(err.contains("try: gleis hub run"), "{err}");
}

#[tokio::test]
async fn a_bridge_serves_a_hub_of_its_own_or_another_one() {
    let mut own = Running::new(&["bridge", "run", "--token", "secret"]);
    let hub = own.next().await;
    let url = own.field("url").await;
    assert!(get(&url, "/messages").await.starts_with("HTTP/1.1 401"));
    let all = get(&url, "/messages?token=secret").await;
    assert!(all.starts_with("HTTP/1.1 200") && all.contains("\"count\":0"), "{all}");
    let at = ["broadcast", "receive"].map(|it| hub[it].as_str().unwrap());
    let mut other = Running::new(&["bridge", "run", "--hub", at[0], at[1]]);
    let url = other.field("url").await;
    assert!(get(&url, "/health").await.contains("\"hub\":\"connected\""));
    assert_eq!(other.interrupt().await, 0);
    assert_eq!(own.interrupt().await, 0);
}

#[tokio::test]
async fn a_bridge_that_keeps_its_log_goes_on_after_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log").display().to_string();
    let mut hub = Running::new(&["hub", "run"]);
    let addresses = hub.next().await;
    let at = ["broadcast", "receive"].map(|it| addresses[it].as_str().unwrap());
    let args = ["bridge", "run", "--hub", at[0], at[1], "--log", &path];
    let messages = async |url: &str, query: &str| -> Value {
        let answer = get(url, &format!("/messages{query}")).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    };
    // A reader: it asks for what is behind its cursor, whichever bridge is there.
    let (mut cursor, mut read, mut gaps) = ("0:0".to_owned(), Vec::new(), 0);
    let mut follow = async |url: &str, n: usize| {
        while read.len() < n {
            let answer = messages(url, &format!("?format=json&after={cursor}")).await;
            read.extend(
                answer["messages"].as_array().unwrap().iter().map(|it| it["message"]["n"].clone()),
            );
            gaps += usize::from(answer.get("missed").is_some());
            cursor = answer["cursor"].as_str().unwrap().to_owned();
        }
        (read.clone(), gaps)
    };
    for sent in [0, 5, 10, 15] {
        let mut bridge = Running::new(&args);
        let url = bridge.field("url").await;
        assert_eq!(messages(&url, "").await["count"], sent);
        for n in sent + 1..=sent + 5 {
            let body = json!({"message": {"type": "n", "n": n}}).to_string();
            assert!(ask(&url, "POST", "/messages", &body).await.starts_with("HTTP/1.1 202"));
        }
        follow(&url, sent + 3).await;
        // It writes as it goes: all of it is in the file before it is killed.
        let written = async {
            while !get(&url, "/metrics").await.contains("\ngleis_bridge_log_kept_total 5\n") {}
        };
        gleis_test::wait::within(written).await;
        bridge.kill().await;
    }
    let mut bridge = Running::new(&args);
    let url = bridge.field("url").await;
    let (read, gaps) = follow(&url, 20).await;
    // Each message once, and a gap for each time the bridge was away and for the cursor of nobody.
    assert_eq!((read, gaps), ((1..=20).map(Value::from).collect(), 4));
    // The file is for one at a time.
    let (exit, _, err) = gleis(&args).await;
    assert!(exit == 1 && err.contains("is used by another bridge"), "{exit}: {err}");
    assert_eq!(bridge.interrupt().await, 0);
    assert_eq!(hub.interrupt().await, 0);
}

async fn get(url: &str, path: &str) -> String {
    ask(url, "GET", path, "").await
}

/// The answer to a request, head and body.
pub(crate) async fn ask(url: &str, method: &str, path: &str, body: &str) -> String {
    let at = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    gleis_test::wait::within(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}
