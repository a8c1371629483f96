//! What befalls a world, and how often.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::sim::Weather;

/// What befalls a [`World`](super::World), and how often. All times are drawn from the seed, within the given ranges.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub(super) crash: Option<Often>,
    pub(super) cut: Option<Often>,
    pub(super) kill: Option<Often>,
    pub(super) reset: Option<Often>,
    pub(super) spared: Vec<String>,
    pub(super) victims: Vec<String>,
    pub(super) weather: Weather,
}

/// How much time lies between two faults of a kind, and how long one lasts.
#[derive(Clone, Debug)]
pub(super) struct Often {
    pub(super) every: RangeInclusive<Duration>,
    pub(super) lasts: RangeInclusive<Duration>,
}

impl Often {
    fn new(every: RangeInclusive<Duration>, lasts: RangeInclusive<Duration>) -> Option<Self> {
        Some(Self { every, lasts })
    }
}

impl Faults {
    /// Nothing happens, in calm weather.
    pub fn none() -> Self {
        Self::default()
    }

    /// How well the network works meanwhile: [calm](Weather::calm) by default. Delays, and connections that break,
    /// come from here.
    pub fn weather(mut self, weather: Weather) -> Self {
        self.weather = weather;
        self
    }

    /// One of the machines crashes, every so often, and is down for a time: see [`Machine::crash`](super::Machine).
    pub fn crashes(
        mut self,
        every: RangeInclusive<Duration>,
        down: RangeInclusive<Duration>,
    ) -> Self {
        self.crash = Often::new(every, down);
        self
    }

    /// Machines of these names do not crash.
    pub fn spare<N: Into<String>>(mut self, machines: impl IntoIterator<Item = N>) -> Self {
        self.spared.extend(machines.into_iter().map(Into::into));
        self
    }

    /// Nothing passes between two of the machines, every so often and for a time.
    pub fn cuts(
        mut self,
        every: RangeInclusive<Duration>,
        lasting: RangeInclusive<Duration>,
    ) -> Self {
        self.cut = Often::new(every, lasting);
        self
    }

    /// All connections between two of the machines break, every so often.
    pub fn resets(mut self, every: RangeInclusive<Duration>) -> Self {
        self.reset = Often::new(every, Duration::ZERO..=Duration::ZERO);
        self
    }

    /// One of these agents is [killed](gleis_agent::Node::kill), every so often, where it runs. Whether it begins
    /// again is a matter of its supervisor.
    pub fn kills<N: Into<String>>(
        mut self,
        every: RangeInclusive<Duration>,
        agents: impl IntoIterator<Item = N>,
    ) -> Self {
        self.kill = Often::new(every, Duration::ZERO..=Duration::ZERO);
        self.victims.extend(agents.into_iter().map(Into::into));
        self
    }
}
