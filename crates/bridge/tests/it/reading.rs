//! Cursors: nothing is lost, nothing comes twice, and what is gone is announced.

use std::time::Duration;

use gleis_bridge::{Bridge, BridgeLimits};
use gleis_broker::MessageServer;
use gleis_test::wait::within;
use serde_json::json;

use crate::{World, message, text};

async fn small(messages: usize) -> World {
    let mut limits = BridgeLimits::default();
    limits.log_messages = messages;
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).await.unwrap();
    World::with(hub, bridge).await
}

#[tokio::test]
async fn what_is_behind_a_cursor_is_given_and_what_is_gone_is_counted() {
    let world = small(3).await;
    let http = world.http();
    let start = http.get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    world.send(1..=3, 3).await;
    let all = http.get(&format!("/messages?after={start}")).await.json();
    let texts = |it: &serde_json::Value| -> Vec<String> {
        let messages = it["messages"].as_array().unwrap().iter();
        messages.map(|it| it["message"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&all), [text(1), text(2), text(3)]);
    assert!(all.get("missed").is_none());
    let cursor = all["cursor"].as_str().unwrap();
    let none = http.get(&format!("/messages?after={cursor}")).await.json();
    assert_eq!((texts(&none), none["cursor"].as_str().unwrap()), (vec![], cursor));
    world.send(4..=5, 5).await;
    let gap = http.get(&format!("/messages?after={start}")).await.json();
    assert_eq!((texts(&gap), &gap["missed"]), (vec![text(3), text(4), text(5)], &2.into()));
    // Of another log nobody knows what was missed.
    let other = http.get("/messages?after=1:5").await.json();
    assert_eq!((texts(&other).len(), &other["missed"]), (3, &serde_json::Value::Null));
    for wrong in ["x", "1", "1:x", ""] {
        let answer = http.get(&format!("/messages?after={wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_long_poll_with_a_cursor_misses_nothing_between_two_polls() {
    let world = World::new().await;
    let http = world.http();
    let mut at = http.get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    world.send(1..=5, 5).await;
    for n in 1..=5 {
        let next = http.get(&format!("/messages/next?after={at}")).await.json();
        assert_eq!(next["message"], text(n));
        at = next["cursor"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn events_go_on_where_they_were_cut_off() {
    let world = World::new().await;
    let http = world.http();
    let mut events = http.events("/events", &[]).await;
    let hello = events.next().await.unwrap();
    assert_eq!(hello.name, "hello");
    let (mut received, mut id) = (Vec::new(), hello.id);
    for round in 0..20u64 {
        let numbers = round * 10 + 1..=round * 10 + 10;
        world.send(numbers, (round + 1) * 10).await;
        // As many as come until it is cut off, at whatever place.
        for _ in 0..some(round) {
            let event = events.message().await;
            received.push(event.data);
            id = event.id;
        }
        drop(events);
        events = http.events("/events", &[("last-event-id", &id)]).await;
    }
    while received.len() < 200 {
        received.push(events.message().await.data);
    }
    assert_eq!(received, (1..=200).map(text).collect::<Vec<_>>());
}

/// Some number up to ten.
fn some(round: u64) -> u64 {
    (round * 7 + 3) % 11
}

#[tokio::test]
async fn a_gap_is_an_event() {
    let world = small(3).await;
    let http = world.http();
    let start = http.get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    world.send(1..=5, 5).await;
    let mut events = http.events("/events", &[("last-event-id", &start)]).await;
    events.next().await.unwrap();
    let gap = events.next().await.unwrap();
    assert_eq!((&gap.name[..], &gap.data[..]), ("gap", "{\"missed\":2}"));
    assert_eq!(events.next().await.unwrap().data, text(3));
    // Nonsense is a gap of everything.
    for nonsense in ["nonsense", "1:1", "", "99999999999999999999:1"] {
        let mut events = http.events("/events", &[("last-event-id", nonsense)]).await;
        events.next().await.unwrap();
        assert_eq!(events.next().await.unwrap().data, "{\"missed\":null}", "{nonsense}");
        assert_eq!(events.next().await.unwrap().data, text(3));
    }
}

#[tokio::test]
async fn a_restarted_bridge_says_that_it_is_another_log() {
    let world = World::new().await;
    world.send(1..=3, 3).await;
    let cursor = world.http().get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    let World { application, bridge, hub } = world;
    let at = bridge.local_addr();
    assert!(bridge.shutdown(Duration::from_secs(10)).await);
    let bridge = Bridge::to(&hub).listen(at).await.unwrap();
    let world = World { application, bridge, hub };
    let mut events = world.http().events("/events", &[("last-event-id", &cursor)]).await;
    events.next().await.unwrap();
    assert_eq!(events.next().await.unwrap().name, "gap");
    world.send([4], 1).await;
    assert_eq!(events.message().await.data, text(4));
}

#[tokio::test]
async fn a_reader_gets_the_types_it_asks_for() {
    let world = World::new().await;
    let http = world.http();
    let start = http.get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    let mut events = http.events("/events?type=a.*&format=json", &[]).await;
    events.next().await.unwrap();
    for kind in ["a.b", "b.a", "a.c", "a"] {
        world.application.send_message(&json!({"type": kind})).await.unwrap();
    }
    world.application.send_message(&message(1)).await.unwrap();
    for kind in ["a.b", "a.c"] {
        assert_eq!(events.message().await.data, json!({"type": kind}).to_string());
    }
    let some = http.get(&format!("/messages/next?after={start}&type=b.**")).await.json();
    assert_eq!(some["message"], json!({"type": "b.a"}).to_string());
    assert_eq!(http.get("/messages?type=a..b").await.status, 400);
}

#[tokio::test]
async fn readers_that_do_not_read_delay_nobody() {
    let world = small(100).await;
    let http = world.http();
    let big = "x".repeat(100_000);
    let mut slow = http.events("/events", &[]).await;
    slow.next().await.unwrap();
    let mut quick = http.events("/events", &[]).await;
    quick.next().await.unwrap();
    for n in 0..400u64 {
        let message = json!({"type": "n", "n": n, "text": big});
        world.application.send_message(&message).await.unwrap();
        let event = quick.message().await;
        assert!(event.data.contains(&format!("\"n\":{n},")), "{n}");
    }
    // The slow one is told what it missed, and gets the rest.
    let (mut next, mut missed) = (0, 0);
    while next < 400 {
        let event = within(slow.next()).await.unwrap();
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        if event.name == "gap" {
            let gone = data["missed"].as_u64().unwrap();
            (next, missed) = (next + gone, missed + gone);
        } else {
            assert_eq!(data["n"], next);
            next += 1;
        }
    }
    assert!(0 < missed, "all of it fitted somewhere");
}
