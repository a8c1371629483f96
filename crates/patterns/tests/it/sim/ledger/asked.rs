//! Requests that are answered, refused, forgotten, late, or not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use gleis_patterns::{Overflow, Replier, RequestError, Requester};
use gleis_test::sim::{Sim, run};
use gleis_transport::TaskGuard;
use tokio::time::timeout;

use super::super::{CENTRE, PORT, befall, moment, on, outer, recover};
use super::{Total, policy, weather};

/// What a replier does with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    Answers,
    Fails,
    Forgets,
}

/// What repliers did with which requests.
type Deeds = Arc<Mutex<BTreeMap<u64, Deed>>>;

async fn answer(sim: Sim, mut rng: fastrand::Rng, replier: Arc<Replier<u64, u64>>, deeds: Deeds) {
    while let Ok((n, reply)) = replier.recv().await {
        let deed = match rng.u8(0..8) {
            0 => Deed::Fails,
            1 => Deed::Forgets,
            _ => Deed::Answers,
        };
        assert!(deeds.lock().unwrap().insert(n, deed).is_none(), "asked twice for {n}");
        if rng.u8(0..6) == 0 {
            sim.pass(moment(&mut rng)).await;
        }
        // The requester may be gone.
        let _ = match deed {
            Deed::Answers => reply.send(n + 1).await,
            Deed::Fails => reply.fail(n.to_string()).await,
            Deed::Forgets => Ok(()),
        };
    }
}

/// A requester and its own count.
struct Asker {
    n_answers: u64,
    n_cancelled: u64,
    n_offered: u64,
    next: u64,
    overflow: Overflow,
    past: Total,
    requester: Requester<u64, u64>,
    /// Requests that no replier may have seen.
    unsent: BTreeSet<u64>,
}

async fn requester(
    sim: &Sim,
    rng: &mut fastrand::Rng,
    overflow: Overflow,
    i: u32,
) -> Requester<u64, u64> {
    let requester = on(Requester::connect(PORT), sim, &outer(i)).overflow(overflow);
    requester.high_water(rng.usize(1..20)).await.unwrap()
}

impl Asker {
    async fn new(sim: &Sim, rng: &mut fastrand::Rng, i: u32) -> Self {
        let overflow = policy(rng);
        Self {
            n_answers: 0,
            n_cancelled: 0,
            n_offered: 0,
            next: u64::from(i) << 32,
            overflow,
            past: Total::default(),
            requester: requester(sim, rng, overflow, i).await,
            unsent: BTreeSet::new(),
        }
    }

    /// Asks several times at once; each request has one outcome, which fits what the replier did.
    async fn ask(&mut self, sim: &Sim, rng: &mut fastrand::Rng, deeds: &Deeds) {
        let numbers = self.next..self.next + rng.u64(0..25);
        self.next = numbers.end;
        let asking = numbers.clone().map(|n| {
            let patience = if rng.u8(0..4) == 0 { moment(rng) } else { Duration::from_secs(100) };
            timeout(patience, self.requester.request(n).within(moment(rng)))
        });
        let outcomes = join_all(asking.collect::<Vec<_>>()).await;
        assert_eq!(self.requester.in_flight(), 0);
        for (n, outcome) in numbers.zip(outcomes) {
            sim.note(format_args!("{n}: {outcome:?}"));
            match outcome {
                Err(_) => self.n_cancelled += 1,
                Ok(outcome) => self.note(n, &outcome, deeds.lock().unwrap().get(&n).copied()),
            }
        }
    }

    #[track_caller]
    fn note(&mut self, n: u64, outcome: &Result<u64, RequestError>, deed: Option<Deed>) {
        let waits = self.overflow == Overflow::Block;
        let (fits, counts) = match outcome {
            Ok(answer) => (*answer == n + 1 && deed == Some(Deed::Answers), true),
            Err(RequestError::Remote { text }) => {
                (*text == n.to_string() && deed == Some(Deed::Fails), true)
            }
            Err(RequestError::NoReply) => (deed == Some(Deed::Forgets), true),
            Err(
                RequestError::DeadlineExceeded { sent: true }
                | RequestError::PeerLost { sent: true },
            ) => (true, true),
            Err(RequestError::DeadlineExceeded { sent: false }) => (waits, true),
            Err(RequestError::NoPeer) => (true, waits),
            Err(RequestError::Full) => (!waits, false),
            Err(_) => (false, false),
        };
        assert!(fits, "{n}: {outcome:?}, where the replier {deed:?}");
        self.n_offered += u64::from(counts);
        match outcome {
            Ok(_) | Err(RequestError::Remote { .. } | RequestError::NoReply) => self.n_answers += 1,
            Err(
                RequestError::DeadlineExceeded { sent: false }
                | RequestError::NoPeer
                | RequestError::Full,
            ) => assert!(self.unsent.insert(n)),
            Err(_) => (),
        }
    }

    async fn replace(&mut self, sim: &Sim, rng: &mut fastrand::Rng, i: u32) {
        self.requester.close().await;
        self.check();
        self.past.add_closed(&self.requester.stats());
        self.requester = requester(sim, rng, self.overflow, i).await;
        (self.n_answers, self.n_cancelled, self.n_offered) = (0, 0, 0);
    }

    #[track_caller]
    fn check(&self) {
        let stats = self.requester.stats();
        let offered = self.n_offered..=self.n_offered + self.n_cancelled;
        assert!(offered.contains(&stats.sent.offered), "{offered:?}: {stats:?}");
        // An answer may come in the moment in which nobody waits for it any more.
        let answers = self.n_answers..=self.n_answers + self.n_cancelled;
        assert!(answers.contains(&stats.received.delivered), "{answers:?}: {stats:?}");
    }

    #[track_caller]
    fn add_to(&self, total: &mut Total) {
        total.came += self.past.came;
        total.left += self.past.left;
        total.add(&self.requester.stats());
    }
}

struct World {
    _answering: Vec<TaskGuard>,
    askers: Vec<Asker>,
    breaks: bool,
    deeds: Deeds,
    past: Total,
    past_delivered: u64,
    replier: Arc<Replier<u64, u64>>,
    rng: fastrand::Rng,
    sim: Sim,
}

/// A replier, and the task that answers.
async fn replier(
    sim: &Sim,
    rng: &mut fastrand::Rng,
    deeds: &Deeds,
) -> (Arc<Replier<u64, u64>>, TaskGuard) {
    let replier = on(Replier::bind(PORT), sim, CENTRE).high_water(rng.usize(1..20));
    let replier = Arc::new(replier.await.unwrap());
    let answering = answer(sim.clone(), rng.fork(), replier.clone(), deeds.clone());
    (replier, TaskGuard::spawn(answering))
}

impl World {
    async fn new(sim: Sim, breaks: bool) -> Self {
        let mut rng = sim.rng();
        sim.set_weather(weather(&mut rng, breaks));
        let deeds = Deeds::default();
        let (replier, answering) = replier(&sim, &mut rng, &deeds).await;
        let mut askers = Vec::new();
        for i in 0..rng.u32(1..=3) {
            askers.push(Asker::new(&sim, &mut rng, i).await);
        }
        let (past, past_delivered, _answering) = (Total::default(), 0, vec![answering]);
        Self { _answering, askers, breaks, deeds, past, past_delivered, replier, rng, sim }
    }

    async fn round(&mut self) {
        for (i, asker) in self.askers.iter_mut().enumerate() {
            asker.ask(&self.sim, &mut self.rng, &self.deeds).await;
            if self.breaks {
                befall(&self.sim, &mut self.rng, CENTRE, &outer(i as u32));
            }
        }
        self.check();
        if self.breaks {
            self.replace().await;
        }
    }

    /// Now and then somebody is closed, and somebody else comes.
    async fn replace(&mut self) {
        match self.rng.u8(0..8) {
            0 => {
                self.replier.close().await;
                let stats = self.replier.stats();
                self.past.add_closed(&stats);
                self.past_delivered += stats.received.delivered;
                let (replier, answering) = replier(&self.sim, &mut self.rng, &self.deeds).await;
                self.replier = replier;
                self._answering.push(answering);
            }
            1 => {
                let i = self.rng.usize(0..self.askers.len());
                self.askers[i].replace(&self.sim, &mut self.rng, i as u32).await;
            }
            _ => (),
        }
    }

    #[track_caller]
    fn check(&self) -> (Total, Total) {
        let stats = self.replier.stats();
        let (mut here, mut there) = (self.past.clone(), Total::default());
        here.add(&stats);
        let deeds = self.deeds.lock().unwrap();
        assert_eq!(self.past_delivered + stats.received.delivered, deeds.len() as u64);
        for asker in &self.askers {
            asker.check();
            asker.add_to(&mut there);
            assert!(asker.unsent.iter().all(|it| !deeds.contains_key(it)), "{:?}", asker.unsent);
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
    recover(&world.sim).await;
    // The replier has its time to answer whatever still waits.
    while 0 < world.replier.stats().received.queued {
        world.sim.pass(Duration::from_secs(10)).await;
    }
    world.sim.pass(Duration::from_secs(10)).await;
    let (here, there) = world.check();
    assert_eq!(world.replier.stats().sent.queued, 0);
    if !breaks {
        assert_eq!((here.came, there.came), (there.left, here.left));
    }
}

#[test]
fn the_counters_of_requesters_and_repliers_add_up_while_links_break() {
    run(60, |sim| play(sim, true));
}

#[test]
fn without_a_loss_every_request_and_every_answer_comes() {
    run(60, |sim| play(sim, false));
}
