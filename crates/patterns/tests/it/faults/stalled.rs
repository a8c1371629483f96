//! Peers that stop reading.

use std::io::Write;
use std::net::TcpStream;

use gleis_patterns::{HighWater, Publisher, Pull, Push, Subscriber};

use crate::support::{soon, until};

const TCP: &str = "tcp://127.0.0.1:0";

/// A subscriber to everything that never reads.
fn deaf_subscriber(at: &gleis_patterns::Endpoint) -> TcpStream {
    let at = at.to_string();
    let mut stream = TcpStream::connect(at.strip_prefix("tcp://").unwrap()).unwrap();
    let mut hello = vec![0; 64];
    hello[0] = 0xFF;
    hello[9..12].copy_from_slice(&[0x7F, 3, 1]);
    hello[12..16].copy_from_slice(b"NULL");
    hello.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB");
    hello.extend(b"\x04\x0a\x09SUBSCRIBE");
    stream.write_all(&hello).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_hurts_no_fast_one_and_holds_no_more_than_its_mark() {
    const ROUNDS: usize = 200;
    const ROUND: usize = 100;
    let mark = HighWater { messages: 500, bytes: 1 << 20 };
    let publisher = Publisher::<Vec<u8>>::bind(TCP).send_high_water(mark).await.unwrap();
    let _slow = deaf_subscriber(publisher.endpoint());
    let mut fast = Vec::new();
    for _ in 0..3 {
        fast.push(
            Subscriber::<Vec<u8>>::connect(publisher.endpoint()).subscribe("").await.unwrap(),
        );
    }
    soon(publisher.wait_for_subscribers(4)).await;
    for _ in 0..ROUNDS {
        for _ in 0..ROUND {
            publisher.send(&vec![1; 1_000]).await.unwrap();
        }
        // The fast ones keep up, so that every message is theirs.
        for it in &fast {
            for _ in 0..ROUND {
                soon(it.recv()).await.unwrap();
            }
        }
    }
    let stats = publisher.stats();
    let all = (ROUNDS * ROUND) as u64;
    for peer in &stats.peers {
        assert!(peer.sent.is_balanced(), "{peer:?}");
        assert_eq!(peer.sent.offered, all);
    }
    let slow: Vec<_> = stats.peers.iter().filter(|it| 0 < it.sent.dropped.full).collect();
    assert_eq!(slow.len(), 1, "{stats:?}");
    assert!(slow[0].sent.queued <= 500, "{slow:?}");
    assert!(all / 2 < slow[0].sent.dropped.full, "{slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_puller_that_stops_reading_holds_up_only_its_own_share() {
    let push = Push::<Vec<u8>>::bind(TCP).high_water(10).await.unwrap();
    let stopped = Pull::<Vec<u8>>::connect(push.endpoint()).high_water(10).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    // It is full: the next send waits.
    until(|| {
        loop {
            match push.try_send(vec![0; 50_000]) {
                Ok(()) => continue,
                Err(_) => break push.stats().sent.queued == 10,
            }
        }
    })
    .await;
    {
        let mut waiting = std::pin::pin!(push.send(vec![0]));
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    let taking = Pull::<Vec<u8>>::connect(push.endpoint()).high_water(10).await.unwrap();
    soon(push.wait_for_peers(2)).await;
    let sending = async {
        for _ in 0..1_000 {
            push.send(vec![1; 100]).await.unwrap();
        }
    };
    let receiving = async {
        let mut n_taken = 0;
        while n_taken < 1_000 {
            n_taken += usize::from(taking.recv().await.unwrap() == [1; 100]);
        }
    };
    soon(futures::future::join(sending, receiving)).await;
    let sent = push.stats().sent;
    assert_eq!((sent.dropped.total(), sent.is_balanced()), (0, true), "{sent:?}");
    drop(stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_until_everything_has_left_or_says_how_much_has_not() {
    let pull = Pull::<Vec<u8>>::bind(TCP).high_water(1_000).await.unwrap();
    let push =
        Push::<Vec<u8>>::connect(pull.endpoint()).linger(gleis_test::wait::PATIENCE).await.unwrap();
    let (unsent, n_received) = soon(futures::future::join(
        async {
            for _ in 0..3_000 {
                push.send(&vec![1; 1_000]).await.unwrap();
            }
            push.close().await
        },
        async {
            let mut n_received = 0;
            while n_received < 3_000 {
                pull.recv().await.unwrap();
                n_received += 1;
            }
            n_received
        },
    ))
    .await;
    assert_eq!((unsent, n_received), (0, 3_000));

    let stuck = Pull::<Vec<u8>>::bind(TCP).high_water(1).no_heartbeat().await.unwrap();
    let linger = std::time::Duration::from_millis(50);
    // A PING that meets a closed end would reset it, and take away what is under way.
    let push = Push::<Vec<u8>>::connect(stuck.endpoint()).linger(linger);
    let push = push.no_heartbeat().await.unwrap();
    soon(push.wait_for_peers(1)).await;
    let mut n_sent = 0;
    until(|| {
        loop {
            match push.try_send(vec![0; 50_000]) {
                Ok(()) => n_sent += 1,
                Err(_) => break 300 <= push.stats().sent.queued,
            }
        }
    })
    .await;
    let unsent = soon(push.close()).await as u64;
    let sent = push.stats().sent;
    assert!(sent.is_balanced() && sent.offered == n_sent, "{sent:?} of {n_sent}");
    assert_eq!(sent.dropped.closed, unsent, "{sent:?}");
    // What left arrives; what did not was counted.
    let mut n_received = 0;
    while sent.delivered > n_received {
        soon(stuck.recv()).await.unwrap();
        n_received += 1;
    }
    assert_eq!(n_received + unsent, n_sent);
}
