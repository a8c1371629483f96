//! Laws about messages that go one way: push-pull, publish-subscribe and what is made of it.

use bytes::Bytes;
use gleis_patterns::{Filter, Publisher, Pull, Push, Subscriber, Upstream, XPub, XSub};

use super::world::{Binder, Job, World, check_balance, job};
use crate::wait::{eventually, within};

/// What is sent arrives, in order, lent or given.
pub async fn a_push_reaches_a_pull(world: World) {
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<Job>, Pull<Job>>(binder).await;
        for id in 0..100 {
            within(push.send(job(id))).await.expect("sent");
        }
        within(push.send(&job(100))).await.expect("sent");
        for id in 0..=100 {
            assert_eq!(within(pull.recv()).await.expect("received"), job(id), "{binder:?}");
        }
    }
}

/// More than any queue holds arrives in order, and both ledgers say so.
pub async fn many_messages_keep_their_order(world: World) {
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<u64>, Pull<u64>>(binder).await;
        let sending = tokio::spawn(async move {
            for n in 0..20_000 {
                push.send(n).await.expect("sent");
            }
            assert_eq!(push.close().await, 0);
            push.stats()
        });
        for n in 0..20_000 {
            assert_eq!(within(pull.recv()).await.expect("received"), n);
        }
        let stats = within(sending).await.expect("no panic");
        assert_eq!((stats.sent.offered, stats.sent.delivered), (20_000, 20_000));
        let received = pull.stats().received;
        assert_eq!((received.offered, received.delivered, received.queued), (20_000, 20_000, 0));
    }
}

/// Each message goes to one peer: the next one.
pub async fn messages_go_to_the_peers_in_turn(world: World) {
    let push = world.bind::<Push<u32>>().await.expect("opened");
    let mut pulls = Vec::new();
    for n in 1..=3 {
        pulls.push(world.connect::<Pull<u32>>(push.endpoint()).await.expect("opened"));
        within(push.wait_for_peers(n)).await;
    }
    for n in 0..30 {
        within(push.send(n)).await.expect("sent");
    }
    for pull in &pulls {
        let first = within(pull.recv()).await.expect("received");
        for n in 1..10 {
            assert_eq!(within(pull.recv()).await.expect("received"), first + 3 * n);
        }
    }
}

/// Bytes are not encoded, whatever the codec of values is, and may be none or many.
pub async fn bytes_travel_as_they_are(world: World) {
    for binder in Binder::ALL {
        let (push, pull) = world.bare_pair::<Push<Bytes>, Pull<Bytes>>(binder).await;
        assert_eq!(push.codec().name(), "raw");
        for len in [0, 1, 255, 256, 70_000, 1 << 20] {
            let body = Bytes::from(vec![7; len]);
            within(push.send(&body)).await.expect("sent");
            // Not assert_eq: a megabyte makes a poor message.
            assert!(within(pull.recv()).await.expect("received") == body, "{len} {binder:?}");
        }
    }
}

/// A publication arrives with its topic; one that nobody wants is counted.
pub async fn a_publication_reaches_a_subscriber(world: World) {
    for binder in Binder::ALL {
        let (publisher, subscriber) = world.pair::<Publisher<Job>, Subscriber<Job>>(binder).await;
        subscriber.subscribe("eu.");
        within(publisher.wait_for_subscribers(1)).await;
        publisher.publish("us.ny", &job(1)).await.expect("sent");
        publisher.publish("eu.de", &job(2)).await.expect("sent");
        let it = within(subscriber.recv()).await.expect("received");
        assert_eq!((&it.topic[..], it.message), (&b"eu.de"[..], job(2)));
        let sent = publisher.stats().sent;
        assert_eq!((sent.offered, sent.dropped.no_subscriber), (2, 1));
    }
}

/// An XPUB hears of filters and of messages; an XSUB gets publications.
pub async fn publications_go_down_and_messages_up_between_xpub_and_xsub(world: World) {
    for binder in Binder::ALL {
        let (xpub, xsub) = world.pair::<XPub<Job>, XSub<Job>>(binder).await;
        xsub.subscribe("eu.");
        match within(xpub.recv()).await.expect("received") {
            Upstream::Subscribe { filter, .. } => assert_eq!(filter, Filter::from("eu.")),
            other => panic!("{other:?} {binder:?}"),
        }
        xpub.publish("eu.de", &job(1)).await.expect("sent");
        let it = within(xsub.recv()).await.expect("received");
        assert_eq!((&it.topic[..], it.message), (&b"eu.de"[..], job(1)));
        xsub.send(job(2)).await.expect("sent");
        match within(xpub.recv()).await.expect("received") {
            Upstream::Message(message) => assert_eq!(message, job(2), "{binder:?}"),
            other => panic!("{other:?} {binder:?}"),
        }
    }
}

/// PUB and XPUB serve SUB and XSUB alike.
pub async fn each_kind_of_publisher_serves_each_kind_of_subscriber(world: World) {
    for binder in Binder::ALL {
        let (publisher, xsub) = world.pair::<Publisher<Job>, XSub<Job>>(binder).await;
        xsub.subscribe("");
        within(publisher.wait_for_subscribers(1)).await;
        publisher.send(job(1)).await.expect("sent");
        assert_eq!(within(xsub.recv()).await.expect("received").message, job(1), "{binder:?}");

        let (xpub, subscriber) = world.pair::<XPub<Job>, Subscriber<Job>>(binder).await;
        subscriber.subscribe("");
        within(xpub.wait_for_subscribers(1)).await;
        xpub.send(job(2)).await.expect("sent");
        let it = within(subscriber.recv()).await.expect("received");
        assert_eq!(it.message, job(2), "{binder:?}");
    }
}

/// At rest every message is accounted for, on both sides, and the sides agree.
pub async fn the_books_of_one_way_streams_balance_at_rest(world: World) {
    for binder in Binder::ALL {
        let (push, pull) = world.pair::<Push<Job>, Pull<Job>>(binder).await;
        for id in 0..10 {
            within(push.send(job(id))).await.expect("sent");
        }
        for id in 0..4 {
            assert_eq!(within(pull.recv()).await.expect("received"), job(id));
        }
        eventually(|| pull.stats().received.queued == 6).await;
        eventually(|| push.stats().sent.delivered == 10).await;
        check_balance(&push.stats());
        check_balance(&pull.stats());
        assert_eq!((push.stats().sent.offered, pull.stats().received.offered), (10, 10));

        let (publisher, subscriber) = world.pair::<Publisher<Job>, Subscriber<Job>>(binder).await;
        subscriber.subscribe("eu.");
        within(publisher.wait_for_subscribers(1)).await;
        for id in 0..10 {
            let topic = if id < 4 { "us.ny" } else { "eu.de" };
            publisher.publish(topic, job(id)).await.expect("sent");
        }
        for id in 4..10 {
            assert_eq!(within(subscriber.recv()).await.expect("received").message, job(id));
        }
        eventually(|| publisher.stats().sent.delivered == 6).await;
        check_balance(&publisher.stats());
        check_balance(&subscriber.stats());
        let (sent, received) = (publisher.stats().sent, subscriber.stats().received);
        assert_eq!((sent.offered, sent.dropped.no_subscriber), (10, 4));
        assert_eq!((received.offered, received.delivered), (6, 6));
    }
}
