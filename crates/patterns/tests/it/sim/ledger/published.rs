//! Publishers, and subscribers that are slow and change their minds.

use std::time::Duration;

use gleis_patterns::{Publisher, RecvError, Subscriber};
use gleis_test::sim::{Sim, run};
use tokio::time::timeout;

use super::super::{CENTRE, Item, Log, PORT, befall, check_balance, moment, on, outer, recover};
use super::{Total, come, policy, weather};

const FILTERS: [&str; 4] = ["", "a", "ab", "c"];
const TOPICS: [&str; 4] = ["a", "ab", "b", "c"];

/// A publication's topic follows from its number.
fn topic(n: u32) -> &'static str {
    TOPICS[n as usize % TOPICS.len()]
}

/// A subscriber and its own count.
struct Listener {
    got: u64,
    host: String,
    log: Log,
    missed: u64,
    past: Total,
    sub: Subscriber<Item>,
    wishes: Vec<&'static str>,
}

impl Listener {
    async fn new(sim: &Sim, rng: &mut fastrand::Rng, i: u32) -> Self {
        let host = outer(i);
        let (sub, log, past) =
            (subscriber(sim, rng, &host).await, Log::default(), Total::default());
        Self { got: 0, host, log, missed: 0, past, sub, wishes: Vec::new() }
    }

    /// Changes its mind.
    fn wish(&mut self, rng: &mut fastrand::Rng) {
        if self.wishes.is_empty() || rng.u8(0..3) != 0 {
            let filter = FILTERS[rng.usize(0..FILTERS.len())];
            self.sub.subscribe(filter);
            self.wishes.push(filter);
        } else {
            let filter = self.wishes.swap_remove(rng.usize(0..self.wishes.len()));
            assert!(self.sub.unsubscribe(filter));
        }
    }

    /// Another one in its place, which wants nothing yet.
    async fn replace(&mut self, sim: &Sim, rng: &mut fastrand::Rng) {
        self.sub.close().await;
        self.check();
        self.past.add_closed(&self.sub.stats());
        self.sub = subscriber(sim, rng, &self.host).await;
        (self.got, self.wishes) = (0, Vec::new());
    }

    async fn take(&mut self, sim: &Sim, time: Duration) {
        for res in come(&mut self.sub, time).await {
            let publication = match res {
                Ok(publication) => publication,
                Err(RecvError::Gap { missed, .. }) => {
                    sim.note(format_args!("{} missed {missed}", self.host));
                    self.missed += missed;
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let topic = topic(publication.message.n);
            assert_eq!(publication.topic, topic.as_bytes());
            assert!(self.wishes.iter().any(|it| topic.starts_with(it)), "{topic} is not wanted");
            self.log.add(sim, &publication.message);
            self.got += 1;
        }
    }

    #[track_caller]
    fn check(&self) {
        let stats = self.sub.stats();
        check_balance(&stats);
        assert_eq!(stats.received.delivered, self.got, "{stats:?}");
    }

    fn total(&self) -> Total {
        let mut total = self.past.clone();
        total.add(&self.sub.stats());
        total
    }
}

async fn subscriber(sim: &Sim, rng: &mut fastrand::Rng, host: &str) -> Subscriber<Item> {
    let sub = on(Subscriber::connect(PORT), sim, host).high_water(rng.usize(1..20));
    sub.identity(host.to_owned()).await.unwrap()
}

async fn publisher(sim: &Sim, rng: &mut fastrand::Rng) -> Publisher<Item> {
    let publisher = on(Publisher::bind(PORT), sim, CENTRE).high_water(rng.usize(1..20));
    let publisher = publisher.overflow(policy(rng));
    match rng.bool() {
        true => publisher.send_timeout(moment(rng) / 8).await.unwrap(),
        false => publisher.await.unwrap(),
    }
}

struct World {
    breaks: bool,
    listeners: Vec<Listener>,
    next: u32,
    past: Total,
    /// What publishers that are closed dropped for want of room.
    past_full: u64,
    publisher: Publisher<Item>,
    rng: fastrand::Rng,
    sim: Sim,
}

impl World {
    async fn new(sim: Sim, breaks: bool) -> Self {
        let mut rng = sim.rng();
        sim.set_weather(weather(&mut rng, breaks));
        let publisher = publisher(&sim, &mut rng).await;
        let mut listeners = Vec::new();
        for i in 0..rng.u32(1..=3) {
            listeners.push(Listener::new(&sim, &mut rng, i).await);
        }
        let past = Total::default();
        Self { breaks, listeners, next: 0, past, past_full: 0, publisher, rng, sim }
    }

    async fn publish(&mut self) {
        let before = self.publisher.stats().sent.offered;
        let item = Item::new(0, self.next);
        let published = self.publisher.publish(topic(self.next), item);
        let published = timeout(Duration::from_millis(200), published).await;
        self.next += 1;
        let after = self.publisher.stats().sent.offered;
        assert!(before + u64::from(published.is_ok()) <= after, "{before}, then {after}");
    }

    async fn round(&mut self) {
        for i in 0..self.listeners.len() {
            for _ in 0..self.rng.u8(0..4) {
                self.listeners[i].wish(&mut self.rng);
            }
            if self.breaks {
                befall(&self.sim, &mut self.rng, CENTRE, &outer(i as u32));
            }
            for _ in 0..self.rng.u8(0..30) {
                self.publish().await;
            }
            self.check();
        }
        if self.breaks {
            self.replace().await;
        }
        for listener in &mut self.listeners {
            // Some are slow.
            if self.rng.u8(0..3) != 0 {
                listener.take(&self.sim, moment(&mut self.rng)).await;
            }
        }
        self.check();
    }

    /// Now and then somebody is closed, and somebody else comes.
    async fn replace(&mut self) {
        match self.rng.u8(0..8) {
            0 => {
                self.publisher.close().await;
                let stats = self.publisher.stats();
                self.past.add_closed(&stats);
                self.past_full += stats.sent.dropped.full;
                self.publisher = publisher(&self.sim, &mut self.rng).await;
            }
            1 => {
                let i = self.rng.usize(0..self.listeners.len());
                self.listeners[i].replace(&self.sim, &mut self.rng).await;
            }
            _ => (),
        }
    }

    async fn take_all(&mut self, time: Duration) {
        for listener in &mut self.listeners {
            listener.take(&self.sim, time).await;
        }
    }

    #[track_caller]
    fn check(&self) {
        let stats = self.publisher.stats();
        let (mut sent, mut received, mut n_missed) = (self.past.clone(), Total::default(), 0);
        sent.add(&stats);
        for listener in &self.listeners {
            listener.check();
            let Total { came, left } = listener.total();
            (received.came, received.left) = (received.came + came, received.left + left);
            n_missed += listener.missed;
        }
        received.check_against(&sent);
        assert!(n_missed <= self.past_full + stats.sent.dropped.full, "{n_missed}, {stats:?}");
    }

    /// All that was published to each, in a run without a loss, came or is known to be missed.
    #[track_caller]
    fn check_all(&self) {
        let stats = self.publisher.stats();
        for listener in &self.listeners {
            let came = listener.sub.stats().received.offered;
            let ours = stats.peers.iter().find(|it| it.identity == listener.host.as_bytes());
            let sent = &ours.expect("it is connected").sent;
            assert_eq!(came + listener.missed, sent.offered, "{}, {sent:?}", listener.host);
            assert_eq!(listener.missed, sent.dropped.full, "{}, {sent:?}", listener.host);
            assert!(listener.log.of(0, 0).is_sorted(), "{:?}", listener.log);
        }
    }
}

async fn play(sim: Sim, breaks: bool) {
    let mut world = World::new(sim, breaks).await;
    for _ in 0..world.rng.u32(1..10) {
        world.round().await;
    }
    world.sim.calm();
    while 0 < world.sim.n_silent() {
        world.take_all(Duration::from_secs(5)).await;
    }
    recover(&world.sim).await;
    world.take_all(Duration::from_secs(60)).await;
    for listener in &mut world.listeners {
        listener.sub.subscribe("");
        listener.wishes.push("");
        listener.sub.ready(Duration::from_secs(60)).await.unwrap();
    }
    // There is room again: with it everybody hears of what was missed before.
    world.publish().await;
    world.take_all(Duration::from_secs(60)).await;
    world.check();
    let last = world.next - 1;
    for listener in &world.listeners {
        assert_eq!(listener.log.of(0, last), [last], "of {}", listener.host);
        assert_eq!(listener.sub.stats().received.queued, 0);
    }
    assert_eq!(world.publisher.stats().sent.queued, 0);
    if !breaks {
        world.check_all();
    }
}

#[test]
fn the_counters_of_publishers_and_subscribers_add_up_while_links_break() {
    run(60, |sim| play(sim, true));
}

#[test]
fn without_a_loss_what_was_published_came_or_is_known_to_be_missed() {
    run(60, |sim| play(sim, false));
}
