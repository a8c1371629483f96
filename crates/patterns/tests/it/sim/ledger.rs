//! What became of every message adds up, whatever happens to the links.

mod asked;
mod paired;
mod published;
mod routed;
mod talker;

use std::time::Duration;

use futures::{Stream, StreamExt};
use gleis_patterns::{Overflow, Pull, Push, Stats};
use gleis_test::sim::{Sim, Weather, run};
use tokio::time::{Instant, timeout_at};

use super::{
    CENTRE, Item, Log, PORT, befall, check_balance, moment, on, outer, recover, send, take,
};

/// What several sockets counted together, those among them that are closed.
#[derive(Clone, Debug, Default)]
struct Total {
    came: u64,
    left: u64,
}

impl Total {
    #[track_caller]
    fn add(&mut self, stats: &Stats) {
        check_balance(stats);
        let sent = &stats.sent;
        // What was given up with its connection may have left all the same.
        self.left += sent.delivered + sent.in_flight + sent.dropped.closed;
        self.came += stats.received.offered;
    }

    /// Of a socket that is closed: nothing of it is under way.
    #[track_caller]
    fn add_closed(&mut self, stats: &Stats) {
        let (sent, received) = (&stats.sent, &stats.received);
        assert_eq!((sent.queued, sent.in_flight, received.queued), (0, 0, 0), "{stats:?}");
        self.add(stats);
    }

    /// Nothing came that had not left.
    #[track_caller]
    fn check_against(&self, other: &Self) {
        assert!(self.came <= other.left, "{self:?} against {other:?}");
        assert!(other.came <= self.left, "{self:?} against {other:?}");
    }
}

/// What happens where there is no room.
fn policy(rng: &mut fastrand::Rng) -> Overflow {
    let policies = [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest, Overflow::Fail];
    policies[rng.usize(0..policies.len())]
}

/// The weather of a run.
fn weather(rng: &mut fastrand::Rng, breaks: bool) -> Weather {
    match breaks {
        true => Weather::stormy(rng, 50_000),
        false => Weather::rough(rng),
    }
}

/// What comes for some time.
async fn come<S: Stream + Unpin>(socket: &mut S, time: Duration) -> Vec<S::Item> {
    let (end, mut items) = (Instant::now() + time, Vec::new());
    while let Ok(Some(item)) = timeout_at(end, socket.next()).await {
        items.push(item);
    }
    items
}

/// A sender and its own count.
struct Sender {
    next: u32,
    push: Push<Item>,
    taken: u64,
}

impl Sender {
    async fn new(sim: &Sim, rng: &mut fastrand::Rng, i: u32) -> Self {
        let push = on(Push::connect(PORT), sim, &outer(i))
            .high_water(rng.usize(1..20))
            .overflow(policy(rng));
        Self { next: 0, push: push.await.unwrap(), taken: 0 }
    }

    #[track_caller]
    fn check(&self) {
        let stats = self.push.stats();
        check_balance(&stats);
        assert_eq!(stats.sent.offered, self.taken, "{stats:?}");
    }
}

async fn play(sim: Sim, breaks: bool) {
    let mut rng = sim.rng();
    sim.set_weather(weather(&mut rng, breaks));
    let mut log = Log::default();
    let pull = on(Pull::bind(PORT), &sim, CENTRE).high_water(rng.usize(1..20));
    let mut pull: Pull<Item> = pull.await.unwrap();
    let mut senders = Vec::new();
    for i in 0..rng.u32(1..=3) {
        senders.push(Sender::new(&sim, &mut rng, i).await);
    }
    for _ in 0..rng.u32(1..12) {
        for (i, sender) in senders.iter_mut().enumerate() {
            let n_messages = rng.u32(0..30);
            sender.taken += send(&sender.push, i as u32, &mut sender.next, n_messages).await;
            if breaks {
                befall(&sim, &mut rng, CENTRE, &outer(i as u32));
            }
            sender.check();
        }
        take(&sim, &mut pull, moment(&mut rng), &mut log).await;
        senders.iter().for_each(Sender::check);
        check_received(&pull, &log);
    }
    sim.calm();
    while 0 < sim.n_silent() {
        // A link whose messages nobody takes is not read, so its end is not noticed either.
        take(&sim, &mut pull, Duration::from_secs(5), &mut log).await;
    }
    recover(&sim).await;
    take(&sim, &mut pull, Duration::from_secs(60), &mut log).await;
    check_end(&pull, &senders, &log, breaks);
}

#[track_caller]
fn check_received(pull: &Pull<Item>, log: &Log) {
    let stats = pull.stats();
    check_balance(&stats);
    assert_eq!(stats.received.delivered, log.items.len() as u64, "{stats:?}");
}

#[track_caller]
fn check_end(pull: &Pull<Item>, senders: &[Sender], log: &Log, breaks: bool) {
    check_received(pull, log);
    let mut delivered = 0;
    for sender in senders {
        sender.check();
        let stats = sender.push.stats();
        assert_eq!(stats.sent.queued, 0, "{stats:?}");
        delivered += stats.sent.delivered;
    }
    let received = pull.stats().received;
    assert_eq!(received.queued, 0, "{received:?}");
    assert!(received.offered <= delivered, "{received:?}, {delivered} sent");
    if !breaks {
        assert_eq!(received.offered, delivered);
        assert!((0..senders.len() as u32).all(|it| log.of(it, 0).is_sorted()), "{log:?}");
    }
}

#[test]
fn the_counters_of_senders_and_receivers_add_up_while_links_break() {
    run(150, |sim| play(sim, true));
}

#[test]
fn without_a_loss_all_that_was_delivered_is_received() {
    run(100, |sim| play(sim, false));
}
