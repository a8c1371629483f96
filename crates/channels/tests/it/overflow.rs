//! Publications for which a subscriber has no room.

use bytes::Bytes;
use gleis_channels::{Event, RecvError, SendError, SyncPublisher, SyncSubscriber};

use crate::support::{READY, SCHEMES, fresh, soon};

type Publisher = SyncPublisher<Bytes, (), ()>;
type Subscriber = SyncSubscriber<Bytes, (), ()>;

/// Large enough for the system to hold few of them.
const LARGE: usize = 256 << 10;

async fn subscriber(publisher: &Publisher, topic: &str) -> Subscriber {
    let subscriber = Subscriber::connect(publisher.endpoint()).high_water(2).subscribe(topic);
    subscriber.ready(READY).await.unwrap()
}

/// The number of a publication.
fn message(n: u32) -> Bytes {
    let mut bytes = vec![0; LARGE];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    bytes.into()
}

/// What it gets until it has this one: numbers, and how many were missed.
async fn until_last(subscriber: &Subscriber, last: u32) -> (Vec<u32>, u64) {
    until_seen(subscriber, |seen| seen.last() == Some(&last)).await
}

async fn until_seen(subscriber: &Subscriber, done: impl Fn(&[u32]) -> bool) -> (Vec<u32>, u64) {
    let (mut seen, mut missed) = (Vec::new(), 0);
    while !done(&seen) {
        match soon(subscriber.recv()).await {
            Ok(Event::Publication { message, .. }) => {
                seen.push(u32::from_be_bytes(message[..4].try_into().unwrap()));
            }
            Err(RecvError::Gap { missed: more }) => missed += more,
            other => panic!("{other:?}"),
        }
    }
    (seen, missed)
}

#[tokio::test]
async fn told_to_fail_it_says_that_somebody_has_no_room_and_the_others_have_it() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).high_water(2).fail_when_full();
        let publisher = publisher.await.unwrap();
        let (idle, busy) = (subscriber(&publisher, "").await, subscriber(&publisher, "").await);
        let mut last = 0;
        let failed = loop {
            assert!(last < 1_000, "whoever takes nothing has room for ever");
            last += 1;
            let res = publisher.publish("topic", message(last)).await;
            // Whoever receives has room each time.
            let (seen, missed) = until_last(&busy, last).await;
            assert_eq!((seen, missed), (vec![last], 0));
            if let Err(error) = res {
                break error;
            }
        };
        assert!(matches!(failed, SendError::Full), "{failed:?}");
        assert_eq!(publisher.published().dropped, 1);
        // Once there is room it is told that it missed one.
        let (seen, missed) = until_last(&idle, last - 1).await;
        assert_eq!((seen, missed), ((1..last).collect(), 0));
        publisher.publish("topic", message(last + 1)).await.unwrap();
        assert_eq!(until_last(&idle, last + 1).await, (vec![last + 1], 1));
    }
}

#[tokio::test]
async fn by_default_whoever_has_no_room_misses_the_new_ones() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).high_water(2).await.unwrap();
        let idle = subscriber(&publisher, "").await;
        let n_published = 200;
        for n in 0..n_published {
            publisher.publish("topic", message(n)).await.unwrap();
        }
        let stats = publisher.published();
        assert!(0 < stats.dropped, "{stats:?}");
        assert_eq!(stats.delivered + stats.dropped, u64::from(n_published));
        let n_there = stats.delivered as usize;
        let (seen, told) = until_seen(&idle, |seen| seen.len() == n_there).await;
        assert!(seen.is_sorted() && seen[0] == 0, "{seen:?}");
        publisher.publish("topic", message(n_published)).await.unwrap();
        let (seen, missed) = until_last(&idle, n_published).await;
        assert_eq!((seen, told + missed), (vec![n_published], stats.dropped));
    }
}
