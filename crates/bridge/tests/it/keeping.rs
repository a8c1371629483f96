//! A log that outlives its bridge.

use std::path::Path;
use std::time::Duration;

use gleis_bridge::{Bridge, BridgeError, BridgeLimits, LogError};
use gleis_broker::MessageServer;
use gleis_test::wait::within;
use serde_json::Value;

use crate::support::Events;
use crate::{World, text};

async fn open(hub: &MessageServer, path: &Path, messages: usize) -> Bridge {
    let mut limits = BridgeLimits::default();
    limits.log_messages = messages;
    Bridge::to(hub).limits(limits).keep_log(path).await.unwrap()
}

/// Ends the bridge, and opens another one in its place.
async fn restart(world: World, path: &Path, messages: usize) -> World {
    let World { application, bridge, hub } = world;
    assert!(within(bridge.shutdown(Duration::from_secs(20))).await);
    let bridge = open(&hub, path, messages).await;
    World { application, bridge, hub }
}

async fn gap(events: &mut Events) {
    let gap = events.next().await.unwrap();
    assert_eq!((&gap.name[..], &gap.data[..]), ("gap", "{\"missed\":null}"));
    assert!(!gap.id.is_empty());
}

#[tokio::test]
async fn a_reader_goes_on_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let hub = MessageServer::bind().await.unwrap();
    let bridge = open(&hub, &path, 100).await;
    let mut world = World::with(hub, bridge).await;
    let mut events = world.http().events("/events", &[]).await;
    let mut id = events.next().await.unwrap().id;
    let mut next = 1;
    for round in 0..5u64 {
        let last = (round + 1) * 4;
        world.send(last - 3..=last, last).await;
        // It is cut off behind one message, or behind none of this run.
        for _ in 0..round % 3 {
            let event = events.message().await;
            assert_eq!(event.data, text(next));
            (id, next) = (event.id, next + 1);
        }
        world = restart(world, &path, 100).await;
        events = world.http().events("/events", &[("last-event-id", &id)]).await;
        assert_eq!(events.next().await.unwrap().name, "hello");
        while next <= last {
            let event = events.next().await.unwrap();
            // Where it was away before, a gap was told already, unless it never came that far.
            if event.name == "gap" {
                continue;
            }
            assert_eq!(event.data, text(next));
            (id, next) = (event.id, next + 1);
        }
        gap(&mut events).await;
    }
    world.send([21], 21).await;
    assert_eq!(events.next().await.unwrap().data, text(21));
}

#[tokio::test]
async fn whoever_asks_by_polling_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let hub = MessageServer::bind().await.unwrap();
    let bridge = open(&hub, &path, 100).await;
    let world = World::with(hub, bridge).await;
    let start = world.http().get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    world.send(1..=3, 3).await;
    let world = restart(world, &path, 100).await;
    let http = world.http();
    let last = http.get("/messages").await.json();
    assert_eq!((&last["count"], &last["message"]), (&3.into(), &text(3).into()));
    // Behind the last message there is a gap, also for whoever got that one from this run.
    let gap = http.get(&format!("/messages?after={}", last["cursor"].as_str().unwrap())).await;
    assert_eq!(gap.json()["missed"], Value::Null);
    assert!(gap.body.contains("missed"), "{}", gap.body);
    world.send(4..=5, 5).await;
    let (mut at, mut got, mut gaps) = (start, Vec::new(), 0);
    for _ in 0..5 {
        let next = http.get(&format!("/messages/next?timeout=20&after={at}")).await.json();
        at = next["cursor"].as_str().unwrap().to_owned();
        got.push(next["message"].as_str().unwrap().to_owned());
        gaps += usize::from(next.get("missed").is_some());
    }
    assert_eq!((got, gaps), ((1..=5).map(text).collect(), 1));
    let health = http.get("/health").await.json();
    assert_eq!((&health["log"], &health["status"]), (&"file".into(), &"ok".into()));
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_no_reader_anything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let hub = MessageServer::bind().await.unwrap();
    let bridge = open(&hub, &path, 10).await;
    let world = World::with(hub, bridge).await;
    let http = world.http();
    let mut events = http.events("/events", &[]).await;
    events.next().await.unwrap();
    // The file cannot be put aside when it is full.
    let old = folder.path().join("log.old");
    std::fs::create_dir_all(old.join("in the way")).unwrap();
    for n in 1..=30 {
        world.send([n], n).await;
        assert_eq!(events.message().await.data, text(n));
    }
    let until = async |state: &str| {
        let there = async {
            while http.get("/health").await.json()["log"] != state {
                tokio::task::yield_now().await;
            }
        };
        within(there).await;
    };
    until("failing").await;
    assert_eq!(http.get("/health").await.json()["status"], "degraded");
    assert!(http.get("/metrics").await.body.contains("\ngleis_bridge_log_failing 1\n"));
    std::fs::remove_dir_all(&old).unwrap();
    until("file").await;
    let figures = http.get("/metrics").await.body;
    let figure = |name: &str| -> u64 {
        let line = figures.lines().find_map(|it| it.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    assert_eq!(figure("gleis_bridge_log_failing"), 0);
    let (kept, lost) =
        (figure("gleis_bridge_log_kept_total"), figure("gleis_bridge_log_lost_total"));
    assert_eq!(kept + lost, 30, "{kept}");
    // Afterwards there is what memory still had.
    let world = restart(world, &path, 10).await;
    let mut events = world.http().events("/events?after=0:0", &[]).await;
    events.next().await.unwrap();
    gap(&mut events).await;
    for n in 21..=30 {
        assert_eq!(events.message().await.data, text(n));
    }
}

#[tokio::test]
async fn two_bridges_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let first = Bridge::without_hub().keep_log(&path).await.unwrap();
    match Bridge::without_hub().keep_log(&path).await {
        Err(BridgeError::KeepLog(error @ LogError::Locked { .. })) => {
            assert_eq!(error.to_string(), format!("{} is used by another bridge", path.display()));
        }
        other => panic!("{other:?}"),
    }
    assert!(within(first.shutdown(Duration::from_secs(20))).await);
    drop(Bridge::without_hub().keep_log(&path).await.unwrap());
    let text = std::fs::read(&path).unwrap();
    assert!(text.starts_with(b"gleis log 1\n"));
}
