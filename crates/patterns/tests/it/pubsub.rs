//! Topics, and subscribers that come and go.

use std::time::Duration;

use gleis_patterns::{Backoff, Options, Overflow, Publisher, SendError, Subscriber};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn nothing_arrives_after_unsubscribing() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint()).await.unwrap();
        it.subscribe("a");
        it.subscribe("a");
        it.subscribe("b");
        soon(publisher.wait_for_subscribers(1)).await;
        publisher.publish("a1", 1).await.unwrap();
        // That "a" is known does not mean that "b" is.
        until(|| publisher.try_publish("b1", 2).is_ok() && 2 <= it.stats().received.queued).await;
        assert!(it.unsubscribe("a"));
        assert!(it.unsubscribe("a"));
        assert!(!it.unsubscribe("a"));
        // The first one is here already and not wanted any more.
        assert_eq!(soon(it.recv()).await.unwrap().message, 2);
        assert_eq!(it.stats().received.dropped.unwanted, 1);
        assert!(it.unsubscribe("b"));
        until(|| publisher.subscribers() == 0).await;
        let n_unheard = publisher.stats().sent.dropped.no_subscriber;
        publisher.publish("a1", 3).await.unwrap();
        assert_eq!(publisher.stats().sent.dropped.no_subscriber, n_unheard + 1);
    }
}

#[tokio::test]
async fn a_subscriber_that_connects_again_gets_its_subscriptions_back() {
    for scheme in SCHEMES {
        let options = || {
            let mut options = Options::default();
            options.backoff = Backoff { first: Duration::from_millis(5), ..options.backoff };
            options
        };
        let first = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = first.endpoint().clone();
        let it = Subscriber::<u32>::connect(&at).options(options()).await.unwrap();
        it.subscribe("a");
        it.subscribe("gone");
        it.unsubscribe("gone");
        soon(first.wait_for_subscribers(1)).await;
        first.close().await;
        drop(first);
        let second = loop {
            match Publisher::<u32>::bind(&at).await {
                Ok(it) => break it,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        soon(second.wait_for_subscribers(1)).await;
        second.publish("gone", 1).await.unwrap();
        second.publish("a", 2).await.unwrap();
        assert_eq!(soon(it.recv()).await.unwrap().message, 2, "{scheme}");
        assert_eq!(second.stats().sent.dropped.no_subscriber, 1);
    }
}

#[tokio::test]
async fn too_many_subscriptions_end_the_connection_with_a_reason() {
    for scheme in SCHEMES {
        let mut options = Options::default();
        options.max_subscriptions = 10;
        let publisher = Publisher::<u32>::bind(fresh(scheme)).options(options).await.unwrap();
        let mut events = publisher.events();
        let mut greedy = Subscriber::<u32>::connect(publisher.endpoint());
        for n in 0..11 {
            greedy = greedy.subscribe(format!("topic {n}"));
        }
        let greedy = greedy.await.unwrap();
        let reason = soon(async {
            loop {
                match events.recv().await.unwrap() {
                    gleis_patterns::Event::Refused { reason, .. } => break reason,
                    _ => continue,
                }
            }
        })
        .await;
        assert_eq!(reason, "more than 10 subscriptions", "{scheme}");
        drop(greedy);
        // Others are served.
        let modest = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        publisher.send(1).await.unwrap();
        assert_eq!(soon(modest.recv()).await.unwrap().message, 1);
    }
}

#[tokio::test]
async fn a_slow_subscriber_misses_the_newest_and_does_not_hold_up_others() {
    let publisher = Publisher::<u32>::bind(inproc()).await.unwrap();
    let slow =
        Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").high_water(5).await.unwrap();
    let quick = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").await.unwrap();
    soon(publisher.wait_for_subscribers(2)).await;
    for n in 0..20 {
        publisher.send(n).await.unwrap();
        assert_eq!(soon(quick.recv()).await.unwrap().message, n);
    }
    for n in 0..5 {
        assert_eq!(soon(slow.recv()).await.unwrap().message, n);
    }
    let sent = publisher.stats().sent;
    assert_eq!((sent.offered, sent.dropped.full, sent.delivered), (40, 15, 25));
}

#[tokio::test]
async fn a_publisher_may_fail_or_keep_the_newest() {
    let at = inproc();
    let publisher = Publisher::<u32>::bind(&at).overflow(Overflow::Fail).await.unwrap();
    let _full = Subscriber::<u32>::connect(&at).subscribe("").high_water(1).await.unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.send(1).await.unwrap();
    assert!(matches!(publisher.send(2).await, Err(SendError::Full)));

    let at = inproc();
    let publisher = Publisher::<u32>::bind(&at).overflow(Overflow::DropOldest).await.unwrap();
    let it = Subscriber::<u32>::connect(&at).subscribe("").high_water(2).await.unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    for n in 0..10 {
        publisher.send(n).await.unwrap();
    }
    assert_eq!(soon(it.recv()).await.unwrap().message, 8);
    assert_eq!(soon(it.recv()).await.unwrap().message, 9);
}
