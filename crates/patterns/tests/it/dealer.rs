//! A dealer sends in turn and receives from all.

use std::collections::HashSet;
use std::sync::Arc;

use gleis_patterns::{AnyCodec, Dealer, Multipart, Overflow, Replier, Router, SendError};
use gleis_transport::SocketType;

use crate::support::{SCHEMES, fresh, inproc, message, soon, stranger, text, until};

#[tokio::test]
async fn peers_take_turns_and_full_ones_are_skipped() {
    for scheme in SCHEMES {
        let dealer = Dealer::<u32>::bind(fresh(scheme)).await.unwrap();
        let mut routers = Vec::new();
        for n in 1..=3 {
            routers.push(Router::<u32>::connect(dealer.endpoint()).await.unwrap());
            soon(dealer.wait_for_peers(n)).await;
        }
        for n in 0..30 {
            soon(dealer.send(n)).await.unwrap();
        }
        for router in &routers {
            let (_, first) = soon(router.recv()).await.unwrap();
            for n in 1..10 {
                assert_eq!(soon(router.recv()).await.unwrap().1, first + 3 * n, "{scheme}");
            }
        }
    }
    let dealer = Dealer::<u32>::bind(inproc()).overflow(Overflow::Fail).await.unwrap();
    let full = Dealer::<u32>::connect(dealer.endpoint()).high_water(2).await.unwrap();
    soon(dealer.wait_for_peers(1)).await;
    soon(dealer.send(0)).await.unwrap();
    soon(dealer.send(0)).await.unwrap();
    assert!(matches!(soon(dealer.send(0)).await, Err(SendError::Full)));
    let free = Dealer::<u32>::connect(dealer.endpoint()).await.unwrap();
    soon(dealer.wait_for_peers(2)).await;
    for n in 0..10 {
        soon(dealer.send(n)).await.unwrap();
        assert_eq!(soon(free.recv()).await.unwrap(), n);
    }
    assert_eq!(full.stats().received.queued, 2);
}

#[tokio::test]
async fn a_busy_peer_does_not_keep_others_out() {
    let dealer = Dealer::<u32>::bind(inproc()).await.unwrap();
    let busy = Dealer::<u32>::connect(dealer.endpoint()).await.unwrap();
    let other = Dealer::<u32>::connect(dealer.endpoint()).await.unwrap();
    soon(dealer.wait_for_peers(2)).await;
    for _ in 0..900 {
        soon(busy.send(0)).await.unwrap();
    }
    for _ in 0..10 {
        soon(other.send(1)).await.unwrap();
    }
    let mut early = 0;
    for _ in 0..100 {
        early += soon(dealer.recv()).await.unwrap();
    }
    assert_eq!(early, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_may_send_and_receive_and_each_message_comes_once() {
    const TASKS: u32 = 4;
    const EACH: u32 = 500;
    for scheme in SCHEMES {
        let to = Arc::new(Dealer::<u32>::bind(fresh(scheme)).high_water(16).await.unwrap());
        let from = Dealer::<u32>::connect(to.endpoint()).high_water(16).await.unwrap();
        let from = Arc::new(from);
        let receiving: Vec<_> = (0..TASKS)
            .map(|_| {
                let to = to.clone();
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    while let Ok(n) = to.recv().await {
                        got.push(n);
                    }
                    got
                })
            })
            .collect();
        let sending: Vec<_> = (0..TASKS)
            .map(|task| {
                let from = from.clone();
                tokio::spawn(async move {
                    for n in 0..EACH {
                        from.send(task * EACH + n).await.unwrap();
                    }
                })
            })
            .collect();
        for task in sending {
            soon(task).await.unwrap();
        }
        until(|| to.stats().received.delivered == u64::from(TASKS * EACH)).await;
        soon(to.close()).await;
        let (mut all, mut n_got) = (HashSet::new(), 0);
        for task in receiving {
            let got = soon(task).await.unwrap();
            n_got += got.len();
            all.extend(got);
        }
        assert_eq!((n_got, all.len()), (2_000, 2_000), "{scheme}");
        let (sent, received) = (from.stats().sent, to.stats().received);
        assert!(sent.is_balanced() && received.is_balanced(), "{sent:?} {received:?}");
    }
}

#[tokio::test]
async fn a_foreign_router_and_a_foreign_dealer_are_peers() {
    for kind in [SocketType::Router, SocketType::Dealer] {
        let dealer = Dealer::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
        let (sender, mut receiver) = stranger(kind, dealer.endpoint()).await.split();
        sender.try_send(message(&["1"])).unwrap();
        assert_eq!(soon(dealer.recv()).await.unwrap(), 1);
        soon(dealer.send(2)).await.unwrap();
        let mut batch = Vec::new();
        soon(receiver.recv_many(&mut batch)).await.unwrap();
        assert_eq!(text(batch), "2");
    }
}

#[tokio::test]
async fn a_foreign_rep_is_asked_in_frames() {
    let dealer = Dealer::<Multipart>::bind("tcp://127.0.0.1:0").await.unwrap();
    let (sender, mut receiver) = stranger(SocketType::Rep, dealer.endpoint()).await.split();
    soon(dealer.send(Multipart::new(["", "ask"]))).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "|ask");
    sender.try_send(message(&["", "answer"])).unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), Multipart::new(["", "answer"]));
}

#[tokio::test]
async fn a_replier_is_asked_in_frames() {
    for scheme in SCHEMES {
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).codec(AnyCodec::Json).await.unwrap();
        let dealer = Dealer::<Multipart>::connect(replier.endpoint()).await.unwrap();
        soon(dealer.send(Multipart::new(["mark", "", "20"]))).await.unwrap();
        let (n, reply) = soon(replier.recv()).await.unwrap();
        soon(reply.send(n + 1)).await.unwrap();
        assert_eq!(soon(dealer.recv()).await.unwrap(), Multipart::new(["mark", "", "21"]));
    }
}
