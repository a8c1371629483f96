//! What the description of Braviz promises of its handlers.

use gleis_bridge::Bridge;
use gleis_test::wait::{eventually, within};

use crate::{World, text};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a21_get_has_the_count_and_the_last_message_and_post_sends_one() {
    let world = World::new().await;
    let http = world.http();
    let empty = http.get("/messages").await;
    assert_eq!(empty.status, 200);
    assert_eq!(
        (&empty.json()["count"], &empty.json()["message"]),
        (&0.into(), &serde_json::Value::Null)
    );
    world.send([1, 2], 2).await;
    let last = http.get("/messages").await.json();
    assert_eq!((&last["count"], &last["message"]), (&2.into(), &text(2).into()));
    let object = http.get("/messages?format=json").await.json();
    assert_eq!(object["message"]["n"], 2);

    let sent = http.post("/messages", FORM, "x=1&message=%7B%22type%22%3A+%22ready%22%7D").await;
    assert_eq!((sent.status, &sent.body[..]), (202, "Message sent"));
    let received = within(world.application.recv()).await.unwrap();
    assert_eq!(received.text(), "{\"type\": \"ready\"}");
    let json = "{\"message\": {\"type\": \"set\"}}";
    assert_eq!(http.post("/messages", "application/json; charset=utf-8", json).await.status, 202);
    assert_eq!(within(world.application.recv()).await.unwrap().kind(), Some("set"));

    for (media_type, body, status) in [
        (FORM, "", 400),
        (FORM, "text={}", 400),
        (FORM, "message=nonsense", 400),
        (FORM, "message=[1]", 400),
        ("application/json", "{\"message\": 3}", 400),
        ("application/json", "{\"text\": \"{}\"}", 400),
        ("application/json", "{", 400),
        ("text/plain", "message={}", 415),
        ("", "message={}", 415),
    ] {
        let answer = http.post("/messages", media_type, body).await;
        assert_eq!(answer.status, status, "{media_type} {body}: {answer:?}");
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(world.hub.stats().invalid, 0);
}

#[tokio::test]
async fn a21_without_a_hub_sending_is_503() {
    let bridge = Bridge::without_hub().await.unwrap();
    let http = crate::support::Http(bridge.local_addr());
    assert_eq!(http.post("/messages", FORM, "message={}").await.status, 503);
    assert_eq!(http.get("/messages").await.json()["message"], serde_json::Value::Null);
    // One that was there and went.
    let mut limits = gleis_bridge::BridgeLimits::default();
    limits.send = std::time::Duration::from_millis(200);
    let hub = gleis_broker::MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).await.unwrap();
    let http = crate::support::Http(bridge.local_addr());
    assert_eq!(http.get("/health").await.json()["hub"], "connected");
    hub.shutdown().await;
    let lost = async {
        while http.get("/health").await.json()["hub"] != "lost" {
            tokio::task::yield_now().await;
        }
    };
    within(lost).await;
    assert_eq!(http.post("/messages", FORM, "message={}").await.status, 503);
}

#[tokio::test]
async fn a22_a_long_poll_gets_the_next_message_and_leaves_nothing_behind() {
    let world = World::new().await;
    let http = world.http();
    let at = world.bridge.local_addr();
    let poll = || tokio::spawn(async move { crate::support::Http(at).get("/messages/next").await });
    let (one, two, gone) = (poll(), poll(), poll());
    let waiters = async |n: u64| {
        let there = async {
            while http.get("/health").await.json()["waiters"] != n {
                tokio::task::yield_now().await;
            }
        };
        within(there).await;
    };
    waiters(3).await;
    gone.abort();
    waiters(2).await;
    world.send([1], 1).await;
    for poll in [one, two] {
        let answer = within(poll).await.unwrap();
        assert_eq!((answer.status, &answer.json()["message"]), (200, &text(1).into()));
    }
    waiters(0).await;
    // Nothing comes.
    assert_eq!(http.get("/messages/next?timeout=0.01").await.status, 204);
    eventually(|| world.hub.stats().forwarded == 1).await;
}
