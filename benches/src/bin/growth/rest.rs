//! What idle connections cost the processor, and what they hold.

use std::time::Instant;

use crate::connections::{Pair, runtime};
use crate::curve::{Column, Fault, Measured, Unit};
use crate::effort::Effort;
use crate::sides::Heartbeats;

pub(crate) const COLUMNS: &[Column] = &[
    Column { name: "Pull", unit: Unit::MicrosPerSecond },
    Column { name: "all Push", unit: Unit::MicrosPerSecond },
    Column { name: PULL_SILENT, unit: Unit::MicrosPerSecond },
    Column { name: PUSH_SILENT, unit: Unit::MicrosPerSecond },
    Column { name: END_OF_PULL, unit: Unit::Bytes },
    Column { name: "Push with its end", unit: Unit::Bytes },
    Column { name: "end of Pull, no heartbeats", unit: Unit::Bytes },
    Column { name: "Push with its end, no heartbeats", unit: Unit::Bytes },
];
pub(crate) const END_OF_PULL: &str = "end of Pull";
pub(crate) const PULL_SILENT: &str = "Pull, no heartbeats";
pub(crate) const PUSH_SILENT: &str = "all Push, no heartbeats";

/// Messages that went through each connection before.
const MESSAGES: u64 = 10;

pub(crate) fn measure(n: u64, effort: &Effort) -> Measured {
    let idle = |heartbeats| runtime()?.block_on(idle(n, heartbeats, effort));
    let (default, silent) = (idle(Heartbeats::Default)?, idle(Heartbeats::Off)?);
    Ok([default.load, silent.load, default.memory, silent.memory].concat())
}

/// Of the bound side, and of the connecting one.
struct Idle {
    /// For how many us of each second a side runs.
    load: [f64; 2],
    /// Bytes of each connection at the end.
    memory: [f64; 2],
}

async fn idle(n: u64, heartbeats: Heartbeats, effort: &Effort) -> Result<Idle, Fault> {
    let mut pair = Pair::begin(heartbeats).await?;
    let held = pair.resident();
    pair.connect(n).await?;
    pair.send(MESSAGES * n).await?;
    pair.settled().await;
    let (ran, start) = (pair.ran(), Instant::now());
    tokio::time::sleep(effort.quiet).await;
    let (now, seconds) = (pair.ran(), start.elapsed().as_secs_f64());
    let load = [0, 1].map(|side| (now[side] - ran[side]) / 1e3 / seconds);
    let memory = pair.resident().each_since(held, n);
    pair.end().await?;
    Ok(Idle { load, memory })
}
