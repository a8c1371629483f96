//! All there is in the network, and what can happen to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::agenda::{Agenda, Event, Item, Side};
use super::door::Doors;
use super::link::Link;
use super::trace::Trace;
use super::weather::Weather;

/// When the system gives up on what nobody acknowledges: what Linux does by default.
const PATIENCE: Duration = Duration::from_secs(924);

/// Two hosts, in alphabetical order.
pub(super) type Pair = (String, String);

pub(super) fn pair(one: &str, other: &str) -> Pair {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    (first.to_owned(), second.to_owned())
}

#[derive(Debug)]
pub(super) struct State {
    agenda: Agenda,
    pub(super) cuts: BTreeSet<Pair>,
    pub(super) doors: Doors,
    last_link: u64,
    pub(super) links: BTreeMap<u64, Link>,
    /// The courier has to look again.
    pub(super) rearm: bool,
    pub(super) rng: fastrand::Rng,
    pub(super) trace: Trace,
    pub(super) weather: Weather,
    pub(super) weathers: BTreeMap<Pair, Weather>,
    /// To be woken when the lock is released.
    pub(super) woken: Vec<Waker>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        let (agenda, cuts, doors, links, weathers, woken) = Default::default();
        let (rng, trace) = (fastrand::Rng::with_seed(seed), Trace::new());
        let (last_link, rearm, weather) = Default::default();
        Self { agenda, cuts, doors, last_link, links, rearm, rng, trace, weather, weathers, woken }
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        0.0 < share && self.rng.f64() < share
    }

    pub(super) fn weather_between(&self, (one, other): (&str, &str)) -> Weather {
        if self.weathers.is_empty() {
            return self.weather.clone();
        }
        self.weathers.get(&pair(one, other)).unwrap_or(&self.weather).clone()
    }

    pub(super) fn weathers_of(&self, id: u64) -> Weather {
        self.links.get(&id).map(|it| self.weather_between(it.hosts())).unwrap_or_default()
    }

    /// How long the next thing takes between two hosts.
    pub(super) fn delay(&mut self, hosts: (&str, &str)) -> Duration {
        let delay = self.weather_between(hosts).delay;
        let (least, most) = (delay.start().as_millis() as u64, delay.end().as_millis() as u64);
        Duration::from_millis(self.rng.u64(least..=most.max(least)))
    }

    pub(super) fn is_cut(&self, (one, other): (&str, &str)) -> bool {
        !self.cuts.is_empty() && self.cuts.contains(&pair(one, other))
    }

    /// A new connection, with what fate has in store for it.
    pub(super) fn connect(&mut self, dialler: &str, listener: &str) -> u64 {
        self.last_link += 1;
        let id = self.last_link;
        let mut link = Link::new(dialler, listener, Instant::now());
        let weather = self.weather_between((dialler, listener));
        if let Some(lifetime) = weather.lifetime {
            link.doom = Some((self.rng.u64(lifetime), self.chance(weather.silent)));
        }
        self.links.insert(id, link);
        self.trace.add(format_args!("#{id} {dialler} > {listener} up"));
        id
    }

    /// Puts bytes on their way; of those beyond the end of a doomed connection none arrives.
    pub(super) fn send_bytes(&mut self, id: u64, from: Side, bytes: &[u8]) {
        let Some(link) = self.links.get(&id) else { return };
        let most = link.doom.map_or(u64::MAX, |(left, _)| left);
        let n_bytes = bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        self.send(id, from, Item::Bytes(Bytes::copy_from_slice(&bytes[..n_bytes])));
    }

    /// Puts something on its way from one end of a connection to the other.
    pub(super) fn send(&mut self, id: u64, from: Side, item: Item) {
        let to = 1 - from;
        let Some(link) = self.links.get(&id) else { return };
        let hosts = link.hosts();
        let (bandwidth, hosts) =
            (self.weather_between(hosts).bandwidth, (hosts.0.to_owned(), hosts.1.to_owned()));
        let delay = self.delay((&hosts.0, &hosts.1));
        let Some(link) = self.links.get_mut(&id) else { return };
        let end = &mut link.ends[to];
        let n_bytes = if let Item::Bytes(bytes) = &item { bytes.len() } else { 0 };
        end.on_the_way += n_bytes;
        if link.is_silent {
            self.doubt(id, from);
            return;
        }
        let busy = bandwidth
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(n_bytes as f64 / rate as f64));
        end.line_free = end.line_free.max(Instant::now()) + busy;
        end.last_arrival = end.last_arrival.max(end.line_free + delay);
        let at = end.last_arrival;
        self.plan(at, Event::Arrive { link: id, to, item });
        self.approach_doom(id, n_bytes, at);
    }

    /// Counts bytes; the last one that arrives is followed by the end.
    fn approach_doom(&mut self, id: u64, n_bytes: usize, at: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some((left, silent)) = link.doom else { return };
        let left = left.saturating_sub(n_bytes as u64);
        link.doom = Some((left, silent));
        if left == 0 {
            link.doom = None;
            self.plan(at, Event::Break { link: id, silent });
        }
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.rearm |= self.agenda.add(at, event);
    }

    /// Lets everything happen that is due; says when the next thing is.
    pub(super) fn pass(&mut self, now: Instant) -> Option<Instant> {
        while let Some(event) = self.agenda.take_due(now) {
            match event {
                Event::Arrive { link, to, item } => self.arrive(link, to, item),
                Event::Break { link, silent } => self.break_one(link, silent),
                Event::GiveUp { link, side } => {
                    self.end_one(link, side, io::ErrorKind::TimedOut);
                }
            }
        }
        self.agenda.next()
    }

    pub(super) fn arrive(&mut self, id: u64, to: Side, item: Item) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_silent {
            return;
        }
        let hosts = link.hosts();
        if !self.cuts.is_empty() && self.cuts.contains(&pair(hosts.0, hosts.1)) {
            // What is not acknowledged is sent again, but nobody acknowledges a reset.
            match item {
                Item::Reset => self.trace.add(format_args!("#{id} reset of {to} lost")),
                item => link.ends[to].held.push_back(item),
            }
            return;
        }
        match item {
            Item::Bytes(bytes) => self.arrive_bytes(id, to, &bytes),
            Item::Fin => {
                self.trace.add(format_args!("#{id} fin to {to}"));
                link.ends[to].fin = true;
                self.woken.extend(link.ends[to].reader.take());
            }
            Item::Reset => self.end_one(id, to, io::ErrorKind::ConnectionReset),
        }
    }

    fn arrive_bytes(&mut self, id: u64, to: Side, bytes: &Bytes) {
        let Some(link) = self.links.get_mut(&id) else { return };
        self.trace.add(format_args!("#{id} {} to {to}", bytes.len()));
        let peer_lives = link.ends[1 - to].error.is_none();
        let end = &mut link.ends[to];
        end.on_the_way -= bytes.len();
        if end.closed {
            if peer_lives {
                self.send(id, to, Item::Reset);
            }
        } else if end.error.is_none() {
            end.arrived.extend_from_slice(bytes);
            self.woken.extend(end.reader.take());
        }
    }

    /// One side hears that the connection is broken; what it has not read may be lost.
    fn end_one(&mut self, id: u64, side: Side, why: io::ErrorKind) {
        let loses = self.rng.bool();
        let Some(link) = self.links.get_mut(&id) else { return };
        let end = &mut link.ends[side];
        if end.error.is_some() || end.closed {
            return;
        }
        self.trace.add(format_args!("#{id} {why} {side}"));
        end.error = Some(why);
        if loses {
            end.arrived.clear();
        }
        self.woken.extend(end.wakers());
    }

    pub(super) fn break_one(&mut self, id: u64, silent: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if silent {
            link.is_silent = true;
            self.trace.add(format_args!("#{id} silent"));
            let unsure = [0, 1].map(|side| 0 < link.unread(side));
            for side in [0, 1].into_iter().filter(|side| unsure[*side]) {
                self.doubt(id, side);
            }
            return;
        }
        self.end_one(id, 0, io::ErrorKind::ConnectionReset);
        self.end_one(id, 1, io::ErrorKind::ConnectionReset);
    }

    /// What one side wrote is not acknowledged any more: in the end the system gives up.
    fn doubt(&mut self, id: u64, side: Side) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !std::mem::replace(&mut link.ends[side].gives_up, true) {
            self.plan(Instant::now() + PATIENCE, Event::GiveUp { link: id, side });
        }
    }

    /// One side is done with the connection.
    pub(super) fn close(&mut self, id: u64, side: Side) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let end = &mut link.ends[side];
        if end.closed {
            return;
        }
        end.closed = true;
        self.woken.extend(end.wakers());
        let (was_read, has_said) = (end.arrived.is_empty(), end.wrote_fin);
        let lives = end.error.is_none();
        end.arrived.clear();
        // It may write into the void now.
        self.woken.extend(link.ends[1 - side].writer.take());
        self.trace.add(format_args!("#{id} close {side}"));
        // As the system does: who does not read what came tells the peer so.
        match (was_read, has_said) {
            _ if !lives => (),
            (false, _) => self.send(id, side, Item::Reset),
            (true, false) => self.send(id, side, Item::Fin),
            (true, true) => (),
        }
        self.forget_if_over(id);
    }

    pub(super) fn forget_if_over(&mut self, id: u64) {
        if self.links.get(&id).is_some_and(Link::is_over) {
            self.links.remove(&id);
        }
    }
}
