//! Many actors at once: how long they take to start, and what they hold while they have nothing to do.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use gleis_benches::Rig;
use gleis_benches::process::resident;
use tokio::runtime::Handle;

use crate::{actors, agents};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// So many threads are none for each.
const FEW: usize = 8;

/// Whose actors.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Actors {
    Gleis,
    Kameo,
    Ractor,
    Task,
}

/// Starts all actors of a turn; that they end does not count.
pub(crate) fn start(whose: Actors) -> Rig {
    Rig::alone(async move |mut turns| {
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            match whose {
                Actors::Gleis => turns.done(timed(start, agents::start(n).await?)),
                Actors::Kameo => turns.done(timed(start, actors::kameo_start(n).await?)),
                Actors::Ractor => turns.done(timed(start, actors::ractor_start(n).await?)),
                Actors::Task => turns.done(timed(start, actors::task_start(n).await?)),
            }
            // Those that were dropped end now.
            while 0 < Handle::current().metrics().num_alive_tasks() {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    })
}

fn timed<T>(start: Instant, actors: T) -> Duration {
    let time = start.elapsed();
    drop(actors);
    time
}

/// What the actors of a turn hold, in a process of their own; a byte counts as a second.
pub(crate) fn memory(whose: Actors) -> Rig {
    Rig::alone(async move |mut turns| {
        while let Some(n) = turns.next().await {
            let name = whose.to_possible_value().ok_or("no name")?;
            let mut program = Command::new(std::env::current_exe()?);
            let done =
                program.args(["--idle", name.get_name(), "--many", &n.to_string()]).output()?;
            let told = String::from_utf8(done.stdout)?;
            turns.done(Duration::from_secs(told.trim().parse()?));
        }
        Ok(())
    })
}

/// Starts `n` actors and prints how many bytes that took.
pub(crate) fn hold(whose: Actors, n: u64) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Everything that is needed once.
        grown(whose, 1).await?;
        let grown = grown(whose, n).await?;
        let n_threads = std::fs::read_dir("/proc/self/task")?.count();
        if FEW < n_threads {
            return Err(format!("{n_threads} threads").into());
        }
        println!("{grown:.0}");
        Ok(())
    })
}

async fn grown(whose: Actors, n: u64) -> Outcome<f64> {
    let us = std::process::id();
    let before = resident(us);
    let after = match whose {
        Actors::Gleis => resident_with(agents::start(n).await?),
        Actors::Kameo => resident_with(actors::kameo_start(n).await?),
        Actors::Ractor => resident_with(actors::ractor_start(n).await?),
        Actors::Task => resident_with(actors::task_start(n).await?),
    };
    Ok((after - before).max(0.0))
}

fn resident_with<T>(_actors: T) -> f64 {
    resident(std::process::id())
}
