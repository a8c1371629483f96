//! Lets faults happen.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Faults;
use super::faults::Often;
use super::machine::Machine;
use crate::sim::Sim;

/// Something that is to happen.
#[derive(Clone, Debug)]
enum Blow {
    Crash,
    Cut,
    Heal(String, String),
    Kill,
    Reset,
}

struct Storm {
    /// By their times; those of one time in the order they were planned.
    blows: BTreeMap<(Instant, u64), Blow>,
    faults: Faults,
    machines: Vec<Machine>,
    n_planned: u64,
    rng: fastrand::Rng,
    sim: Sim,
}

/// Lets faults happen until it is dropped.
pub(super) async fn storm(sim: Sim, machines: Vec<Machine>, faults: Faults) {
    let rng = fastrand::Rng::with_seed(sim.seed() ^ 0x570a);
    let mut storm = Storm { blows: BTreeMap::new(), faults, machines, n_planned: 0, rng, sim };
    for blow in [Blow::Crash, Blow::Cut, Blow::Kill, Blow::Reset] {
        storm.plan_next(blow);
    }
    while let Some(((at, _), blow)) = storm.blows.pop_first() {
        sleep_until(at).await;
        storm.strike(blow.clone()).await;
        storm.plan_next(blow);
    }
}

impl Storm {
    fn often(&self, blow: &Blow) -> Option<&Often> {
        match blow {
            Blow::Crash => self.faults.crash.as_ref(),
            Blow::Cut => self.faults.cut.as_ref(),
            Blow::Kill => self.faults.kill.as_ref(),
            Blow::Reset => self.faults.reset.as_ref(),
            Blow::Heal(..) => None,
        }
    }

    /// Plans the next one of its kind, if there is to be one.
    fn plan_next(&mut self, blow: Blow) {
        if let Some(Often { every, .. }) = self.often(&blow).cloned() {
            let pause = draw(&mut self.rng, every).max(Duration::from_millis(1));
            self.plan(pause, blow);
        }
    }

    fn plan(&mut self, pause: Duration, blow: Blow) {
        self.n_planned += 1;
        self.blows.insert((Instant::now() + pause, self.n_planned), blow);
    }

    /// How long one of its kind lasts.
    fn lasting(&mut self, blow: &Blow) -> Duration {
        let often = self.often(blow).cloned();
        often.map(|it| draw(&mut self.rng, it.lasts)).unwrap_or_default()
    }

    async fn strike(&mut self, blow: Blow) {
        match &blow {
            Blow::Crash => {
                let down = self.lasting(&blow);
                let spared = &self.faults.spared;
                let may = |it: &&Machine| !spared.iter().any(|name| name == it.name());
                let mortal: Vec<_> = self.machines.iter().filter(may).collect();
                if let Some(machine) = self.rng.choice(mortal) {
                    machine.crash(down);
                }
            }
            Blow::Cut => {
                let lasting = self.lasting(&blow);
                if let Some((one, other)) = self.pair() {
                    self.sim.cut(&one, &other);
                    self.plan(lasting, Blow::Heal(one, other));
                }
            }
            Blow::Heal(one, other) => self.sim.heal(one, other),
            Blow::Kill => {
                if let Some(victim) = self.rng.choice(&self.faults.victims).cloned() {
                    self.kill(&victim).await;
                }
            }
            Blow::Reset => {
                if let Some((one, other)) = self.pair() {
                    self.sim.note(format_args!("reset {one} {other}"));
                    self.sim.reset(&one, &other);
                }
            }
        }
    }

    /// Two machines.
    fn pair(&mut self) -> Option<(String, String)> {
        let two = self.rng.choose_multiple(&self.machines, 2);
        match two[..] {
            [one, other] => Some((one.name().to_owned(), other.name().to_owned())),
            _ => None,
        }
    }

    async fn kill(&self, victim: &str) {
        for node in self.machines.iter().filter_map(Machine::node) {
            if node.kill(victim).await {
                self.sim.note(format_args!("{victim} is killed"));
                return;
            }
        }
    }
}

fn draw(rng: &mut fastrand::Rng, range: RangeInclusive<Duration>) -> Duration {
    let millis = |it: &Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
    let (least, most) = (millis(range.start()), millis(range.end()));
    Duration::from_millis(rng.u64(least..=most.max(least)))
}
