//! `gleis send`, `sub`, `req` and `rep`

use bytes::Bytes;
use gleis_patterns::{Publisher, Pull};
use gleis_test::wait::within;
use serde_json::json;

use crate::{Running, gleis};

#[tokio::test]
async fn messages_are_pushed() {
    let pull = Pull::<Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
    let at = pull.endpoint().to_string();
    let sent = crate::json(&["send", &at, "one", "two"]).await;
    assert_eq!(sent, [json!({"sent": 2})]);
    for expected in ["one", "two"] {
        assert_eq!(within(pull.recv()).await.unwrap(), expected);
    }
    // Without messages it reads lines; here there are none.
    let (exit, out, _) = gleis(&["send", &at]).await;
    assert_eq!((exit, &out[..]), (0, "sent 0\n"));
}

#[tokio::test]
async fn what_is_published_is_printed() {
    let publisher = Publisher::<Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
    let at = publisher.endpoint().to_string();
    let mut sub = Running::new(&["sub", &at, "a.", "--count", "2"]);
    within(publisher.wait_for_subscribers(1)).await;
    for (topic, message) in [("b.1", &b"no"[..]), ("a.1", b"yes"), ("a.2", b"\xff\x00")] {
        publisher.publish(topic, Bytes::copy_from_slice(message)).await.unwrap();
    }
    assert_eq!(sub.next().await, json!({"topic": "a.1", "message": "yes"}));
    // What is no text is shown escaped.
    assert_eq!(sub.next().await, json!({"topic": "a.2", "message": "\\xff\\x00"}));
    assert_eq!(sub.ended().await, 0);
}

#[tokio::test]
async fn requests_are_answered() {
    let mut echo = Running::new(&["rep", "tcp://127.0.0.1:0", "--count", "2"]);
    let at = echo.field("endpoint").await;
    let (exit, out, _) = gleis(&["req", &at, "hello"]).await;
    assert_eq!((exit, &out[..]), (0, "hello\n"));
    assert_eq!(echo.field("request").await, "hello");
    assert_eq!(crate::json(&["req", &at, "again"]).await, [json!({"answer": "again"})]);
    echo.next().await;
    assert_eq!(echo.ended().await, 0);
    let mut fixed = Running::new(&["rep", "tcp://127.0.0.1:0", "--answer", "42"]);
    let at = fixed.field("endpoint").await;
    assert_eq!(crate::json(&["req", &at, "what"]).await, [json!({"answer": "42"})]);
    assert_eq!(fixed.interrupt().await, 0);
}

#[tokio::test]
async fn nobody_there_is_exit_code_3_with_advice() {
    let nobody = Pull::<Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
    let at = nobody.endpoint().to_string();
    drop(nobody);
    for args in [["req", &at, "x"], ["send", &at, "x"], ["sub", &at, "x"]] {
        let (exit, out, err) = gleis(&[&args[..], &["--timeout", "0.2"]].concat()).await;
        assert_eq!((exit, &out[..]), (3, ""), "{args:?}: {err}");
        assert!(err.contains(&format!("try: is something listening at {at}?")), "{err}");
        let args = [&args[..], &["--timeout", "0.2", "--json"]].concat();
        let (_, _, err) = gleis(&args).await;
        let err: serde_json::Value = serde_json::from_str(&err).unwrap();
        assert_eq!(err["exit"], 3);
    }
}
