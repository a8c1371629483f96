//! Connections: what a message costs among so many, and what they cost in time and memory.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::{Builder, Runtime};

use crate::curve::{Column, Fault, Measured, Unit};
use crate::effort::Effort;
use crate::sides::{FLAG, Heartbeats};
use gleis_benches::process::{ran, resident};

pub(crate) const COLUMNS: &[Column] = &[
    Column { name: "message", unit: Unit::Nanos },
    Column { name: "connect", unit: Unit::Nanos },
    Column { name: "end of Pull", unit: Unit::Bytes },
    Column { name: "Push with its end", unit: Unit::Bytes },
];

pub(crate) fn measure(n: u64, effort: &Effort) -> Measured {
    let runtime = runtime()?;
    let mut pair = runtime.block_on(Pair::begin(Heartbeats::Default))?;
    let before = pair.resident();
    let start = Instant::now();
    runtime.block_on(pair.connect(n))?;
    let connect = start.elapsed().as_secs_f64() * 1e9 / n as f64;
    let [pull, push] = runtime.block_on(pair.settled()).each_since(before, n);
    let message = effort.each(n.max(1_000), |n| runtime.block_on(pair.send(n)))?;
    runtime.block_on(pair.end())?;
    Ok(vec![message, connect, pull, push])
}

pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A process with the bound socket and one with all that connect.
pub(crate) struct Pair {
    bound: Side,
    connecting: Side,
}

impl Pair {
    /// Both sides, after a first connection that has come and gone: what a process does once is done.
    pub(crate) async fn begin(heartbeats: Heartbeats) -> Result<Self, Fault> {
        let mut bound = Side::start(&["bind", heartbeats.word()])?;
        let at = bound.answer().await?;
        let connecting = Side::start(&["connect", heartbeats.word(), &at])?;
        let mut pair = Self { bound, connecting };
        pair.connect(1).await?;
        pair.send(1_000).await?;
        pair.connecting.does("close").await?;
        pair.bound.does("alone").await?;
        Ok(pair)
    }

    pub(crate) async fn connect(&mut self, n: u64) -> Result<(), Fault> {
        self.connecting.does(&format!("connect {n}")).await?;
        self.bound.does(&format!("peers {n}")).await
    }

    /// Sends `n` messages through all connections in turn; how long until the last one is there.
    pub(crate) async fn send(&mut self, n: u64) -> Result<Duration, Fault> {
        let (take, send) = (format!("take {n}"), format!("send {n}"));
        let start = Instant::now();
        let (taken, sent) = tokio::join!(self.bound.does(&take), self.connecting.does(&send));
        taken.and(sent).map(|()| start.elapsed())
    }

    /// What each process holds.
    pub(crate) fn resident(&self) -> Held {
        Held(self.pids().map(resident))
    }

    /// For how many ns each process has run.
    pub(crate) fn ran(&self) -> [f64; 2] {
        self.pids().map(ran)
    }

    /// What each process holds when that does not change any more.
    pub(crate) async fn settled(&self) -> Held {
        let mut held = self.resident();
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK).await;
            let now = self.resident();
            if now == held {
                break;
            }
            held = now;
        }
        held
    }

    /// Waits until both are gone: what the system does for their connections is not measured with what
    /// comes next.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        for side in [self.connecting, self.bound] {
            let Side { mut child, answers: _answers, orders } = side;
            drop(orders);
            child.wait().await?;
        }
        Ok(())
    }

    fn pids(&self) -> [u32; 2] {
        [&self.bound, &self.connecting].map(|it| it.child.id().unwrap_or(0))
    }
}

/// Bytes that the processes hold, the bound one first.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Held([f64; 2]);

impl Held {
    /// What came since `before` for each of `n` connections.
    pub(crate) fn each_since(self, before: Self, n: u64) -> [f64; 2] {
        [0, 1].map(|side| (self.0[side] - before.0[side]) / n as f64)
    }
}

/// How often, and how many times at most, one looks whether memory has settled.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 20;

/// A process that does what it is told, and ends when it is dropped.
struct Side {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
    orders: ChildStdin,
}

impl Side {
    fn start(words: &[&str]) -> Result<Self, Fault> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(FLAG).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for us alone: a side ends with its input.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.kill_on_drop(true).spawn()?;
        let orders = child.stdin.take().ok_or("a side without input")?;
        let answers = child.stdout.take().ok_or("a side without output")?;
        Ok(Self { child, answers: BufReader::new(answers).lines(), orders })
    }

    async fn answer(&mut self) -> Result<String, Fault> {
        self.answers.next_line().await?.ok_or_else(|| "a side has ended".into())
    }

    async fn does(&mut self, order: &str) -> Result<(), Fault> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        self.answer().await.map(drop)
    }
}
