//! Publishers learn again what was subscribed to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gleis_patterns::{Publisher, Subscriber};
use gleis_test::sim::{Sim, Weather, run};
use tokio::time::{Instant, timeout_at};

use super::{CENTRE, PORT, befall, moment, on, outer, recover};

const PREFIXES: [&str; 8] = ["", "a", "ab", "abc", "b", "ba", "c", "x"];
const TOPICS: [&str; 9] = ["", "a", "ab", "abcd", "b", "bab", "bb", "c", "d"];

/// A subscriber and what it should be subscribed to, how often.
struct Listener {
    sub: Subscriber<u32>,
    wishes: BTreeMap<&'static str, usize>,
}

impl Listener {
    async fn new(sim: &Sim, i: u32) -> Self {
        let sub = on(Subscriber::connect(PORT), sim, &outer(i)).await.unwrap();
        Self { sub, wishes: BTreeMap::new() }
    }

    /// Changes its mind.
    fn wish(&mut self, rng: &mut fastrand::Rng) {
        let prefix = PREFIXES[rng.usize(0..PREFIXES.len())];
        if rng.bool() {
            self.sub.subscribe(prefix);
            *self.wishes.entry(prefix).or_default() += 1;
            return;
        }
        let had = self.wishes.get_mut(prefix);
        assert_eq!(self.sub.unsubscribe(prefix), had.is_some());
        if let Some(count) = had {
            *count -= 1;
            self.wishes.retain(|_, count| 0 < *count);
        }
    }

    fn wants(&self, topic: &str) -> bool {
        self.wishes.keys().any(|prefix| topic.starts_with(prefix))
    }

    /// The topics of what comes for some time with this stamp.
    async fn take(&mut self, time: Duration, stamp: u32) -> Vec<String> {
        let (end, mut topics) = (Instant::now() + time, Vec::new());
        while let Ok(publication) = timeout_at(end, self.sub.recv()).await {
            let publication = publication.unwrap();
            if publication.message == stamp {
                topics.push(String::from_utf8(publication.topic.to_vec()).unwrap());
            }
        }
        topics
    }
}

async fn publish_all(publisher: &Publisher<u32>, stamp: u32) {
    for topic in TOPICS {
        publisher.publish(topic, stamp).await.unwrap();
    }
}

async fn publishers_come_and_go(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 5_000));
    let mut publisher = on(Publisher::bind(PORT), &sim, CENTRE).await.unwrap();
    let mut listeners = Vec::new();
    for i in 0..rng.u32(1..=3) {
        listeners.push(Listener::new(&sim, i).await);
    }
    for stamp in 0..rng.u32(1..16) {
        for (i, listener) in listeners.iter_mut().enumerate() {
            for _ in 0..rng.u8(0..5) {
                listener.wish(&mut rng);
            }
            befall(&sim, &mut rng, CENTRE, &outer(i as u32));
            if rng.bool() {
                listener.take(moment(&mut rng), stamp).await;
            }
        }
        publish_all(&publisher, stamp).await;
        if rng.u8(0..4) == 0 {
            if rng.bool() {
                sim.restart(CENTRE);
            }
            publisher.close().await;
            publisher = on(Publisher::bind(PORT), &sim, CENTRE).await.unwrap();
        }
    }
    recover(&sim).await;
    check(&publisher, &mut listeners).await;
}

/// Everybody gets what it wants, once and in order, and nothing else.
async fn check(publisher: &Publisher<u32>, listeners: &mut [Listener]) {
    let n_wishing = listeners.iter().filter(|it| !it.wishes.is_empty()).count();
    assert_eq!(publisher.subscribers(), n_wishing);
    publish_all(publisher, u32::MAX).await;
    for listener in listeners {
        let got = listener.take(Duration::from_secs(10), u32::MAX).await;
        let wanted: Vec<_> = TOPICS.into_iter().filter(|it| listener.wants(it)).collect();
        let prefixes: BTreeSet<_> = listener.wishes.keys().collect();
        assert_eq!(got, wanted, "subscribed to {prefixes:?}");
    }
}

#[test]
fn subscriptions_are_complete_after_every_reconnect() {
    run(250, publishers_come_and_go);
}
