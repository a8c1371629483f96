//! Sockets on a simulated network that breaks, for many seeds.

mod ledger;
mod linger;
mod reconnect;
mod replay;
mod requests;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Builder, Pull, Push, SendError, Stats};
use gleis_test::sim::{Sim, Weather};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout, timeout_at};

/// A message: who sent it, and which of its messages it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Item {
    sender: u32,
    n: u32,
    ballast: Bytes,
}

impl Item {
    fn ballast(n: u32, len: usize) -> Bytes {
        vec![n as u8; len].into()
    }

    /// Small as a rule, now and then as large as many reads.
    fn new(sender: u32, n: u32) -> Self {
        let most = match fastrand::u8(0..16) {
            0 => 20_000,
            1 | 2 => 1_000,
            _ => 100,
        };
        Self { sender, n, ballast: Self::ballast(n, fastrand::usize(0..most)) }
    }
}

/// The host where the one stands that the others connect to.
const CENTRE: &str = "10.0.0.1";
const PORT: &str = "tcp://10.0.0.1:7000";

/// The hosts of the others.
fn outer(i: u32) -> String {
    format!("10.0.0.{}", 2 + i)
}

/// What was taken off a socket; nothing may come twice.
#[derive(Debug, Default)]
struct Log {
    items: Vec<(u32, u32)>,
    seen: BTreeSet<(u32, u32)>,
}

impl Log {
    fn add(&mut self, sim: &Sim, Item { sender, n, ballast }: &Item) {
        sim.note(format_args!("got {n} of {sender}"));
        assert!(self.seen.insert((*sender, *n)), "{n} of {sender} came twice");
        assert!(*ballast == Item::ballast(*n, ballast.len()), "{n} of {sender} was damaged");
        self.items.push((*sender, *n));
    }

    /// The messages of one sender from `first` on, in the order they came.
    fn of(&self, sender: u32, first: u32) -> Vec<u32> {
        let wanted = self.items.iter().filter(|it| it.0 == sender && first <= it.1);
        wanted.map(|it| it.1).collect()
    }
}

/// Takes what comes for some time.
async fn take(sim: &Sim, pull: &mut Pull<Item>, time: Duration, log: &mut Log) {
    let end = Instant::now() + time;
    while let Ok(item) = timeout_at(end, pull.recv()).await {
        log.add(sim, &item.unwrap());
    }
}

/// Sends the next messages of a sender, none of which waits for long; says how many were taken.
async fn send(push: &Push<Item>, sender: u32, next: &mut u32, n_messages: u32) -> u64 {
    send_by(async |it| push.send(it).await, sender, next, n_messages).await
}

/// As [`send`], whatever sends.
async fn send_by(
    say: impl AsyncFn(Item) -> Result<(), SendError>,
    sender: u32,
    next: &mut u32,
    n_messages: u32,
) -> u64 {
    let mut taken = 0;
    for _ in 0..n_messages {
        let item = Item::new(sender, *next);
        let sent = timeout(Duration::from_millis(200), say(item)).await;
        taken += u64::from(matches!(sent, Ok(Ok(()))));
        *next += 1;
    }
    taken
}

/// Something bad, or a relief, between two hosts.
fn befall(sim: &Sim, rng: &mut fastrand::Rng, one: &str, other: &str) {
    match rng.u8(0..10) {
        0 => drop(sim.reset(one, other)),
        1 => drop(sim.silence(one, other)),
        2 => sim.cut(one, other),
        3 | 4 => sim.heal(one, other),
        5 => sim.set_weather(Weather::rough(rng)),
        6 => sim.set_weather(Weather::stormy(rng, 50_000)),
        _ => (),
    }
}

/// A while, mostly short.
fn moment(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(1 << rng.u32(0..14))
}

/// Ends all misfortune and waits until every link that was hurt is made again.
async fn recover(sim: &Sim) {
    sim.calm();
    while 0 < sim.n_silent() {
        sim.pass(Duration::from_secs(5)).await;
    }
    // A dial, a handshake or a back-off may still be on its way to fail; then it is done anew.
    sim.pass(Duration::from_secs(40)).await;
}

/// A socket on a host.
fn on<S>(builder: Builder<S>, sim: &Sim, host: &str) -> Builder<S> {
    builder.options(sim.options(host))
}

/// What came in went on, was given up or waits.
#[track_caller]
fn check_balance(stats: &Stats) {
    let peers = stats.peers.iter().flat_map(|it| [&it.sent, &it.received]);
    for flow in peers.chain([&stats.sent, &stats.received]) {
        assert!(flow.is_balanced(), "{flow:?} of {stats:?}");
    }
}
