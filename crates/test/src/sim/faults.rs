//! What can befall the network from outside.

use std::io;

use super::agenda::Item;
use super::link::Link;
use super::state::{State, pair};
use super::weather::Weather;

impl State {
    fn between(&self, one: &str, other: &str) -> Vec<u64> {
        let wanted = pair(one, other);
        let is_wanted = |link: &Link| pair(link.hosts().0, link.hosts().1) == wanted;
        self.links.iter().filter(|(_, link)| is_wanted(link)).map(|(id, _)| *id).collect()
    }

    pub(super) fn break_all(&mut self, one: &str, other: &str, silent: bool) -> usize {
        let ids = self.between(one, other);
        for id in &ids {
            self.break_one(*id, silent);
        }
        ids.len()
    }

    pub(super) fn cut(&mut self, one: &str, other: &str) {
        if self.cuts.insert(pair(one, other)) {
            self.trace.add(format_args!("cut {one} {other}"));
        }
    }

    pub(super) fn heal(&mut self, one: &str, other: &str) {
        if !self.cuts.remove(&pair(one, other)) {
            return;
        }
        self.trace.add(format_args!("heal {one} {other}"));
        for id in self.between(one, other) {
            for side in [0, 1] {
                let held =
                    self.links.get_mut(&id).map(|it| std::mem::take(&mut it.ends[side].held));
                for item in held.into_iter().flatten() {
                    self.arrive(id, side, item);
                }
            }
        }
    }

    pub(super) fn calm(&mut self) {
        self.trace.add("calm");
        self.weather = Weather::calm();
        self.weathers.clear();
        for (one, other) in std::mem::take(&mut self.cuts) {
            self.cuts.insert((one.clone(), other.clone()));
            self.heal(&one, &other);
        }
        for link in self.links.values_mut() {
            link.doom = None;
        }
    }

    pub(super) fn restart(&mut self, host: &str) {
        self.trace.add(format_args!("restart {host}"));
        let (wakers, waiting) = self.doors.close_all(host);
        self.woken.extend(wakers);
        let touched = self.links.iter().filter(|(_, link)| link.touches(host));
        for id in touched.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.lose_power(id, host);
        }
        for id in waiting {
            self.close(id, 1);
        }
    }

    fn lose_power(&mut self, id: u64, host: &str) {
        for side in [0, 1] {
            let Some(link) = self.links.get_mut(&id) else { return };
            let end = &mut link.ends[side];
            if end.host != host || end.error.is_some() {
                continue;
            }
            end.error = Some(io::ErrorKind::ConnectionReset);
            end.arrived.clear();
            let was_closed = std::mem::replace(&mut end.closed, true);
            self.woken.extend(end.wakers());
            self.woken.extend(link.ends[1 - side].writer.take());
            if !was_closed {
                self.send(id, side, Item::Reset);
            }
        }
        self.forget_if_over(id);
    }
}
