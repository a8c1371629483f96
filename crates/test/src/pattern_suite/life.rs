//! Laws about beginnings and ends.

use std::time::Duration;

use gleis_patterns::{Dealer, OpenError, Pair, Publisher, Pull, Push, Router, Subscriber};

use super::world::{Binder, Job, LONG, World, check_balance, job};
use crate::wait::{eventually, within};

/// What the binding side speaks, the connecting side speaks too.
pub async fn the_connecting_side_adopts_the_codec(world: World) {
    let codec = world.codec().name();
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<Job>, Pull<Job>>(binder).await;
        within(push.send(job(0))).await.expect("sent");
        assert_eq!(within(pull.recv()).await.expect("received"), job(0));
        assert_eq!((push.peers()[0].codec, pull.peers()[0].codec), (codec, codec));
        let (a, b) = world.pair::<Pair<Job>, Pair<Job>>(binder).await;
        within(b.send(job(1))).await.expect("sent");
        assert_eq!(within(a.recv()).await.expect("received"), job(1));
        assert_eq!((a.peers()[0].codec, b.peers()[0].codec), (codec, codec));
        let (router, dealer) = world.pair::<Router<Job>, Dealer<Job>>(binder).await;
        within(dealer.send(job(2))).await.expect("sent");
        let (from, it) = within(router.recv()).await.expect("received");
        within(router.send_to(&from, &it)).await.expect("sent");
        assert_eq!(within(dealer.recv()).await.expect("received"), job(2));
        assert_eq!((router.peers()[0].codec, dealer.peers()[0].codec), (codec, codec));
    }
}

/// A socket may connect to what is bound later.
pub async fn connecting_before_binding_works(world: World) {
    // The place is known only once it was bound.
    let first = world.bind::<Pull<u32>>().await.expect("opened");
    let at = first.endpoint().clone();
    first.close().await;
    drop(first);
    let push = world.connect::<Push<u32>>(&at).await.expect("opened");
    let pull = loop {
        match world.bind_at::<Pull<u32>>(&at).await {
            Ok(pull) => break pull,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    within(push.send(7)).await.expect("sent");
    assert_eq!(within(pull.recv()).await.expect("received"), 7);
}

/// Every endpoint of a socket works, and what one peer was is no matter for another.
pub async fn a_socket_may_bind_and_connect_more_than_once(world: World) {
    let one = world.bind::<Pull<u32>>().await.expect("opened");
    let second = one.also_bind(world.endpoint()).await.expect("bound");
    let two = world.bind::<Pull<u32>>().await.expect("opened");
    let push = world.connect::<Push<u32>>(two.endpoint()).await.expect("opened");
    push.also_connect(&second).await.expect("connected");
    within(push.wait_for_peers(2)).await;
    drop(two);
    eventually(|| push.peers().len() == 1).await;
    within(push.send(3)).await.expect("sent");
    assert_eq!(within(one.recv()).await.expect("received"), 3);
}

/// Ready means that what is sent now arrives; alone, nobody gets ready.
pub async fn a_socket_that_is_ready_loses_nothing(world: World) {
    let lonely = world.bind::<Push<u32>>().ready(Duration::from_millis(5)).await;
    assert!(matches!(lonely, Err(OpenError::NotReady { .. })));
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<u32>, Pull<u32>>(binder).await;
        within(push.ready(LONG)).await.expect("ready");
        push.try_send(1).expect("a peer with room");
        assert_eq!(within(pull.recv()).await.expect("received"), 1, "{binder:?}");

        let (publisher, it) = world.pair::<Publisher<u32>, Subscriber<u32>>(binder).await;
        it.subscribe("");
        within(it.ready(LONG)).await.expect("ready");
        publisher.send(2).await.expect("sent");
        assert_eq!(within(it.recv()).await.expect("received").message, 2, "{binder:?}");
    }
    let publisher = world.bind::<Publisher<u32>>().await.expect("opened");
    let it = world.connect::<Subscriber<u32>>(publisher.endpoint()).subscribe("").ready(LONG);
    let it = within(it.into_future()).await.expect("ready");
    publisher.send(3).await.expect("sent");
    assert_eq!(within(it.recv()).await.expect("received").message, 3);
}

/// Within its linger, closing loses nothing, and says so.
pub async fn closing_delivers_what_was_sent(world: World) {
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<Job>, Pull<Job>>(binder).await;
        for id in 0..100 {
            within(push.send(job(id))).await.expect("sent");
        }
        assert_eq!(within(push.close()).await, 0, "{binder:?}");
        push.send(job(100)).await.expect_err("closed");
        for id in 0..100 {
            assert_eq!(within(pull.recv()).await.expect("received"), job(id), "{binder:?}");
        }
        let sent = push.stats().sent;
        assert_eq!((sent.offered, sent.delivered), (100, 100), "{binder:?}");
        check_balance(&push.stats());
    }
}

/// What no peer came for is counted, once, and in the ledger.
pub async fn closing_counts_what_did_not_leave(world: World) {
    let push = world.bind::<Push<u32>>().queue_without_peer().linger(Duration::ZERO);
    let push = push.await.expect("opened");
    let dealer = world.bind::<Dealer<u32>>().queue_without_peer().linger(Duration::ZERO);
    let dealer = dealer.await.expect("opened");
    for n in 0..3 {
        within(push.send(n)).await.expect("queued");
        within(dealer.send(n)).await.expect("queued");
    }
    assert_eq!((within(push.close()).await, within(dealer.close()).await), (3, 3));
    for stats in [push.stats(), dealer.stats()] {
        assert_eq!((stats.sent.offered, stats.sent.dropped.closed), (3, 3), "{stats:?}");
        check_balance(&stats);
    }
}
