//! Subscribers that come late and get the last value, and those that are ready before the first.

use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Backoff, Builder, Filter, HighWater, Multipart, Options, Publisher, RecvError,
    Subscriber, XPub,
};
use gleis_test::wait::PATIENCE;
use gleis_transport::{Control, Inbound, LinkConfig, SocketType, connect};

use crate::support::{NATIVE, SCHEMES, fresh, inproc, soon, until};

/// Opens a subscriber and takes `n` publications.
async fn late(publisher: &Publisher<u32>, filter: impl Into<Filter>, n: usize) -> Vec<u32> {
    let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe(filter);
    take(&it.await.expect("it opens"), n).await
}

async fn take(it: &Subscriber<u32>, n: usize) -> Vec<u32> {
    let mut got = Vec::new();
    while got.len() < n {
        got.push(soon(it.recv()).await.expect("open").message);
    }
    assert!(it.try_recv().is_err());
    got
}

#[tokio::test]
async fn a_late_subscriber_gets_the_last_value_of_what_it_wants() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).replay_last(10).await.unwrap();
        for (n, topic) in ["a.x", "b", "a.y", "a.x"].into_iter().enumerate() {
            publisher.publish(topic, n as u32).await.unwrap();
        }
        assert_eq!(late(&publisher, "a.", 2).await, [2, 3], "{scheme}");
        assert_eq!(late(&publisher, "b", 1).await, [1]);
        assert_eq!(late(&publisher, "", 3).await, [1, 2, 3]);
        let sent = publisher.stats().sent;
        assert_eq!((sent.offered, sent.dropped.no_subscriber), (10, 4));
        assert!(sent.is_balanced());
    }
}

#[tokio::test]
async fn each_new_filter_is_answered_and_live_values_follow() {
    for scheme in NATIVE {
        let publisher = XPub::<u32>::bind(fresh(scheme)).replay_last(10).await.unwrap();
        publisher.publish("a", 1).await.unwrap();
        publisher.publish("b.c", 2).await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint());
        let it = it.subscribe("x").ready(PATIENCE).await.unwrap();
        assert!(it.try_recv().is_err());
        it.subscribe(Filter::exact("a"));
        assert_eq!(take(&it, 1).await, [1], "{scheme}");
        it.subscribe(Filter::path("b.*").unwrap());
        soon(it.ready(PATIENCE)).await.unwrap();
        publisher.publish("b.c", 3).await.unwrap();
        assert_eq!(take(&it, 2).await, [2, 3]);
        // Subscribed to before: nothing new.
        it.subscribe(Filter::exact("a"));
        soon(it.ready(PATIENCE)).await.unwrap();
        assert!(it.try_recv().is_err());
    }
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_topics_and_bytes() {
    let publisher = Publisher::<u32>::bind(inproc()).replay_last(2).await.unwrap();
    for n in 0..5 {
        publisher.publish(format!("topic {n}"), n).await.unwrap();
    }
    assert_eq!(late(&publisher, "", 2).await, [3, 4]);
    let mark = HighWater { bytes: 10_000, ..HighWater::default() };
    let publisher = Publisher::<Vec<u8>>::bind(inproc()).send_high_water(mark).replay_last(9);
    let publisher = publisher.await.unwrap();
    for (topic, len) in [("a", 4_000), ("b", 4_000), ("c", 4_000), ("d", 20_000)] {
        publisher.publish(topic, vec![0; len]).await.unwrap();
    }
    let it = Subscriber::<Vec<u8>>::connect(publisher.endpoint()).subscribe("").await.unwrap();
    assert_eq!(soon(it.recv()).await.unwrap().topic, "b");
    assert_eq!(soon(it.recv()).await.unwrap().topic, "c");
    assert!(it.try_recv().is_err());
}

#[tokio::test]
async fn what_does_not_fit_a_late_subscriber_is_told_as_a_gap() {
    let publisher = Publisher::<u32>::bind(inproc()).replay_last(10).await.unwrap();
    for n in 0..6 {
        publisher.publish(format!("{n}"), n).await.unwrap();
    }
    let it = Subscriber::<u32>::connect(publisher.endpoint()).high_water(4).subscribe("");
    let it = it.await.unwrap();
    for n in 0..4 {
        assert_eq!(soon(it.recv()).await.unwrap().message, n);
    }
    assert!(it.try_recv().is_err());
    publisher.send(6).await.unwrap();
    assert!(matches!(soon(it.recv()).await, Err(RecvError::Gap { missed: 2, .. })));
    assert_eq!(soon(it.recv()).await.unwrap().message, 6);
}

#[tokio::test]
async fn a_foreign_subscriber_gets_the_last_value_too() {
    let publisher = Publisher::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json);
    let publisher = publisher.replay_last(1).await.unwrap();
    publisher.publish("eu", 7).await.unwrap();
    let config = Arc::new(LinkConfig::new(SocketType::Sub));
    let link = soon(connect(publisher.endpoint(), &config)).await.unwrap();
    let (sender, mut receiver) = link.split();
    sender.control(Control::Subscribe(Bytes::from_static(b"e"))).unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    let [Inbound::Message(message)] = &batch[..] else { panic!("{batch:?}") };
    assert_eq!(
        (message.head.first(), message.body.to_bytes().unwrap()),
        (Some(&b"eu"[..]), "7".into())
    );
}

#[tokio::test]
async fn a_kept_value_reaches_a_subscriber_with_its_own_codec() {
    for scheme in NATIVE {
        let subscriber = Subscriber::<u32>::bind(fresh(scheme)).codec(AnyCodec::Json);
        let subscriber = subscriber.subscribe("a").await.unwrap();
        // It adopts the codec of whoever binds, after the value was kept in its own.
        let publisher = Publisher::<u32>::bind(inproc()).replay_last(9).await.unwrap();
        publisher.publish("a", 300).await.unwrap();
        publisher.also_connect(subscriber.endpoint()).await.unwrap();
        assert_eq!(take(&subscriber, 1).await, [300], "{scheme}");
    }
}

#[tokio::test]
async fn whole_messages_are_kept_unless_they_are_a_single_frame() {
    let publisher = XPub::<Multipart>::bind(inproc()).replay_last(9).await.unwrap();
    for parts in [&["a", "1", "2"][..], &["b"], &["a", "3", "4"]] {
        publisher.publish_whole(Multipart::new(parts.iter().copied())).await.unwrap();
    }
    let it = Subscriber::<Multipart>::connect(publisher.endpoint()).subscribe("").await.unwrap();
    let got = soon(it.recv()).await.unwrap();
    assert_eq!((&got.topic[..], got.message), (&b"a"[..], Multipart::new(["3", "4"])));
    assert!(it.try_recv().is_err());
}

/// One task publishes a growing number, others subscribe meanwhile: whatever they get grows too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_older_value_comes_after_a_newer_one() {
    for scheme in NATIVE {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).replay_last(1);
        let publisher = publisher.high_water(100_000).await.unwrap();
        publisher.publish("a", 0).await.unwrap();
        let at = publisher.endpoint().clone();
        let publishing = tokio::spawn(async move {
            for n in 1..1_000 {
                publisher.publish("a", n).await.unwrap();
            }
            publisher
        });
        let listening = (0..10).map(|_| {
            let at = at.clone();
            tokio::spawn(async move {
                let it = Subscriber::<u32>::connect(&at).high_water(100_000).subscribe("a");
                let it = it.await.unwrap();
                let mut last = soon(it.recv()).await.unwrap().message;
                while last < 999 {
                    let next = soon(it.recv()).await.unwrap().message;
                    assert_eq!(next, last + 1);
                    last = next;
                }
            })
        });
        let listening: Vec<_> = listening.collect();
        let _publisher = soon(publishing).await.unwrap();
        for it in listening {
            soon(it).await.unwrap();
        }
    }
}

fn quick<S>(builder: Builder<S>) -> Builder<S> {
    let mut options = Options::default();
    options.backoff.first = std::time::Duration::from_millis(1);
    options.backoff = Backoff { most: std::time::Duration::from_millis(5), ..options.backoff };
    builder.options(options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_publication_after_ready_arrives() {
    for scheme in NATIVE {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        for n in 0..200 {
            let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("a");
            let it = it.ready(PATIENCE).await.unwrap();
            publisher.publish("a", n).await.unwrap();
            assert_eq!(soon(it.recv()).await.unwrap().message, n, "{scheme}");
            it.subscribe(Filter::exact("b"));
            soon(it.ready(PATIENCE)).await.unwrap();
            publisher.publish("b", n).await.unwrap();
            assert_eq!(&soon(it.recv()).await.unwrap().topic[..], b"b");
        }
    }
}

#[tokio::test]
async fn whoever_waits_to_be_ready_has_room_for_what_is_replayed() {
    for scheme in ["ipc", "tcp"] {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).replay_last(900).await.unwrap();
        for n in 0..900 {
            publisher.publish(format!("{n}"), n).await.unwrap();
        }
        let it = Subscriber::<u32>::connect(publisher.endpoint()).high_water(4).subscribe("");
        let it = it.ready(PATIENCE).await.unwrap();
        assert_eq!(it.stats().received.queued, 900, "{scheme}");
        // From now on the mark counts again: what comes waits at the publisher, then on the way.
        publisher.publish("more", 900).await.unwrap();
        assert_eq!(take(&it, 901).await, (0..=900).collect::<Vec<_>>(), "{scheme}");
    }
}

async fn bind_again(at: &gleis_patterns::Endpoint) -> Publisher<u32> {
    loop {
        match Publisher::<u32>::bind(at).await {
            Ok(it) => return it,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_publication_after_ready_arrives_also_when_the_publisher_is_a_new_one() {
    for scheme in NATIVE {
        let mut publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = publisher.endpoint().clone();
        let it = quick(Subscriber::<u32>::connect(&at)).subscribe("a").await.unwrap();
        for n in 0..20 {
            drop(publisher);
            publisher = bind_again(&at).await;
            // What is left of the old link does not count as being ready.
            soon(publisher.wait_for_peers(1)).await;
            soon(it.ready(PATIENCE)).await.unwrap();
            publisher.publish("a", n).await.unwrap();
            assert_eq!(soon(it.recv()).await.unwrap().message, n, "{scheme}");
        }
    }
}

/// libzmq restores subscriptions only as far as its high-water mark goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_2_subscriptions_are_restored_completely_when_a_publisher_returns() {
    for scheme in NATIVE {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = publisher.endpoint().clone();
        let mut all = Vec::new();
        for n in 0..50 {
            let it = quick(Subscriber::<u32>::connect(&at)).high_water(10);
            let it = (0..40).fold(it, |it, topic| it.subscribe(format!("{n}.{topic}.")));
            all.push(it.subscribe(Filter::path(format!("*.{n}")).unwrap()).await.unwrap());
        }
        soon(publisher.wait_for_subscribers(50)).await;
        drop(publisher);
        let publisher = bind_again(&at).await;
        soon(publisher.wait_for_subscribers(50)).await;
        for (n, it) in (0..50).zip(&all) {
            soon(it.ready(PATIENCE)).await.unwrap();
            for topic in [format!("{n}.0."), format!("{n}.39.x"), format!("x.{n}")] {
                publisher.publish(&topic, n).await.unwrap();
                assert_eq!(soon(it.recv()).await.unwrap().topic, topic, "{scheme}");
            }
        }
        until(|| publisher.stats().sent.delivered == 150).await;
    }
}

#[tokio::test]
async fn what_is_kept_pins_no_buffer() {
    let feed = Publisher::<Bytes>::bind(fresh("inproc")).replay_last(10).await.unwrap();
    let buffer = Bytes::from(vec![0; 1 << 20]);
    feed.publish("a", buffer.slice(..10)).await.unwrap();
    assert!(buffer.is_unique());
}

#[tokio::test]
async fn a_publisher_that_conflates_gives_the_newest_of_what_was_kept() {
    let feed = Publisher::<u32>::bind(inproc()).conflate().replay_last(10).await.unwrap();
    for n in 0..5 {
        feed.publish(n.to_string(), n).await.unwrap();
    }
    let late = Subscriber::<u32>::connect(feed.endpoint()).subscribe("").high_water(1);
    let late = late.await.unwrap();
    until(|| feed.stats().sent.dropped.full == 4).await;
    assert_eq!(take(&late, 1).await, [4]);
}
