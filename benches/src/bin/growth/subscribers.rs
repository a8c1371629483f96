//! Subscribers: what it costs to deliver to each of so many.

use std::time::Instant;

use gleis_benches::sockets;

use crate::curve::{Column, Measured, Unit};
use crate::effort::Effort;

pub(crate) const COLUMNS: &[Column] = &[
    Column { name: "delivered message", unit: Unit::Nanos },
    Column { name: "subscriber that comes", unit: Unit::Nanos },
];

const SIZE: usize = 64;

pub(crate) fn measure(n: u64, effort: &Effort) -> Measured {
    let start = Instant::now();
    let mut rig = sockets::publish(n as usize, SIZE);
    // It waits until all subscribers are there, one after the other.
    rig.turn(1);
    let coming = start.elapsed().as_secs_f64() * 1e9;
    let publication = effort.of(&mut rig, 1);
    Ok(vec![publication / n as f64, coming / n as f64])
}
