//! What was given up is told: the first at once, then once a second, in the end all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use gleis_patterns::{
    DropReason, Event, Events, Overflow, Publisher, Pull, Push, RecvError, Subscriber,
};
use tokio::time::{Instant, advance};

use crate::support::{inproc, soon, until};

/// Of each peer and reason, when how many were told.
type Told = BTreeMap<(Option<String>, DropReason), Vec<(Duration, u64)>>;

/// Collects what is told from now on, until the socket is gone.
fn listen(mut events: Events) -> tokio::task::JoinHandle<Told> {
    let start = Instant::now();
    tokio::spawn(async move {
        let mut told = Told::new();
        while let Some(event) = events.recv().await {
            let (Event::DroppedReceived { peer, reason, messages }
            | Event::DroppedSent { peer, reason, messages }) = event
            else {
                continue;
            };
            told.entry((peer, reason)).or_default().push((start.elapsed(), messages));
        }
        told
    })
}

async fn tick(step: Duration) {
    // Whoever listens sees the hour at which it is told.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    advance(step).await;
}

/// The first alone and at once, then at most one in a second, but for the last, which is told when all
/// is over.
#[track_caller]
fn check_pace(told: &[(Duration, u64)], first: Duration) {
    assert_eq!(told[0], (first, 1), "{told:?}");
    let kept = &told[..told.len() - 1];
    let calm = kept.windows(2).all(|it| Duration::from_secs(1) <= it[1].0 - it[0].0);
    assert!(calm, "{told:?}");
}

fn sum(told: &[(Duration, u64)]) -> u64 {
    told.iter().map(|it| it.1).sum()
}

#[tokio::test(start_paused = true)]
async fn each_slow_subscriber_is_told_of_by_itself_once_a_second_and_the_sum_is_exact() {
    let publisher = Publisher::<u32>::bind(inproc()).await.unwrap();
    let connect = || Subscriber::<u32>::connect(publisher.endpoint()).subscribe("a");
    let slow = [connect().high_water(1).await.unwrap(), connect().high_water(1).await.unwrap()];
    soon(publisher.wait_for_subscribers(2)).await;
    publisher.publish("a", 0).await.unwrap();
    let told = listen(publisher.events());
    for n in 0..57 {
        publisher.publish("a", n).await.unwrap();
        publisher.publish("b", n).await.unwrap();
        tick(Duration::from_millis(100)).await;
    }
    let sent = publisher.stats().sent;
    assert_eq!((sent.dropped.full, sent.dropped.no_subscriber), (2 * 57, 57));
    publisher.close().await;
    drop((publisher, slow));
    let told = soon(told).await.unwrap();
    let of = |reason| told.iter().filter(move |it| it.0.1 == reason).map(|it| it.1);
    assert_eq!(of(DropReason::NoSubscriber).map(|it| sum(it)).collect::<Vec<_>>(), [57]);
    assert_eq!(of(DropReason::Full).map(|it| sum(it)).sum::<u64>(), 2 * 57, "{told:?}");
    for told in of(DropReason::NoSubscriber).chain(of(DropReason::Full)) {
        check_pace(told, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_read_are_told_by_whoever_received_them() {
    let pull = Pull::<u8>::bind(inproc()).await.unwrap();
    let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
    let told = listen(pull.events());
    for _ in 0..33 {
        push.send("bad".to_owned()).await.unwrap();
        assert!(matches!(pull.recv().await, Err(RecvError::Decode { .. })));
        tick(Duration::from_millis(100)).await;
    }
    // Some more wait when it is closed.
    for _ in 0..5 {
        push.send("bad".to_owned()).await.unwrap();
    }
    until(|| pull.stats().received.queued == 5).await;
    pull.close().await;
    let dropped = pull.stats().received.dropped;
    assert_eq!((dropped.undecodable, dropped.closed), (33, 5));
    drop((pull, push));
    let told = soon(told).await.unwrap();
    for ((_, reason), told) in &told {
        assert_eq!(sum(told), dropped.of(*reason), "{told:?}");
    }
    assert_eq!(told.len(), 2, "{told:?}");
    let unread = told.iter().find(|it| it.0.1 == DropReason::Undecodable);
    check_pace(unread.unwrap().1, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_no_peer_was_there_for_is_told_and_the_sum_is_exact() {
    let push = Push::<u32>::bind(inproc()).queue_without_peer().high_water(3);
    let push = push.overflow(Overflow::DropOldest).await.unwrap();
    let told = listen(push.events());
    for n in 0..50 {
        push.send(n).await.unwrap();
        tick(Duration::from_millis(70)).await;
    }
    assert_eq!(push.close().await, 3);
    let dropped = push.stats().sent.dropped;
    assert_eq!((dropped.full, dropped.closed), (47, 3));
    drop(push);
    let told = soon(told).await.unwrap();
    for ((peer, reason), told) in &told {
        assert_eq!((peer, sum(told)), (&None, dropped.of(*reason)), "{told:?}");
    }
    check_pace(&told[&(None, DropReason::Full)], Duration::from_millis(210));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_keeps_the_newest_tells_what_it_gave_up() {
    let pull = Pull::<u32>::bind(inproc()).high_water(2).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).overflow(Overflow::DropOldest);
    let push = push.await.unwrap();
    soon(pull.wait_for_peers(1)).await;
    let told = listen(push.events());
    for n in 0..42 {
        push.send(n).await.unwrap();
        tick(Duration::from_millis(60)).await;
    }
    assert_eq!(push.stats().sent.dropped.full, 40);
    push.close().await;
    drop((push, pull));
    let told = soon(told).await.unwrap();
    let mut full = told.iter().filter(|it| it.0.1 == DropReason::Full).map(|it| it.1);
    let full = full.next().unwrap();
    assert_eq!(sum(full), 40, "{told:?}");
    check_pace(full, Duration::from_millis(120));
}
