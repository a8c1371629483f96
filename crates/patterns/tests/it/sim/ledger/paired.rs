//! Two that talk, and a third that would like to.

use std::time::Duration;

use gleis_patterns::{Builder, Pair};
use gleis_test::sim::{Sim, run};

use super::super::{CENTRE, Item, Log, PORT, befall, moment, on, outer, recover};
use super::talker::Talker;
use super::{Total, policy, weather};

struct World {
    breaks: bool,
    centre: Talker<Pair<Item>>,
    /// What came to the centre.
    heard: Log,
    others: Vec<Talker<Pair<Item>>>,
    rng: fastrand::Rng,
    /// What came to the others: one message to one of them.
    said: Log,
    sim: Sim,
}

async fn pair(
    sim: &Sim,
    rng: &mut fastrand::Rng,
    pair: Builder<Pair<Item>>,
    host: &str,
) -> Pair<Item> {
    on(pair, sim, host).high_water(rng.usize(1..20)).overflow(policy(rng)).await.unwrap()
}

impl World {
    async fn new(sim: Sim, breaks: bool) -> Self {
        let mut rng = sim.rng();
        sim.set_weather(weather(&mut rng, breaks));
        let centre = Talker::new(100, pair(&sim, &mut rng, Pair::bind(PORT), CENTRE).await);
        let mut others = Vec::new();
        for i in 0..if breaks { rng.u32(1..=2) } else { 1 } {
            let other = pair(&sim, &mut rng, Pair::connect(PORT), &outer(i)).await;
            others.push(Talker::new(i, other));
        }
        let (heard, said) = Default::default();
        Self { breaks, centre, heard, others, rng, said, sim }
    }

    async fn round(&mut self) {
        for i in 0..self.others.len() {
            self.others[i].say(self.rng.u32(0..20)).await;
            self.centre.say(self.rng.u32(0..20)).await;
            if self.breaks {
                befall(&self.sim, &mut self.rng, CENTRE, &outer(i as u32));
            }
            self.check();
        }
        if self.breaks {
            self.replace().await;
        }
        let (one, other) = (moment(&mut self.rng), moment(&mut self.rng));
        self.take_all(one, other).await;
        self.check();
    }

    /// Now and then one is closed, and another comes in its place.
    async fn replace(&mut self) {
        let Self { centre, others, rng, sim, .. } = self;
        match rng.u8(0..8) {
            0 => {
                centre.close().await;
                centre.replace(pair(sim, rng, Pair::bind(PORT), CENTRE).await);
            }
            1 => {
                let i = rng.usize(0..others.len());
                others[i].close().await;
                let host = outer(i as u32);
                others[i].replace(pair(sim, rng, Pair::connect(PORT), &host).await);
            }
            _ => (),
        }
    }

    async fn take_all(&mut self, one: Duration, other: Duration) {
        self.centre.take(&self.sim, one, &mut self.heard).await;
        for it in &mut self.others {
            it.take(&self.sim, other, &mut self.said).await;
        }
    }

    #[track_caller]
    fn check(&self) -> (Total, Total) {
        let (mut here, mut there) = (Total::default(), Total::default());
        self.centre.check();
        self.centre.add_to(&mut here);
        for it in &self.others {
            it.check();
            it.add_to(&mut there);
        }
        here.check_against(&there);
        (here, there)
    }
}

async fn play(sim: Sim, breaks: bool) {
    let mut world = World::new(sim, breaks).await;
    for _ in 0..world.rng.u32(1..12) {
        world.round().await;
    }
    let (while_silent, last) = (Duration::from_secs(5), Duration::from_secs(60));
    world.sim.calm();
    while 0 < world.sim.n_silent() {
        world.take_all(while_silent, while_silent).await;
    }
    recover(&world.sim).await;
    world.take_all(last, last).await;
    // Whoever was waited for may have come only now.
    world.take_all(last, last).await;
    world.centre.check_end();
    world.others.iter().for_each(Talker::check_end);
    let (here, there) = world.check();
    if !breaks {
        assert_eq!((here.came, there.came), (there.left, here.left));
        assert!(world.heard.of(0, 0).is_sorted() && world.said.of(100, 0).is_sorted());
    }
}

#[test]
fn the_counters_of_pairs_add_up_while_links_break() {
    run(60, |sim| play(sim, true));
}

#[test]
fn without_a_loss_all_that_pairs_said_is_heard() {
    run(60, |sim| play(sim, false));
}
