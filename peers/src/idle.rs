//! Many actors at once: how long they take to start, and what they hold while they have nothing to do.

use std::any::Any;
use std::error::Error;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use gleis_benches::Rig;
use gleis_benches::process::resident;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::{actors, agents};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(180);
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
            // From a task, where actors are too: to wake what a runtime blocks on costs a call into the system.
            let started = tokio::spawn(async move {
                let start = Instant::now();
                let actors = started(whose, n).await.map_err(|it| it.to_string());
                actors.map(|it| (it, start.elapsed()))
            });
            let (actors, time) = started.await??;
            drop(actors);
            // Before the turn is over: the end of these must not meet the start of others.
            timeout(PATIENCE, ended()).await?;
            turns.done(time);
        }
        Ok(())
    })
}

/// Starts `n` actors, which end when they are dropped.
async fn started(whose: Actors, n: u64) -> Outcome<Box<dyn Any + Send>> {
    Ok(match whose {
        Actors::Gleis => Box::new(agents::start(n).await?),
        Actors::Kameo => Box::new(actors::kameo_start(n).await?),
        Actors::Ractor => Box::new(actors::ractor_start(n).await?),
        Actors::Task => Box::new(actors::task_start(n).await?),
    })
}

/// Waits until no task is left.
async fn ended() {
    while 0 < Handle::current().metrics().num_alive_tasks() {
        tokio::task::yield_now().await;
    }
}

/// What the actors of a turn hold, in a process of their own; a byte counts as a second.
pub(crate) fn memory(whose: Actors) -> Rig {
    Rig::alone(async move |mut turns| {
        while let Some(n) = turns.next().await {
            let name = whose.to_possible_value().ok_or("no name")?;
            let mut program = Command::new(std::env::current_exe()?);
            program.args(["--idle", name.get_name(), "--many", &n.to_string()]);
            let told = output(program).await?;
            turns.done(Duration::from_secs(told.trim().parse()?));
        }
        Ok(())
    })
}

/// What a program prints; it is ended if it takes too long.
pub(crate) async fn output(mut program: Command) -> Outcome<String> {
    let done = timeout(PATIENCE, program.kill_on_drop(true).output()).await??;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
    }
    Ok(String::from_utf8(done.stdout)?)
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
    let _actors = started(whose, n).await?;
    Ok((resident(us) - before).max(0.0))
}
