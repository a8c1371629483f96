//! Turns, marks, and what does not fit.

use std::time::Duration;

use gleis_patterns::{HighWater, Overflow, Pull, Push, SendError};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn a_busy_peer_does_not_keep_others_out() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let busy = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    let other = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(pull.wait_for_peers(2)).await;
    for _ in 0..900 {
        soon(busy.send(0)).await.unwrap();
    }
    for _ in 0..10 {
        soon(other.send(1)).await.unwrap();
    }
    let mut early = 0;
    for _ in 0..100 {
        early += soon(pull.recv()).await.unwrap();
    }
    assert_eq!(early, 10);
}

#[tokio::test]
async fn a_send_waits_for_a_peer_and_for_room() {
    let push = Push::<u32>::connect(inproc())
        .high_water(2)
        .connect_patience(Duration::ZERO)
        .await
        .unwrap();
    {
        let mut send = std::pin::pin!(push.send(0));
        assert!(futures::poll!(&mut send).is_pending());
        // Dropped, it has sent nothing.
    }
    let pull = Pull::<u32>::bind(push.endpoint()).high_water(2).await.unwrap();
    soon(push.send(1)).await.unwrap();
    soon(push.send(2)).await.unwrap();
    let mut third = Box::pin(push.send(3));
    until(|| pull.stats().received.queued == 2).await;
    assert!(futures::poll!(&mut third).is_pending());
    assert_eq!(soon(pull.recv()).await.unwrap(), 1);
    assert_eq!(soon(pull.recv()).await.unwrap(), 2);
    let (sent, received) = soon(futures::future::join(third, pull.recv())).await;
    sent.unwrap();
    assert_eq!(received.unwrap(), 3);
}

#[tokio::test]
async fn a_full_stream_blocks_and_then_goes_on() {
    let mark = HighWater { messages: 10, bytes: 1 << 16 };
    let pull = Pull::<Vec<u8>>::bind("tcp://127.0.0.1:0").recv_high_water(mark).await.unwrap();
    let push = Push::<Vec<u8>>::connect(pull.endpoint()).send_high_water(mark).await.unwrap();
    let mut sent = 0;
    // What the system's own buffers take is not ours to bound.
    while let Ok(res) =
        tokio::time::timeout(Duration::from_millis(200), push.send(vec![1; 10_000])).await
    {
        res.unwrap();
        sent += 1;
        assert!(sent < 100_000);
    }
    for _ in 0..sent {
        assert_eq!(soon(pull.recv()).await.unwrap().len(), 10_000);
    }
    assert_eq!(push.stats().sent.offered, sent);
}

#[tokio::test]
async fn fail_says_that_there_is_no_peer_or_no_room() {
    let pull = Pull::<u32>::bind(inproc()).high_water(4).await.unwrap();
    let lonely = Push::<u32>::bind(inproc()).overflow(Overflow::Fail).await.unwrap();
    assert!(matches!(lonely.send(1).await, Err(SendError::NoPeer)));
    let push = Push::<u32>::connect(pull.endpoint()).overflow(Overflow::Fail).await.unwrap();
    soon(pull.wait_for_peers(1)).await;
    for n in 0..4 {
        push.send(n).await.unwrap();
    }
    assert!(matches!(push.send(4).await, Err(SendError::Full)));
    assert!(matches!(push.try_send(4), Err(SendError::Full)));
    for n in 0..4 {
        assert_eq!(soon(pull.recv()).await.unwrap(), n);
    }
}

#[tokio::test]
async fn the_newest_or_the_oldest_is_dropped_and_counted() {
    for (overflow, expect) in
        [(Overflow::DropNewest, [0, 1, 2, 3]), (Overflow::DropOldest, [6, 7, 8, 9])]
    {
        let pull = Pull::<u32>::bind(inproc()).high_water(4).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).overflow(overflow).await.unwrap();
        soon(pull.wait_for_peers(1)).await;
        for n in 0..10 {
            soon(push.send(n)).await.unwrap();
        }
        for n in expect {
            assert_eq!(soon(pull.recv()).await.unwrap(), n, "{overflow:?}");
        }
        let sent = push.stats().sent;
        assert_eq!((sent.offered, sent.dropped.full, sent.delivered), (10, 6, 4));
        assert_eq!(pull.stats().received.offered, 4);
    }
}

#[tokio::test]
async fn without_a_peer_what_is_dropped_is_counted() {
    let push = Push::<u32>::bind(inproc()).overflow(Overflow::DropNewest).await.unwrap();
    soon(push.send(1)).await.unwrap();
    assert_eq!(push.stats().sent.dropped.no_peer, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_may_send_at_once() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).high_water(8).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).high_water(8).await.unwrap();
        let push = std::sync::Arc::new(push);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let push = push.clone();
                tokio::spawn(async move {
                    for _ in 0..500 {
                        push.send(1).await.unwrap();
                    }
                })
            })
            .collect();
        let mut sum = 0;
        for _ in 0..4_000 {
            sum += soon(pull.recv()).await.unwrap();
        }
        assert_eq!(sum, 4_000);
        for task in tasks {
            soon(task).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_a_peer_left_behind_is_still_received() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        for n in 0..100 {
            soon(push.send(n)).await.unwrap();
        }
        assert_eq!(soon(push.close()).await, 0, "{scheme}");
        drop(push);
        until(|| pull.peers().is_empty()).await;
        for n in 0..100 {
            assert_eq!(soon(pull.recv()).await.unwrap(), n);
        }
    }
}
