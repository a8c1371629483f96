//! Every pattern over every transport, whichever side binds.

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Dealer, Filter, Multipart, Pair, Publisher, Pull, Push, Replier, Requester, Router,
    Subscriber, Upstream, XPub, XSub,
};
use serde::{Deserialize, Serialize};

use crate::support::{Binder, SCHEMES, fresh, pair, soon};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Job {
    id: u32,
    name: String,
}

fn job(id: u32) -> Job {
    Job { id, name: format!("job {id}") }
}

fn cases() -> impl Iterator<Item = (&'static str, Binder)> {
    SCHEMES.into_iter().flat_map(|scheme| [(scheme, Binder::First), (scheme, Binder::Second)])
}

#[tokio::test]
async fn a_push_reaches_a_pull() {
    for (scheme, binder) in cases() {
        let (push, pull) = pair::<Push<Job>, Pull<Job>>(scheme, binder).await;
        for id in 0..100 {
            soon(push.send(job(id))).await.unwrap();
        }
        soon(push.send(&job(100))).await.unwrap();
        for id in 0..=100 {
            assert_eq!(soon(pull.recv()).await.unwrap(), job(id), "{scheme} {binder:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_keep_their_order() {
    for (scheme, binder) in cases() {
        let (push, pull) = pair::<Push<u64>, Pull<u64>>(scheme, binder).await;
        let sending = tokio::spawn(async move {
            for n in 0..20_000 {
                push.send(n).await.unwrap();
            }
            assert_eq!(push.close().await, 0);
            push.stats()
        });
        for n in 0..20_000 {
            assert_eq!(soon(pull.recv()).await.unwrap(), n);
        }
        let stats = soon(sending).await.unwrap();
        assert_eq!((stats.sent.offered, stats.sent.delivered), (20_000, 20_000));
        let received = pull.stats().received;
        assert_eq!((received.offered, received.delivered, received.queued), (20_000, 20_000, 0));
    }
}

#[tokio::test]
async fn bytes_travel_as_they_are() {
    for (scheme, binder) in cases() {
        let (push, pull) = pair::<Push<Bytes>, Pull<Bytes>>(scheme, binder).await;
        assert_eq!(push.codec().name(), "raw");
        for len in [0, 1, 255, 256, 70_000, 1 << 20] {
            let body = Bytes::from(vec![7; len]);
            soon(push.send(&body)).await.unwrap();
            assert_eq!(soon(pull.recv()).await.unwrap(), body);
        }
    }
}

#[tokio::test]
async fn a_publication_reaches_a_subscriber() {
    for (scheme, binder) in cases() {
        let (publisher, subscriber) = pair::<Publisher<Job>, Subscriber<Job>>(scheme, binder).await;
        subscriber.subscribe("eu.");
        soon(publisher.wait_for_subscribers(1)).await;
        publisher.publish("us.ny", &job(1)).await.unwrap();
        publisher.publish("eu.de", &job(2)).await.unwrap();
        let it = soon(subscriber.recv()).await.unwrap();
        assert_eq!((&it.topic[..], it.message), (&b"eu.de"[..], job(2)));
        let sent = publisher.stats().sent;
        assert_eq!((sent.offered, sent.dropped.no_subscriber), (2, 1));
    }
}

#[tokio::test]
async fn publications_go_down_and_messages_up_between_xpub_and_xsub() {
    for (scheme, binder) in cases() {
        let (xpub, xsub) = pair::<XPub<Job>, XSub<Job>>(scheme, binder).await;
        xsub.subscribe("eu.");
        let Upstream::Subscribe { filter, .. } = soon(xpub.recv()).await.unwrap() else {
            panic!("{scheme} {binder:?}");
        };
        assert_eq!(filter, Filter::from("eu."));
        xpub.publish("eu.de", &job(1)).await.unwrap();
        let it = soon(xsub.recv()).await.unwrap();
        assert_eq!((&it.topic[..], it.message), (&b"eu.de"[..], job(1)));
        xsub.send(job(2)).await.unwrap();
        match soon(xpub.recv()).await.unwrap() {
            Upstream::Message(message) => assert_eq!(message, job(2), "{scheme} {binder:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn each_kind_of_publisher_serves_each_kind_of_subscriber() {
    for (scheme, binder) in cases() {
        let (publisher, xsub) = pair::<Publisher<Job>, XSub<Job>>(scheme, binder).await;
        xsub.subscribe("");
        soon(publisher.wait_for_subscribers(1)).await;
        publisher.send(job(1)).await.unwrap();
        assert_eq!(soon(xsub.recv()).await.unwrap().message, job(1), "{scheme} {binder:?}");

        let (xpub, subscriber) = pair::<XPub<Job>, Subscriber<Job>>(scheme, binder).await;
        subscriber.subscribe("");
        soon(xpub.wait_for_subscribers(1)).await;
        xpub.send(job(2)).await.unwrap();
        assert_eq!(soon(subscriber.recv()).await.unwrap().message, job(2), "{scheme} {binder:?}");
    }
}

#[tokio::test]
async fn a_request_is_answered() {
    for (scheme, binder) in cases() {
        let (requester, replier) =
            pair::<Requester<Job, u64>, Replier<Job, u64>>(scheme, binder).await;
        let answering = tokio::spawn(async move {
            for _ in 0..10 {
                let (job, reply) = replier.recv().await.unwrap();
                reply.send(u64::from(job.id) * 2).await.unwrap();
            }
            replier
        });
        for id in 0..10 {
            let answer = soon(requester.request(&job(id))).await.unwrap();
            assert_eq!(answer, u64::from(id) * 2, "{scheme} {binder:?}");
        }
        assert_eq!(soon(answering).await.unwrap().stats().sent.delivered, 10);
    }
}

#[tokio::test]
async fn a_pair_talks_both_ways() {
    for (scheme, binder) in cases() {
        let (a, b) = pair::<Pair<Job, u64>, Pair<u64, Job>>(scheme, binder).await;
        for id in 0..10 {
            soon(a.send(&job(id))).await.unwrap();
            soon(b.send(u64::from(id))).await.unwrap();
        }
        for id in 0..10 {
            assert_eq!(soon(b.recv()).await.unwrap(), job(id), "{scheme} {binder:?}");
            assert_eq!(soon(a.recv()).await.unwrap(), u64::from(id), "{scheme} {binder:?}");
        }
    }
}

#[tokio::test]
async fn a_dealer_and_a_router_talk_both_ways() {
    for (scheme, binder) in cases() {
        let (dealer, router) = pair::<Dealer<Job, u64>, Router<u64, Job>>(scheme, binder).await;
        for id in 0..10 {
            soon(dealer.send(&job(id))).await.unwrap();
        }
        for id in 0..10 {
            let (from, it) = soon(router.recv()).await.unwrap();
            assert_eq!(it, job(id), "{scheme} {binder:?}");
            soon(router.send_to(&from, u64::from(id))).await.unwrap();
            assert_eq!(soon(dealer.recv()).await.unwrap(), u64::from(id), "{scheme} {binder:?}");
        }
    }
}

#[tokio::test]
async fn dealers_talk_to_dealers_and_routers_to_routers() {
    for (scheme, binder) in cases() {
        let (a, b) = pair::<Dealer<Job>, Dealer<Job>>(scheme, binder).await;
        soon(a.send(job(1))).await.unwrap();
        assert_eq!(soon(b.recv()).await.unwrap(), job(1), "{scheme} {binder:?}");
        let (a, b) = pair::<Router<Job>, Router<Job>>(scheme, binder).await;
        soon(a.wait_for_peers(1)).await;
        soon(a.send_to(&a.peer_ids()[0], job(2))).await.unwrap();
        let (from, it) = soon(b.recv()).await.unwrap();
        assert_eq!(it, job(2), "{scheme} {binder:?}");
        soon(b.send_to(&from, it)).await.unwrap();
        assert_eq!(soon(a.recv()).await.unwrap().1, job(2), "{scheme} {binder:?}");
    }
}

#[tokio::test]
async fn the_new_kinds_speak_every_codec() {
    for codec in [AnyCodec::Bincode, AnyCodec::Json, AnyCodec::Msgpack, AnyCodec::Postcard] {
        for scheme in SCHEMES {
            let a = Pair::<Job>::bind(fresh(scheme)).codec(codec.clone()).await.unwrap();
            let b = Pair::<Job>::connect(a.endpoint()).await.unwrap();
            soon(b.send(job(1))).await.unwrap();
            assert_eq!(soon(a.recv()).await.unwrap(), job(1), "{scheme} {codec:?}");
            assert_eq!(b.peers()[0].codec, codec.name());
            let router = Router::<Job>::bind(fresh(scheme)).codec(codec.clone()).await.unwrap();
            let dealer = Dealer::<Job>::connect(router.endpoint()).await.unwrap();
            soon(dealer.send(job(2))).await.unwrap();
            let (from, it) = soon(router.recv()).await.unwrap();
            soon(router.send_to(&from, &it)).await.unwrap();
            assert_eq!(soon(dealer.recv()).await.unwrap(), job(2), "{scheme} {codec:?}");
        }
    }
}

#[tokio::test]
async fn frames_travel_as_they_are() {
    for (scheme, binder) in cases() {
        let frames = Multipart::new(["a", "", "c"]);
        let (dealer, router) = pair::<Dealer<Multipart>, Router<Multipart>>(scheme, binder).await;
        soon(dealer.send(&frames)).await.unwrap();
        let (from, it) = soon(router.recv()).await.unwrap();
        assert_eq!(it, frames, "{scheme} {binder:?}");
        soon(router.send_to(&from, it)).await.unwrap();
        assert_eq!(soon(dealer.recv()).await.unwrap(), frames, "{scheme} {binder:?}");
        let (a, b) = pair::<Pair<Multipart>, Pair<Multipart>>(scheme, binder).await;
        soon(a.send(&frames)).await.unwrap();
        assert_eq!(soon(b.recv()).await.unwrap(), frames, "{scheme} {binder:?}");
    }
}

#[tokio::test]
async fn connecting_before_binding_works() {
    for scheme in SCHEMES {
        // The place is known only once it was bound.
        let first = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = first.endpoint().clone();
        first.close().await;
        drop(first);
        let push = Push::<u32>::connect(&at).await.unwrap();
        let pull = loop {
            match Pull::<u32>::bind(&at).await {
                Ok(pull) => break pull,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        soon(push.send(7)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_socket_may_bind_and_connect_more_than_once() {
    let one = Pull::<u32>::bind(crate::support::inproc()).await.unwrap();
    let second = one.also_bind("tcp://127.0.0.1:0").await.unwrap();
    let two = Pull::<u32>::bind(crate::support::inproc()).await.unwrap();
    let push = Push::<u32>::connect(two.endpoint()).await.unwrap();
    push.also_connect(&second).await.unwrap();
    soon(push.wait_for_peers(2)).await;
    drop(two);
    crate::support::until(|| push.peers().len() == 1).await;
    soon(push.send(3)).await.unwrap();
    assert_eq!(soon(one.recv()).await.unwrap(), 3);
}
