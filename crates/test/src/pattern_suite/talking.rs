//! Laws about messages that go both ways: request-reply, pair, dealer and router.

use gleis_patterns::{Dealer, Multipart, Pair, Replier, Requester, Router};

use super::world::{Binder, Job, World, check_balance, job};
use crate::wait::{eventually, within};

/// Every request gets its answer.
pub async fn a_request_is_answered(world: World) {
    for binder in Binder::ALL {
        let (requester, replier) =
            world.pair::<Requester<Job, u64>, Replier<Job, u64>>(binder).await;
        let answering = tokio::spawn(async move {
            for _ in 0..10 {
                let (job, reply) = replier.recv().await.expect("received");
                reply.send(u64::from(job.id) * 2).await.expect("sent");
            }
            replier
        });
        for id in 0..10 {
            let answer = within(requester.request(&job(id)).into_future()).await.expect("answered");
            assert_eq!(answer, u64::from(id) * 2, "{binder:?}");
        }
        let replier = within(answering).await.expect("no panic");
        assert_eq!(replier.stats().sent.delivered, 10, "{binder:?}");
    }
}

/// Each side of a pair sends and receives, and its two types may differ.
pub async fn a_pair_talks_both_ways(world: World) {
    for binder in Binder::ALL {
        let (a, b) = world.pair::<Pair<Job, u64>, Pair<u64, Job>>(binder).await;
        for id in 0..10 {
            within(a.send(&job(id))).await.expect("sent");
            within(b.send(u64::from(id))).await.expect("sent");
        }
        for id in 0..10 {
            assert_eq!(within(b.recv()).await.expect("received"), job(id), "{binder:?}");
            assert_eq!(within(a.recv()).await.expect("received"), u64::from(id), "{binder:?}");
        }
    }
}

/// What a router is told, it can answer.
pub async fn a_dealer_and_a_router_talk_both_ways(world: World) {
    for binder in Binder::ALL {
        let (dealer, router) = world.pair::<Dealer<Job, u64>, Router<u64, Job>>(binder).await;
        for id in 0..10 {
            within(dealer.send(&job(id))).await.expect("sent");
        }
        for id in 0..10 {
            let (from, it) = within(router.recv()).await.expect("received");
            assert_eq!(it, job(id), "{binder:?}");
            within(router.send_to(&from, u64::from(id))).await.expect("sent");
            let answer = within(dealer.recv()).await.expect("received");
            assert_eq!(answer, u64::from(id), "{binder:?}");
        }
    }
}

/// Of several peers, the one that is named gets the message.
pub async fn a_router_answers_the_peer_that_asked(world: World) {
    let router = world.bind::<Router<u32>>().await.expect("opened");
    let mut dealers = Vec::new();
    for n in 0..3 {
        let dealer = world.connect::<Dealer<u32>>(router.endpoint()).await.expect("opened");
        within(dealer.send(n)).await.expect("sent");
        dealers.push(dealer);
    }
    for _ in 0..3 {
        let (from, n) = within(router.recv()).await.expect("received");
        within(router.send_to(&from, n + 10)).await.expect("sent");
    }
    for (n, dealer) in (10..).zip(&dealers) {
        assert_eq!(within(dealer.recv()).await.expect("received"), n);
    }
}

/// Dealers and routers also talk among themselves.
pub async fn dealers_talk_to_dealers_and_routers_to_routers(world: World) {
    for binder in Binder::ALL {
        let (a, b) = world.pair::<Dealer<Job>, Dealer<Job>>(binder).await;
        within(a.send(job(1))).await.expect("sent");
        assert_eq!(within(b.recv()).await.expect("received"), job(1), "{binder:?}");
        let (a, b) = world.pair::<Router<Job>, Router<Job>>(binder).await;
        within(a.wait_for_peers(1)).await;
        within(a.send_to(&a.peer_ids()[0], job(2))).await.expect("sent");
        let (from, it) = within(b.recv()).await.expect("received");
        assert_eq!(it, job(2), "{binder:?}");
        within(b.send_to(&from, it)).await.expect("sent");
        assert_eq!(within(a.recv()).await.expect("received").1, job(2), "{binder:?}");
    }
}

/// Messages of many frames are not encoded, and an empty frame is one.
pub async fn frames_travel_as_they_are(world: World) {
    for binder in Binder::ALL {
        let frames = Multipart::new(["a", "", "c"]);
        let (dealer, router) =
            world.bare_pair::<Dealer<Multipart>, Router<Multipart>>(binder).await;
        within(dealer.send(&frames)).await.expect("sent");
        let (from, it) = within(router.recv()).await.expect("received");
        assert_eq!(it, frames, "{binder:?}");
        within(router.send_to(&from, it)).await.expect("sent");
        assert_eq!(within(dealer.recv()).await.expect("received"), frames, "{binder:?}");
        let (a, b) = world.bare_pair::<Pair<Multipart>, Pair<Multipart>>(binder).await;
        within(a.send(&frames)).await.expect("sent");
        assert_eq!(within(b.recv()).await.expect("received"), frames, "{binder:?}");
    }
}

/// At rest every message is accounted for, both ways, and the sides agree.
pub async fn the_books_of_conversations_balance_at_rest(world: World) {
    macro_rules! check {
        ($one:expr, $other:expr, $n:expr, $binder:expr) => {
            eventually(|| $one.stats().sent.delivered == $n).await;
            eventually(|| $other.stats().sent.delivered == $n).await;
            for stats in [$one.stats(), $other.stats()] {
                check_balance(&stats);
                let (sent, received) = (&stats.sent, &stats.received);
                assert_eq!((sent.offered, received.offered), ($n, $n), "{:?}", $binder);
                assert_eq!((sent.queued, received.delivered), (0, $n), "{:?}", $binder);
            }
        };
    }
    for binder in Binder::ALL {
        let (requester, replier) =
            world.pair::<Requester<Job, u64>, Replier<Job, u64>>(binder).await;
        for id in 0..5 {
            let answering = async {
                let (_, reply) = replier.recv().await.expect("received");
                reply.send(0).await.expect("sent");
            };
            let asking = requester.request(job(id)).into_future();
            let (answer, ()) = within(async { tokio::join!(asking, answering) }).await;
            answer.expect("answered");
        }
        check!(requester, replier, 5, binder);

        let (a, b) = world.pair::<Pair<Job>, Pair<Job>>(binder).await;
        for id in 0..5 {
            within(a.send(job(id))).await.expect("sent");
            within(b.send(within(b.recv()).await.expect("received"))).await.expect("sent");
            within(a.recv()).await.expect("received");
        }
        check!(a, b, 5, binder);

        let (dealer, router) = world.pair::<Dealer<Job>, Router<Job>>(binder).await;
        for id in 0..5 {
            within(dealer.send(job(id))).await.expect("sent");
            let (from, it) = within(router.recv()).await.expect("received");
            within(router.send_to(&from, it)).await.expect("sent");
            within(dealer.recv()).await.expect("received");
        }
        check!(dealer, router, 5, binder);
    }
}
