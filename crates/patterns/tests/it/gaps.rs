//! What a slow subscriber missed, counted by everybody alike.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    Builder, DropReason, Event, Events, Options, Overflow, Publisher, RecvError, Subscriber,
};
use gleis_test::wait::PATIENCE;
use gleis_transport::{Control, Inbound, LinkConfig, SocketType, connect};

use crate::support::{NATIVE, fresh, inproc, soon, until};

/// Large enough that the system cannot take all of them.
const LEN: usize = 20_000;

/// Sockets for which the system keeps little.
fn small<S>(builder: Builder<S>) -> Builder<S> {
    let mut options = Options::default();
    (options.send_buffer, options.recv_buffer) = (Some(8 << 10), Some(8 << 10));
    builder.options(options)
}

/// Publishes until `n_dropped` were, or so many in all; how many that were.
async fn flood(publisher: &Publisher<Vec<u8>>, n_dropped: u64) -> u64 {
    let mut n_published = 0;
    while publisher.stats().sent.dropped.full < n_dropped {
        // That some had no room is an error only if that was chosen.
        let _ = soon(publisher.publish("a", vec![0; LEN])).await;
        n_published += 1;
    }
    n_published
}

/// Receives until a message of one byte; how many came and how many were missed.
async fn drain(it: &Subscriber<Vec<u8>>) -> (u64, u64) {
    let (mut n_received, mut n_missed) = (0, 0);
    loop {
        match soon(it.recv()).await {
            Ok(publication) => {
                n_received += 1;
                if publication.message.len() == 1 {
                    return (n_received, n_missed);
                }
            }
            Err(RecvError::Gap { missed, .. }) => n_missed += missed,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn check(scheme: &str, overflow: Overflow) {
    let publisher =
        small(Publisher::<Vec<u8>>::bind(fresh(scheme))).high_water(5).overflow(overflow);
    let publisher = publisher.await.expect("it opens");
    let slow =
        small(Subscriber::<Vec<u8>>::connect(publisher.endpoint())).high_water(5).subscribe("a");
    let slow = slow.ready(PATIENCE).await.expect("it opens");
    let other = Subscriber::<Vec<u8>>::connect(publisher.endpoint()).subscribe("b");
    let other = other.ready(PATIENCE).await.expect("it opens");
    let (mut n_published, mut n_received, mut n_missed) = (0, 0, 0);
    for round in 1..=3 {
        n_published += flood(&publisher, 20 * round).await;
        // It takes what there is; then there is room for the one that says what was missed.
        let dropped = publisher.stats().sent.dropped.full;
        while n_received + dropped < n_published {
            match soon(slow.recv()).await {
                Ok(_) => n_received += 1,
                Err(RecvError::Gap { missed, .. }) => n_missed += missed,
                Err(error) => panic!("{error}"),
            }
        }
        until(|| publisher.stats().sent.queued == 0).await;
        publisher.publish("a", vec![1]).await.expect("there is room");
        n_published += 1;
        let (received, missed) = drain(&slow).await;
        n_received += received;
        n_missed += missed;
        assert_eq!(n_received + n_missed, n_published, "{scheme} {overflow:?}");
        assert_eq!(n_missed, publisher.stats().sent.dropped.full);
    }
    // Whoever did not want them has missed nothing.
    publisher.publish("b", vec![2]).await.expect("there is room");
    assert_eq!(drain(&other).await, (1, 0));
    assert!(publisher.stats().sent.is_balanced());
}

#[tokio::test]
async fn what_is_received_and_what_is_missed_is_what_was_published() {
    for scheme in NATIVE {
        for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Fail] {
            check(scheme, overflow).await;
        }
    }
}

#[tokio::test]
async fn a_publisher_that_waits_leaves_no_gap() {
    for scheme in NATIVE {
        let publisher = small(Publisher::<Vec<u8>>::bind(fresh(scheme))).high_water(2);
        let publisher = publisher.overflow(Overflow::Block).await.unwrap();
        let slow = small(Subscriber::<Vec<u8>>::connect(publisher.endpoint())).high_water(2);
        let slow = slow.subscribe("").ready(PATIENCE).await.unwrap();
        let publishing = async {
            for _ in 0..100 {
                publisher.send(vec![0; LEN]).await.unwrap();
            }
            publisher.send(vec![1]).await.unwrap();
        };
        let ((), drained) = soon(futures::future::join(publishing, drain(&slow))).await;
        assert_eq!(drained, (101, 0), "{scheme}");
        assert_eq!(publisher.stats().sent.dropped.total(), 0);
    }
}

#[tokio::test]
async fn a_foreign_subscriber_is_never_told_of_gaps() {
    let publisher = small(Publisher::<Vec<u8>>::bind(fresh("tcp"))).high_water(5).await.unwrap();
    let config = Arc::new(LinkConfig::new(SocketType::Sub));
    let link = soon(connect(publisher.endpoint(), &config)).await.unwrap();
    let (sender, mut receiver) = link.split();
    sender.control(Control::Subscribe(Bytes::new())).unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    let n_published = flood(&publisher, 20).await;
    let n_expected = n_published - publisher.stats().sent.dropped.full;
    let mut batch = Vec::new();
    while (batch.len() as u64) < n_expected {
        soon(receiver.recv_many(&mut batch)).await.unwrap();
    }
    until(|| publisher.stats().sent.queued == 0).await;
    publisher.publish("a", vec![1]).await.unwrap();
    while (batch.len() as u64) < n_expected + 1 {
        soon(receiver.recv_many(&mut batch)).await.unwrap();
    }
    assert!(batch.iter().all(|it| matches!(it, Inbound::Message(_))));
}

/// The numbers of the events of drops so far.
async fn told(events: &mut Events, n: usize) -> Vec<u64> {
    let mut told = Vec::new();
    while told.len() < n {
        match soon(events.recv()).await.expect("open") {
            Event::DroppedSent { peer: Some(_), reason: DropReason::Full, messages } => {
                told.push(messages);
            }
            _ => continue,
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn drops_are_told_at_once_then_once_a_second_and_in_the_end_all_of_them() {
    let publisher = Publisher::<u32>::bind(inproc()).await.unwrap();
    let mut events = publisher.events();
    let slow = Subscriber::<u32>::connect(publisher.endpoint()).high_water(1).subscribe("");
    let slow = slow.await.unwrap();
    for n in 0..11 {
        publisher.send(n).await.unwrap();
    }
    assert_eq!(told(&mut events, 1).await, [1]);
    tokio::time::advance(Duration::from_secs(2)).await;
    for n in 0..5 {
        publisher.send(n).await.unwrap();
    }
    assert_eq!(told(&mut events, 1).await, [10]);
    assert_eq!(publisher.stats().sent.dropped.full, 15);
    drop(slow);
    assert_eq!(told(&mut events, 1).await, [4]);
    loop {
        match soon(events.recv()).await.unwrap() {
            Event::Disconnected { .. } => break,
            Event::DroppedSent { .. } => panic!("more than there were"),
            _ => continue,
        }
    }
    // So also for what nobody wanted, when the socket is closed.
    for n in 0..3 {
        publisher.send(n).await.unwrap();
    }
    publisher.close().await;
    let mut n_told = 0;
    while n_told < 3 {
        if let Event::DroppedSent { peer: None, messages, .. } = soon(events.recv()).await.unwrap()
        {
            n_told += messages;
        }
    }
    assert_eq!(n_told, 3);
}
