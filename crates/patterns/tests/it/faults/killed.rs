//! Peers that are killed.

use std::future::pending;

use gleis_patterns::{HighWater, Pull, Push, SendError};

use super::alone::{Part, task};
use crate::support::{soon, until};

const MESSAGE: usize = 10_000;

/// Takes ten messages and nothing more.
#[tokio::test]
#[ignore = "a part of another test"]
async fn a_puller_that_will_be_killed() {
    let Some(at) = task() else { return };
    let pull = Pull::<Vec<u8>>::connect(at).high_water(1).await.unwrap();
    for _ in 0..10 {
        pull.recv().await.unwrap();
    }
    println!("ten");
    pending::<()>().await;
}

/// 1,000 messages queue, the one in front half written, when the peer is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_killed_in_the_middle_of_a_message_costs_what_was_under_way_and_it_is_counted() {
    let mark = HighWater { messages: 1_000, bytes: 64 << 20 };
    let push = Push::<Vec<u8>>::bind("tcp://127.0.0.1:0").send_high_water(mark).await.unwrap();
    let mut part = Part::start(
        "faults::killed::a_puller_that_will_be_killed",
        push.endpoint().to_string().as_str(),
    );
    soon(push.wait_for_peers(1)).await;
    let mut n_sent = 0;
    // Full, even after the system has taken what it takes.
    until(|| {
        loop {
            match push.try_send(vec![7; MESSAGE]) {
                Ok(()) => n_sent += 1,
                Err(SendError::Full) => break 1_000 <= push.stats().sent.queued,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
    part.says("ten").await;
    part.kill();
    until(|| push.peers().is_empty()).await;
    let sent = push.stats().sent;
    assert!(sent.is_balanced(), "{sent:?}");
    assert_eq!((sent.offered, sent.queued, sent.in_flight), (n_sent, 0, 0));
    assert!(1_000 <= sent.dropped.closed, "{sent:?}");
    // Its successor is served as if nothing had happened.
    let next = Pull::<Vec<u8>>::connect(push.endpoint()).await.unwrap();
    soon(push.send(vec![8; 3])).await.unwrap();
    assert_eq!(soon(next.recv()).await.unwrap(), [8; 3]);
    assert!(push.stats().sent.is_balanced());
}
