//! Messages that are sent before there is a peer.

use std::time::Duration;

use gleis_patterns::{AnyCodec, Builder, Dealer, Overflow, Pull, Push, SendError};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

/// A push that has no peer and queues four.
fn lonely() -> Builder<Push<u32>> {
    Push::<u32>::bind(inproc()).queue_without_peer().high_water(4)
}

async fn drained(push: &Push<u32>) -> Vec<u32> {
    let pull = Pull::<u32>::connect(push.endpoint()).await.unwrap();
    let mut all = Vec::new();
    until(|| {
        while let Ok(n) = pull.try_recv() {
            all.push(n);
        }
        push.stats().sent.queued == 0 && pull.stats().received.queued == 0
    })
    .await;
    all
}

#[tokio::test]
async fn what_was_sent_without_a_peer_comes_first_and_in_order() {
    for scheme in SCHEMES {
        let push = Push::<u32>::bind(fresh(scheme)).queue_without_peer().await.unwrap();
        for n in 0..500 {
            push.send(n).await.unwrap();
        }
        let sent = push.stats().sent;
        assert_eq!((sent.offered, sent.queued), (500, 500), "{scheme}");
        let pull = Pull::<u32>::connect(push.endpoint()).await.unwrap();
        for n in 500..1_000 {
            soon(push.send(n)).await.unwrap();
        }
        for n in 0..1_000 {
            assert_eq!(soon(pull.recv()).await.unwrap(), n, "{scheme}");
        }
        until(|| push.stats().sent.delivered == 1_000).await;
        let sent = push.stats().sent;
        assert!(sent.is_balanced() && sent.offered == 1_000, "{sent:?}");
    }
}

#[tokio::test]
async fn a_full_queue_does_what_overflow_says() {
    for (overflow, expect) in [
        (Overflow::DropNewest, vec![0, 1, 2, 3]),
        (Overflow::DropOldest, vec![2, 3, 4, 5]),
        (Overflow::Fail, vec![0, 1, 2, 3]),
    ] {
        let push = lonely().overflow(overflow).await.unwrap();
        for n in 0..6 {
            let res = push.send(n).await;
            let fails = overflow == Overflow::Fail && 4 <= n;
            assert_eq!(matches!(res, Err(SendError::Full)), fails, "{overflow:?} {n}");
        }
        assert!(matches!(push.try_send(9), Err(SendError::Full)));
        assert_eq!(drained(&push).await, expect, "{overflow:?}");
        let sent = push.stats().sent;
        let n_dropped = if overflow == Overflow::Fail { 0 } else { 2 };
        assert_eq!((sent.dropped.full, sent.delivered), (n_dropped, 4));
        assert!(sent.is_balanced());
    }
}

#[tokio::test]
async fn a_send_waits_for_room_in_the_queue() {
    let push = lonely().await.unwrap();
    for n in 0..4 {
        push.send(n).await.unwrap();
    }
    {
        let mut cancelled = std::pin::pin!(push.send(99));
        assert!(futures::poll!(&mut cancelled).is_pending());
    }
    let mut fifth = Box::pin(push.send(4));
    assert!(futures::poll!(&mut fifth).is_pending());
    let (sent, all) = soon(futures::future::join(fifth, drained(&push))).await;
    sent.unwrap();
    assert_eq!(all, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_a_peer_as_long_as_linger_says_and_counts_what_did_not_leave() {
    let push = lonely().linger(Duration::from_secs(3)).await.unwrap();
    for n in 0..3 {
        push.send(n).await.unwrap();
    }
    let start = tokio::time::Instant::now();
    assert_eq!(push.close().await, 3);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let sent = push.stats().sent;
    assert_eq!((sent.offered, sent.dropped.closed, sent.queued), (3, 3, 0));
    assert!(matches!(push.send(4).await, Err(SendError::Closed)));
}

#[tokio::test]
async fn a_peer_that_comes_while_the_socket_closes_gets_everything() {
    for scheme in SCHEMES {
        let push = Push::<u32>::bind(fresh(scheme)).queue_without_peer();
        let push = push.linger(Duration::from_secs(20)).await.unwrap();
        for n in 0..100 {
            push.send(n).await.unwrap();
        }
        let at = push.endpoint().clone();
        let taking = async {
            let pull = Pull::<u32>::connect(&at).await.unwrap();
            for n in 0..100 {
                assert_eq!(pull.recv().await.unwrap(), n, "{scheme}");
            }
        };
        let (unsent, ()) = soon(futures::future::join(push.close(), taking)).await;
        assert_eq!(unsent, 0);
    }
}

#[tokio::test]
async fn whoever_stops_waiting_for_the_close_has_closed_the_socket() {
    let push = lonely().await.unwrap();
    push.send(1).await.unwrap();
    {
        let mut closing = std::pin::pin!(push.close());
        assert!(futures::poll!(&mut closing).is_pending());
    }
    assert!(matches!(push.send(2).await, Err(SendError::Closed)));
    assert_eq!(push.close().await, 1);
}

#[tokio::test]
async fn dropping_the_socket_ends_its_task() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let push = Push::<u32>::bind(fresh("tcp")).queue_without_peer().await.unwrap();
    push.send(1).await.unwrap();
    drop(push);
    gleis_test::wait::tasks_down_to(before).await;
}

#[tokio::test]
async fn the_codec_of_the_peer_is_found_out_later() {
    let push = Push::<String>::connect("ipc://@gleis-front-codec").queue_without_peer();
    let push = push.connect_patience(Duration::ZERO).await.unwrap();
    push.send("early".to_owned()).await.unwrap();
    let pull = Pull::<String>::bind(push.endpoint()).codec(AnyCodec::Json).await.unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), "early");
}

#[tokio::test]
async fn a_dealer_queues_too_and_a_queue_may_keep_the_newest_alone() {
    let dealer = Dealer::<u32>::bind(inproc()).queue_without_peer().conflate().await.unwrap();
    for n in 0..10 {
        dealer.send(n).await.unwrap();
    }
    let other = Dealer::<u32>::connect(dealer.endpoint()).await.unwrap();
    assert_eq!(soon(other.recv()).await.unwrap(), 9);
    assert_eq!(dealer.stats().sent.dropped.full, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_keep_their_order_when_a_peer_comes() {
    let push = std::sync::Arc::new(lonely().await.unwrap());
    let tasks: Vec<_> = (0..4)
        .map(|of| {
            let push = push.clone();
            tokio::spawn(async move {
                for n in 0..500 {
                    push.send(of * 1_000 + n).await.unwrap();
                }
            })
        })
        .collect();
    let mut last = [None::<u32>; 4];
    until(|| push.stats().sent.queued == 4).await;
    let pull = Pull::<u32>::connect(push.endpoint()).await.unwrap();
    for _ in 0..2_000 {
        let n = soon(pull.recv()).await.unwrap();
        let (of, n) = ((n / 1_000) as usize, n % 1_000);
        assert_eq!(last[of].map_or(0, |it| it + 1), n, "{of}");
        last[of] = Some(n);
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
}
