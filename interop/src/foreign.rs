//! Foreign peers: one socket each, in a process of its own, which may be stopped and killed.
//!
//! All engines obey the same [orders]. A process that served one scenario well serves the next.

mod libzmq;
mod orders;
mod serve;
mod zeromq;

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) use crate::foreign::orders::{Beat, Frames, number, numbered, pattern};
pub(crate) use crate::foreign::serve::{FLAG, serve};

use crate::foreign::orders::{Answer, Order, Word, frames, words};
use crate::outcome::{Failure, Outcome, soon};

/// Names the Python that has pyzmq; `cargo xtask interop` sets it.
pub(crate) const PYTHON: &str = "GLEIS_INTEROP_PYTHON";

/// Who the peer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Engine {
    Libzmq,
    Pyzmq,
    Zeromq,
}

/// How much a peer is to send to someone who does not read, so that it must notice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    pub(crate) count: u64,
    pub(crate) size: usize,
}

impl Flood {
    /// Whether it keeps a processor busy for seconds.
    pub(crate) fn is_long(self) -> bool {
        100_000 < self.count
    }
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Libzmq, Self::Pyzmq, Self::Zeromq];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Libzmq => "libzmq",
            Self::Pyzmq => "pyzmq",
            Self::Zeromq => "zeromq",
        }
    }

    /// Whether it has sockets of this kind.
    pub(crate) fn has(self, kind: &str) -> bool {
        self != Self::Zeromq || kind != "PAIR"
    }

    /// Whether it can send PINGs, and survives one.
    pub(crate) fn has_heartbeats(self) -> bool {
        self != Self::Zeromq
    }

    /// Whether a message whose sending took too long and was given up may be sent all the same.
    pub(crate) fn sends_what_it_gave_up(self) -> bool {
        self == Self::Zeromq
    }

    /// Whether it connects again when its link breaks.
    pub(crate) fn reconnects(self, kind: &str) -> bool {
        self != Self::Zeromq || ["SUB", "XSUB"].contains(&kind)
    }

    /// Whether it can subscribe to what is no text.
    pub(crate) fn subscribes_to_bytes(self, kind: &str) -> bool {
        self != Self::Zeromq || kind != "SUB"
    }

    /// Whether a socket that nobody reads from holds up or drops what is sent: the PUB of `zeromq`
    /// clones the sender of a bounded queue for each message, and so adds a place to it.
    pub(crate) fn bounds(self, kind: &str) -> bool {
        self != Self::Zeromq || kind != "PUB"
    }

    /// The queues of `zeromq` hold 100,000 messages of any size, those of others what they are told.
    pub(crate) fn flood(self, kind: &str) -> Flood {
        if self == Self::Zeromq && ["DEALER", "PUSH"].contains(&kind) {
            return Flood { count: 300_000, size: 500 };
        }
        Flood { count: 2_000, size: 64 << 10 }
    }

    fn command(self) -> Outcome<Command> {
        if self == Self::Pyzmq {
            let python = env::var_os(PYTHON);
            let python = python.ok_or_else(|| Failure::new(format!("{PYTHON} is not set")))?;
            let mut command = Command::new(python);
            command.args(["-c", include_str!("../peer.py")]);
            return Ok(command);
        }
        let mut command = Command::new(env::current_exe()?);
        command.args([FLAG, self.name()]);
        Ok(command)
    }
}

/// What a foreign socket is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) heartbeat: Option<Beat>,
    pub(crate) high_water: Option<usize>,
    pub(crate) identity: Option<Bytes>,
}

/// A foreign socket.
#[derive(Debug)]
pub(crate) struct Foreign {
    engine: Engine,
    /// Whether the process may be used again: it has answered every order and is not frozen.
    is_well: bool,
    kind: &'static str,
    process: Option<Running>,
}

impl Foreign {
    /// A new socket in a process that may have served others before.
    pub(crate) async fn open(engine: Engine, kind: &'static str, wish: Wish) -> Outcome<Self> {
        let process = match idle(engine) {
            Some(process) => process,
            None => Running::start(engine)?,
        };
        let mut foreign = Self { engine, is_well: true, kind, process: Some(process) };
        let Wish { heartbeat, high_water, identity } = wish;
        let identity = identity.as_ref().map(Word::from);
        let kind = kind.to_owned();
        foreign.order(&Order::Open { heartbeat, high_water, identity, kind }).await?;
        Ok(foreign)
    }

    /// A new socket that is known by `identity`.
    pub(crate) async fn named(engine: Engine, kind: &'static str, identity: &str) -> Outcome<Self> {
        let identity = Some(Bytes::copy_from_slice(identity.as_bytes()));
        Self::open(engine, kind, Wish { identity, ..Wish::default() }).await
    }

    /// A new socket that has connected to `at`.
    pub(crate) async fn at(engine: Engine, kind: &'static str, at: &str) -> Outcome<Self> {
        let mut foreign = Self::open(engine, kind, Wish::default()).await?;
        foreign.connect(at).await?;
        Ok(foreign)
    }

    /// Binds and returns where.
    pub(crate) async fn bind(&mut self, at: &str) -> Outcome<String> {
        let answer = self.order(&Order::Bind { at: at.to_owned() }).await?;
        Ok(answer.at)
    }

    pub(crate) async fn connect(&mut self, at: &str) -> Outcome {
        self.order(&Order::Connect { at: at.to_owned() }).await?;
        Ok(())
    }

    pub(crate) async fn subscribe(&mut self, prefix: &Bytes) -> Outcome {
        self.order(&Order::Subscribe { prefix: prefix.into() }).await?;
        Ok(())
    }

    pub(crate) async fn unsubscribe(&mut self, prefix: &Bytes) -> Outcome {
        self.order(&Order::Unsubscribe { prefix: prefix.into() }).await?;
        Ok(())
    }

    /// Sends messages of these frames.
    pub(crate) async fn send(&mut self, messages: &[Frames]) -> Outcome {
        let messages = messages.iter().map(|it| words(it)).collect();
        self.order(&Order::Send { messages }).await?;
        Ok(())
    }

    /// Receives `count` messages.
    pub(crate) async fn recv(&mut self, count: usize) -> Outcome<Vec<Frames>> {
        let answer = self.order(&Order::Recv { count }).await?;
        answer.messages.iter().map(|it| frames(it)).collect()
    }

    /// Sends back the next `count` messages as they come.
    pub(crate) async fn echo(&mut self, count: usize) -> Outcome {
        self.order(&Order::Echo { count }).await?;
        Ok(())
    }

    /// Sends numbered messages until they are `count` or one does not go; returns how many went.
    pub(crate) async fn flood(&mut self, flood: Flood, head: &[Bytes]) -> Outcome<u64> {
        let Flood { count, size } = flood;
        let order = Order::Flood { count, head: words(head), patience: 300, size };
        Ok(self.order(&order).await?.count)
    }

    /// Receives `count` numbered messages and returns their numbers.
    pub(crate) async fn numbers(&mut self, count: u64) -> Outcome<Vec<u64>> {
        Ok(self.order(&Order::Numbers { count }).await?.numbers)
    }

    /// Kills the process as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.process = None;
    }

    /// Makes the process silent: its connections stay open but nobody is there.
    pub(crate) fn freeze(&mut self) -> Outcome {
        self.is_well = false;
        self.signal("STOP")
    }

    /// Ends the silence.
    pub(crate) fn thaw(&mut self) -> Outcome {
        self.signal("CONT")?;
        self.is_well = true;
        Ok(())
    }

    fn signal(&self, name: &str) -> Outcome {
        let Some(running) = &self.process else {
            return Err(Failure::new("the process is gone"));
        };
        let order = format!("kill -{name} {}", running.process.id());
        let status = Command::new("sh").args(["-c", &order]).status()?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{order}` failed"))) }
    }

    async fn order(&mut self, order: &Order) -> Outcome<Answer> {
        let Some(running) = &mut self.process else {
            return Err(Failure::new("the process is gone"));
        };
        self.is_well = false;
        let line = serde_json::to_string(order)?;
        let obeyed = running.obey(&line).await;
        let obeyed = obeyed.and_then(|it| match it.error {
            None => Ok(it),
            Some(error) => Err(Failure::new(error)),
        });
        self.is_well = obeyed.is_ok();
        obeyed.map_err(|why| {
            let (engine, kind, order) = (self.engine.name(), self.kind, shortened(&line));
            Failure::new(format!("{engine} {kind} cannot obey {order}: {}", why.text()))
        })
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // A process of a scenario that failed is killed with its guard.
        if let Some(running) = self.process.take_if(|_| self.is_well) {
            rest(self.engine, running);
        }
    }
}

fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

/// Processes without a scenario.
static IDLE: Mutex<Vec<(Engine, Running)>> = Mutex::new(Vec::new());

fn idle(engine: Engine) -> Option<Running> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = idle.iter().position(|(it, _)| *it == engine)?;
    Some(idle.swap_remove(at).1)
}

fn rest(engine: Engine, mut running: Running) {
    if running.close().is_ok() {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push((engine, running));
    }
}

/// Ends the processes that are left.
pub(crate) fn dismiss() {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// A process that is killed with this guard.
#[derive(Debug)]
struct Running {
    lines: UnboundedReceiver<String>,
    orders: ChildStdin,
    /// Answers that nobody has waited for.
    owed: usize,
    process: Process,
}

impl Running {
    fn start(engine: Engine) -> Outcome<Self> {
        let mut command = engine.command()?;
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || Failure::new("the process has no pipes");
        let orders = process.stdin.take().ok_or_else(missing)?;
        let output = process.stdout.take().ok_or_else(missing)?;
        let (line, lines) = unbounded_channel();
        thread::spawn(move || {
            let mut told = BufReader::new(output).lines().map_while(Result::ok);
            told.try_for_each(|it| line.send(it))
        });
        Ok(Self { lines, orders, owed: 0, process })
    }

    async fn obey(&mut self, line: &str) -> Outcome<Answer> {
        self.say(line)?;
        loop {
            let answer = soon(self.lines.recv()).await?;
            let answer = answer.ok_or_else(|| Failure::new("it is gone"))?;
            self.owed -= 1;
            if self.owed == 0 {
                return Ok(serde_json::from_str(&answer)?);
            }
        }
    }

    fn close(&mut self) -> Outcome {
        let line = serde_json::to_string(&Order::Close)?;
        self.say(&line)
    }

    fn say(&mut self, line: &str) -> Outcome {
        self.owed += 1;
        writeln!(self.orders, "{line}")?;
        Ok(self.orders.flush()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If it is gone already, all the better.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
