//! Original programs in Python that obey: a line of JSON each way.
//!
//! A program that served one scenario well serves the next.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::foreign::PYTHON;
use crate::outcome::{Failure, Outcome, soon};

/// So long a program that was told to end may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose program it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    OsBrain,
    Xbahn,
}

impl Origin {
    fn source(self) -> &'static str {
        match self {
            Self::OsBrain => include_str!("../osbrain_peer.py"),
            Self::Xbahn => include_str!("../xbahn_peer.py"),
        }
    }
}

/// The Python that has the packages.
pub(crate) fn python() -> Outcome<PathBuf> {
    let python = env::var_os(PYTHON).ok_or_else(|| Failure::new(format!("{PYTHON} is not set")))?;
    Ok(python.into())
}

/// A program that a scenario has for itself.
#[derive(Debug)]
pub(crate) struct Program {
    /// Whether it has answered every order.
    is_well: bool,
    origin: Origin,
    running: Option<Running>,
}

impl Program {
    /// A program that has nothing open; it may have served others before.
    pub(crate) fn start(origin: Origin) -> Outcome<Self> {
        let running = match idle(origin) {
            Some(running) => running,
            None => Running::start(origin)?,
        };
        Ok(Self { is_well: true, origin, running: Some(running) })
    }

    /// Has an order obeyed and returns its answer.
    pub(crate) async fn order(&mut self, order: Value) -> Outcome<Value> {
        let answer = self.attempt(&order).await?;
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(why) => Err(Failure::new(format!("{:?} cannot obey {order}: {why}", self.origin))),
        }
    }

    /// Gives an order that the program is to fail at, and returns how it does.
    pub(crate) async fn failure(&mut self, order: Value) -> Outcome<String> {
        let answer = self.attempt(&order).await?;
        let why = answer["error"].as_str().map(str::to_owned);
        why.ok_or_else(|| Failure::new(format!("{:?} obeyed {order}: {answer}", self.origin)))
    }

    async fn attempt(&mut self, order: &Value) -> Outcome<Value> {
        let running = self.running.as_mut().ok_or_else(|| Failure::new("the program is gone"))?;
        self.is_well = false;
        writeln!(running.orders()?, "{order}")?;
        let answer = soon(running.lines.recv()).await?;
        let answer = answer.ok_or_else(|| Failure::new("the program has ended"))?;
        self.is_well = true;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Has it close what it opened, so that another scenario may have it.
    pub(crate) async fn close(mut self) -> Outcome {
        self.order(json!({"do": "close"})).await?;
        if let Some(running) = self.running.take_if(|_| self.is_well) {
            IDLE.lock().unwrap_or_else(PoisonError::into_inner).push((self.origin, running));
        }
        Ok(())
    }
}

/// Programs without a scenario.
static IDLE: Mutex<Vec<(Origin, Running)>> = Mutex::new(Vec::new());

fn idle(origin: Origin) -> Option<Running> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = idle.iter().position(|(it, _)| *it == origin)?;
    Some(idle.swap_remove(at).1)
}

/// Ends the programs that are left.
pub(crate) fn dismiss() {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    // All are told before the first is waited for.
    idle.iter_mut().for_each(|(_, running)| running.orders = None);
    idle.clear();
}

/// A process that ends with this guard.
#[derive(Debug)]
struct Running {
    lines: UnboundedReceiver<String>,
    orders: Option<ChildStdin>,
    /// Cut off when its output ends, as it does when the program has ended.
    output: Receiver<()>,
    process: Child,
}

impl Running {
    fn start(origin: Origin) -> Outcome<Self> {
        let mut command = Command::new(python()?);
        // What the originals print of themselves is of no interest unless something is wrong.
        command.args(["-c", origin.source()]).stderr(Stdio::null());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = process.stdin.take();
        let output = process.stdout.take().ok_or_else(|| Failure::new("no output"))?;
        let ((line, lines), (is_open, ended)) = (unbounded_channel(), sync_channel(0));
        thread::spawn(move || {
            let mut told = BufReader::new(output).split(b'\n').map_while(Result::ok);
            let told = told.try_for_each(|it| line.send(String::from_utf8_lossy(&it).into_owned()));
            drop(is_open);
            told
        });
        Ok(Self { lines, orders, output: ended, process })
    }

    fn orders(&mut self) -> Outcome<&mut ChildStdin> {
        self.orders.as_mut().ok_or_else(|| Failure::new("the program takes no orders any more"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The end of its input tells it to end, and its agents with it.
        self.orders = None;
        if self.output.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // If it is gone by now, all the better.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
