//! Links are made again, and what is sent afterwards arrives.

use std::time::Duration;

use gleis_patterns::{Pull, Push};
use gleis_test::sim::{Sim, Weather, run, trace_of};

use super::{CENTRE, Item, Log, PORT, befall, moment, on, outer, recover, send, take};

/// How many messages must arrive when all is well again.
const AFTER: u32 = 30;

/// Which side listens.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Binder {
    Pull,
    Pushes,
}

struct World {
    binder: Binder,
    log: Log,
    next: Vec<u32>,
    pull: Pull<Item>,
    pushes: Vec<Push<Item>>,
    rng: fastrand::Rng,
    sim: Sim,
}

impl World {
    /// Some pushes and one pull.
    async fn new(sim: Sim) -> Self {
        let mut rng = sim.rng();
        sim.set_weather(Weather::stormy(&mut rng, 50_000));
        let binder = if rng.bool() { Binder::Pull } else { Binder::Pushes };
        let mut pushes = Vec::new();
        for i in 0..rng.u32(1..=3) {
            let push = match binder {
                Binder::Pull => Push::connect(PORT),
                Binder::Pushes => Push::bind(port(i)),
            };
            pushes.push(on(push, &sim, &outer(i)).await.unwrap());
        }
        let pull = pull(&sim, binder, pushes.len()).await;
        Self { binder, log: Log::default(), next: vec![0; pushes.len()], pull, pushes, rng, sim }
    }

    async fn round(&mut self) {
        for (i, push) in self.pushes.iter().enumerate() {
            send(push, i as u32, &mut self.next[i], self.rng.u32(0..20)).await;
            befall(&self.sim, &mut self.rng, CENTRE, &outer(i as u32));
        }
        if self.rng.u8(0..8) == 0 {
            self.restart().await;
        }
        take(&self.sim, &mut self.pull, moment(&mut self.rng), &mut self.log).await;
    }

    /// The host of the pull loses power, or only the socket is replaced.
    async fn restart(&mut self) {
        if self.rng.bool() {
            self.sim.restart(CENTRE);
        }
        self.pull.close().await;
        self.pull = pull(&self.sim, self.binder, self.pushes.len()).await;
    }
}

/// Where a push listens.
fn port(i: u32) -> String {
    format!("tcp://{}:7000", outer(i))
}

async fn pull(sim: &Sim, binder: Binder, n_pushes: usize) -> Pull<Item> {
    if binder == Binder::Pull {
        return on(Pull::bind(PORT), sim, CENTRE).await.unwrap();
    }
    let pull = on(Pull::connect(port(0)), sim, CENTRE).await.unwrap();
    for i in 1..n_pushes as u32 {
        pull.also_connect(port(i)).await.unwrap();
    }
    pull
}

async fn links_break(sim: Sim) {
    let mut world = World::new(sim).await;
    for _ in 0..world.rng.u32(1..16) {
        world.round().await;
    }
    recover(&world.sim).await;
    let World { mut log, mut next, mut pull, pushes, sim, .. } = world;
    let first = next.clone();
    let sending = async {
        for (i, push) in pushes.iter().enumerate() {
            assert_eq!(send(push, i as u32, &mut next[i], AFTER).await, u64::from(AFTER));
        }
    };
    tokio::join!(sending, take(&sim, &mut pull, Duration::from_secs(60), &mut log));
    for (i, first) in first.into_iter().enumerate() {
        let expect: Vec<_> = (first..first + AFTER).collect();
        assert_eq!(log.of(i as u32, first), expect, "of sender {i}");
    }
}

#[test]
fn after_the_last_loss_everything_arrives_in_order_and_nothing_ever_twice() {
    run(250, links_break);
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..4 {
        let (first, second) = (trace_of(seed, links_break), trace_of(seed, links_break));
        assert_eq!(first.to_string(), second.to_string(), "seed {seed}");
        assert_eq!(first, second);
    }
}
