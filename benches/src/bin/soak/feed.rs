//! A publisher that restarts, with quick, slow and fickle subscribers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gleis_patterns::{Endpoint, Publisher, RecvError, Subscriber};
use tokio::sync::watch;

use crate::books::{Seen, Summary, Total, both, check_peers, comes, ends, text};
use crate::cable::Cable;
use crate::pipeline::address;
use crate::weather::Weather;

const SUBSCRIBERS: u64 = 6;
const TOPICS: [&str; 3] = ["a", "b", "c"];
const LAST: u64 = u64::MAX;

pub(crate) async fn run(weather: Arc<Weather>) -> Result<Summary, String> {
    let at = address().await?;
    let cable = Cable::to(at).await.map_err(|it| text("cable")(&it))?;
    let received = AtomicU64::new(0);
    let (over, ended) = watch::channel(0);
    let subscribers =
        (0..SUBSCRIBERS).map(|n| subscribe(&weather, n, cable.endpoint(), &received, &over));
    let (published, (), subscribed) = futures::join!(
        publish(&weather, at, ended),
        cable.suffer(&weather, weather.dice()),
        futures::future::try_join_all(subscribers),
    );
    let ((total, restarts), _) = both(published, subscribed)?;
    let received = received.into_inner();
    Ok(Summary {
        name: "feed",
        sent: total.offered,
        received,
        dropped: total.dropped,
        lost_with_links: total.lost_before(received)?,
        restarts,
    })
}

async fn publish(
    weather: &Weather,
    at: SocketAddr,
    mut ended: watch::Receiver<u64>,
) -> Result<(Total, u64), String> {
    let mut dice = weather.dice();
    let (mut number, mut restarts, mut total) = (0, 0, Total::default());
    loop {
        let publisher = Publisher::<u64>::bind(Endpoint::from(at)).high_water(100).await;
        let publisher = publisher.map_err(|it| text("publisher")(&it))?;
        let end = tokio::time::Instant::now() + Duration::from_millis(dice.u64(300..4_000));
        while !weather.is_clear() && tokio::time::Instant::now() < end {
            for _ in 0..dice.u32(1..300) {
                number += 1;
                let sent = publisher.publish(dice.choice(TOPICS).unwrap_or_default(), number).await;
                sent.map_err(|it| text("publisher")(&it))?;
            }
            tokio::time::sleep(Duration::from_millis(dice.u64(0..5))).await;
        }
        if weather.is_clear() {
            // All come back, with all their subscriptions, and hear the last word.
            let all = publisher.wait_for_subscribers(SUBSCRIBERS as usize);
            ends("all subscribers come back", all).await?;
            while *ended.borrow_and_update() < SUBSCRIBERS {
                for topic in TOPICS {
                    publisher.publish(topic, LAST).await.map_err(|it| text("publisher")(&it))?;
                }
                // One that had no room hears it again.
                let _ = tokio::time::timeout(Duration::from_millis(50), ended.changed()).await;
            }
        }
        let rest = || publisher.stats().sent.queued + publisher.stats().sent.in_flight == 0;
        if weather.is_clear() {
            comes("the publisher gets rid of its queues", rest).await?;
        }
        ends("closing the publisher", publisher.close()).await?;
        total.enter("the publisher", &publisher.stats().sent)?;
        if weather.is_clear() && SUBSCRIBERS <= *ended.borrow() {
            return Ok((total, restarts));
        }
        restarts += 1;
    }
}

async fn subscribe(
    weather: &Weather,
    n: u64,
    at: &str,
    received: &AtomicU64,
    over: &watch::Sender<u64>,
) -> Result<(), String> {
    let mut dice = weather.dice();
    let (is_slow, is_fickle) = (n % 3 == 1, n % 3 == 2);
    let mark = if is_slow { 5 } else { 1_000 };
    let it = Subscriber::<u64>::connect(at).subscribe(TOPICS[0]).high_water(mark).await;
    let it = it.map_err(|it| text("subscriber")(&it))?;
    let (mut seen, mut has_b) = (Seen::default(), false);
    loop {
        let message = ends("the last word reaches a subscriber", it.recv()).await;
        match message? {
            Ok(publication) if publication.message == LAST => break,
            Ok(publication) => {
                if !seen.is_new(publication.message) {
                    return Err(format!("{} came twice", publication.message));
                }
                if publication.topic != TOPICS[0] && !has_b {
                    return Err(format!("{:?} was not subscribed to", publication.topic));
                }
            }
            Err(RecvError::Gap { .. }) => (),
            Err(error) => return Err(text("subscriber")(&error)),
        }
        if is_slow && !weather.is_clear() {
            tokio::time::sleep(Duration::from_micros(dice.u64(0..3_000))).await;
        }
        if is_fickle && dice.u32(0..100) == 0 {
            match has_b {
                true => drop(it.unsubscribe(TOPICS[1])),
                false => it.subscribe(TOPICS[1]),
            }
            has_b = !has_b;
        }
    }
    over.send_modify(|it| *it += 1);
    let gone = async {
        // What else is on its way, until the publisher closes.
        while !it.peers().is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(20), it.recv()).await;
        }
    };
    ends("the publisher closes", gone).await?;
    let stats = it.stats();
    check_peers("a subscriber", &stats)?;
    received.fetch_add(stats.received.offered, Ordering::Relaxed);
    Ok(())
}
