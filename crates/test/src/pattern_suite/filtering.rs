//! Laws about who gets which publication.

use gleis_patterns::{Filter, Publisher, Subscriber};

use super::world::{Binder, LONG, World};
use crate::wait::{eventually, within};

const TOPICS: [&[u8]; 8] =
    [b"eu", b"eu.de", b"eu.de.price", b"eu.fr.price", b"europe", b"\0\xff", b"", b"eu.a.b.price"];

fn path(text: &str) -> Filter {
    Filter::path(text).expect("a pattern")
}

/// Prefixes, exact topics and dotted paths select what they describe, at the publisher.
pub async fn each_kind_of_filter_gets_what_it_wants_and_nothing_else_is_sent(world: World) {
    for filter in [
        Filter::from("eu"),
        Filter::from(b"\0"),
        Filter::exact("eu"),
        Filter::exact(b"\0\xff"),
        Filter::exact(""),
        path("eu.*.price"),
        path("eu.**"),
        path("**"),
    ] {
        for binder in Binder::ALL {
            gets_what_it_wants(&world, binder, &filter).await;
        }
    }
}

/// Publishes all topics; whoever has `filter` gets those that match and no others are sent.
async fn gets_what_it_wants(world: &World, binder: Binder, filter: &Filter) {
    let (publisher, it) = world.pair::<Publisher<u32>, Subscriber<u32>>(binder).await;
    it.subscribe(filter.clone());
    within(publisher.wait_for_subscribers(1)).await;
    let mut n_wanted = 0;
    for (n, topic) in (0..).zip(TOPICS) {
        publisher.publish(topic, n).await.expect("sent");
        if filter.matches(topic) {
            let publication = within(it.recv()).await.expect("received");
            assert_eq!((&publication.topic[..], publication.message), (topic, n), "{filter}");
            n_wanted += 1;
        }
    }
    eventually(|| publisher.stats().sent.delivered == n_wanted).await;
    let n_topics = TOPICS.len() as u64;
    let sent = publisher.stats().sent;
    assert_eq!((sent.offered, sent.dropped.no_subscriber), (n_topics, n_topics - n_wanted));
    assert!(it.unsubscribe(filter.clone()));
    assert!(!it.unsubscribe(filter.clone()));
    eventually(|| publisher.subscribers() == 0).await;
}

/// A publication reaches all that want it, and only those.
pub async fn each_subscriber_gets_what_it_wants(world: World) {
    let publisher = world.bind::<Publisher<u32>>().await.expect("opened");
    let at = publisher.endpoint();
    let eu = world.connect::<Subscriber<u32>>(at).subscribe("eu.").await.expect("opened");
    let all = world.connect::<Subscriber<u32>>(at).subscribe("").await.expect("opened");
    within(publisher.wait_for_subscribers(2)).await;
    publisher.publish("us.ny", 1).await.expect("sent");
    publisher.publish("eu.de", 2).await.expect("sent");
    publisher.send(3).await.expect("sent");
    assert_eq!(within(eu.recv()).await.expect("received").message, 2);
    for n in 1..=3 {
        assert_eq!(within(all.recv()).await.expect("received").message, n);
    }
    let sent = publisher.stats().sent;
    assert_eq!((sent.offered, sent.dropped.total()), (4, 0));
}

/// Filters are taken away as often as they were added; the last one ends the publications.
pub async fn whoever_unsubscribed_gets_nothing_more(world: World) {
    for binder in Binder::ALL {
        let (publisher, it) = world.pair::<Publisher<u32>, Subscriber<u32>>(binder).await;
        for filter in ["a", "a", "b"] {
            it.subscribe(filter);
        }
        within(it.ready(LONG)).await.expect("ready");
        assert!(it.unsubscribe("a"));
        publisher.publish("a1", 1).await.expect("sent");
        assert_eq!(within(it.recv()).await.expect("received").message, 1, "{binder:?}");
        assert!(it.unsubscribe("a"));
        assert!(!it.unsubscribe("a"));
        within(it.ready(LONG)).await.expect("ready");
        publisher.publish("a2", 2).await.expect("sent");
        publisher.publish("b1", 3).await.expect("sent");
        assert_eq!(within(it.recv()).await.expect("received").message, 3, "{binder:?}");
        assert!(it.unsubscribe("b"));
        eventually(|| publisher.subscribers() == 0).await;
        publisher.publish("b2", 4).await.expect("sent");
        assert_eq!(publisher.stats().sent.dropped.no_subscriber, 2, "{binder:?}");
    }
}
