//! A router, and dealers of which two may claim one identity.

use std::time::Duration;

use gleis_patterns::{Dealer, PeerId, Router};
use gleis_test::sim::{Sim, run};

use super::super::{
    CENTRE, Item, Log, PORT, befall, check_balance, moment, on, outer, recover, send_by,
};
use super::talker::Talker;
use super::{Total, come, policy, weather};

/// The number of the router as a sender.
const ROUTER: u32 = 100;

struct World {
    breaks: bool,
    dealers: Vec<Talker<Dealer<Item>>>,
    got: u64,
    /// What came to the router.
    heard: Log,
    /// Who the dealers say they are; empty if nobody.
    identities: Vec<String>,
    next: u32,
    past: Total,
    rng: fastrand::Rng,
    router: Router<Item>,
    /// What came to the dealers: one message to one of them.
    said: Log,
    sim: Sim,
    taken: u64,
}

async fn router(sim: &Sim, rng: &mut fastrand::Rng) -> Router<Item> {
    let mut router = on(Router::bind(PORT), sim, CENTRE);
    router = router.high_water(rng.usize(1..20)).overflow(policy(rng));
    if rng.bool() {
        router = router.handover();
    }
    if rng.bool() {
        router = router.drop_unroutable();
    }
    router.await.unwrap()
}

async fn dealer(sim: &Sim, rng: &mut fastrand::Rng, i: usize, identity: &str) -> Dealer<Item> {
    let dealer = on(Dealer::connect(PORT), sim, &outer(i as u32)).high_water(rng.usize(1..20));
    let mut dealer = dealer.overflow(policy(rng)).identity(identity.to_owned());
    if rng.u8(0..4) == 0 {
        dealer = dealer.queue_without_peer();
    }
    dealer.await.unwrap()
}

impl World {
    async fn new(sim: Sim, breaks: bool) -> Self {
        let mut rng = sim.rng();
        sim.set_weather(weather(&mut rng, breaks));
        let router = router(&sim, &mut rng).await;
        let (mut dealers, mut identities) = (Vec::new(), Vec::new());
        for i in 0..rng.usize(1..=3) {
            let identity = match rng.u8(0..6) {
                0 => String::new(),
                1 if breaks => "d0".to_owned(),
                _ => format!("d{i}"),
            };
            dealers.push(Talker::new(i as u32, dealer(&sim, &mut rng, i, &identity).await));
            identities.push(identity);
        }
        let (heard, said) = Default::default();
        let (got, next, taken, past) = Default::default();
        Self { breaks, dealers, got, heard, identities, next, past, rng, router, said, sim, taken }
    }

    /// Says something to somebody who is here, was here, or never was.
    async fn say(&mut self) {
        let mut ids = self.router.peer_ids();
        ids.extend([PeerId::new("d0"), PeerId::new("nobody")]);
        let to = &ids[self.rng.usize(0..ids.len())];
        let say = async |it| self.router.send_to(to, it).await;
        self.taken += send_by(say, ROUTER, &mut self.next, self.rng.u32(0..15)).await;
    }

    async fn round(&mut self) {
        for i in 0..self.dealers.len() {
            self.dealers[i].say(self.rng.u32(0..15)).await;
            self.say().await;
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

    /// Now and then somebody is closed or sent away, and comes again.
    async fn replace(&mut self) {
        let Self { dealers, identities, rng, sim, .. } = self;
        match rng.u8(0..12) {
            0 => {
                self.router.close().await;
                self.past.add_closed(&self.router.stats());
                self.router = router(sim, rng).await;
                (self.got, self.taken) = (0, 0);
            }
            1 | 2 => {
                let i = rng.usize(0..dealers.len());
                dealers[i].close().await;
                dealers[i].replace(dealer(sim, rng, i, &identities[i]).await);
            }
            3 => {
                self.router.disconnect_peer(&PeerId::new("d0")).await;
            }
            _ => (),
        }
    }

    async fn take_all(&mut self, one: Duration, other: Duration) {
        for res in come(&mut self.router, one).await {
            let (from, item) = res.unwrap();
            match &*self.identities[item.sender as usize] {
                "" => assert!(from.is_invented()),
                identity => assert_eq!(from.as_bytes(), identity.as_bytes()),
            }
            self.heard.add(&self.sim, &item);
            self.got += 1;
        }
        for it in &mut self.dealers {
            it.take(&self.sim, other, &mut self.said).await;
        }
    }

    #[track_caller]
    fn check(&self) -> (Total, Total) {
        let stats = self.router.stats();
        check_balance(&stats);
        assert_eq!(stats.sent.offered, self.taken, "{stats:?}");
        assert_eq!(stats.received.delivered, self.got, "{stats:?}");
        let (mut here, mut there) = (self.past.clone(), Total::default());
        here.add(&stats);
        for it in &self.dealers {
            it.check();
            it.add_to(&mut there);
        }
        here.check_against(&there);
        (here, there)
    }

    /// In a run without a loss everything that left came, with each peer.
    #[track_caller]
    fn check_all(&self) {
        let (here, there) = self.check();
        assert_eq!((here.came, there.came), (there.left, here.left));
        let peers = self.router.stats().peers;
        for (i, identity) in self.identities.iter().enumerate() {
            assert!(self.heard.of(i as u32, 0).is_sorted(), "{:?}", self.heard);
            let Some(peer) = peers.iter().find(|it| it.identity == *identity) else {
                panic!("{identity} is not here");
            };
            if !identity.is_empty() {
                let stats = self.dealers[i].socket.stats();
                assert_eq!(peer.sent.delivered, stats.received.offered, "{peer:?}");
                assert_eq!(peer.received.offered, stats.sent.delivered, "{peer:?}");
            }
        }
        assert!(self.said.of(ROUTER, 0).len() as u64 <= self.taken);
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
    world.take_all(last, last).await;
    let (mut names, n_dealers) = (world.identities.clone(), world.dealers.len());
    names.retain(|it| !it.is_empty());
    names.sort_unstable();
    let n_named = names.len();
    names.dedup();
    // Two of one name are never done: one of them is always about to come.
    if names.len() == n_named {
        assert_eq!(world.router.peer_ids().len(), n_dealers);
        world.dealers.iter().for_each(Talker::check_end);
        let stats = world.router.stats();
        assert_eq!((stats.sent.queued, stats.received.queued), (0, 0), "{stats:?}");
    }
    world.check();
    if !breaks {
        world.check_all();
    }
}

#[test]
fn the_counters_of_routers_and_dealers_add_up_while_links_break() {
    run(60, |sim| play(sim, true));
}

#[test]
fn without_a_loss_all_that_was_routed_came() {
    run(60, |sim| play(sim, false));
}
