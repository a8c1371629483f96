//! A libzmq socket in a process of its own, which may be stopped and killed.
//!
//! The process runs this very program. Lines are exchanged over its standard input and output: `at
//! <endpoint>` once it is there, `got <frames>` for what it received, `send <frames>` for what it is
//! to send; frames are texts between tabs. A REP answers by itself with what it was asked.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zmq::SocketType;

use crate::outcome::{Failure, Outcome, soon};
use crate::peer::Peer;

/// The hidden argument that makes this program such a process.
pub(crate) const FLAG: &str = "--libzmq-peer";

/// How long the process looks at its socket before it looks at its orders.
const TURN: Duration = Duration::from_millis(5);

/// The side of the parent.
#[derive(Debug)]
pub(crate) struct Child {
    lines: UnboundedReceiver<String>,
    orders: ChildStdin,
    process: Process,
}

impl Child {
    /// Starts a process with a socket of `kind` that binds.
    pub(crate) async fn binding(kind: &str, at: &str) -> Outcome<(Self, String)> {
        let mut child = Self::start(kind, "bind", at)?;
        let line = child.line().await?;
        let at = line.strip_prefix("at ").map(str::to_owned);
        let at = at.ok_or_else(|| Failure::new(format!("the child says `{line}`")))?;
        Ok((child, at))
    }

    /// Starts a process with a socket of `kind` that connects.
    pub(crate) async fn connecting(kind: &str, to: &str) -> Outcome<Self> {
        let mut child = Self::start(kind, "connect", to)?;
        child.line().await?;
        Ok(child)
    }

    fn start(kind: &str, side: &str, at: &str) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([FLAG, kind, side, at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || Failure::new("the child has no pipes");
        let orders = process.stdin.take().ok_or_else(missing)?;
        let output = process.stdout.take().ok_or_else(missing)?;
        let (line, lines) = unbounded_channel();
        thread::spawn(move || {
            let mut told = BufReader::new(output).lines().map_while(Result::ok);
            told.try_for_each(|it| line.send(it))
        });
        Ok(Self { lines, orders, process })
    }

    /// Has the socket send a message of these frames.
    pub(crate) fn send(&mut self, frames: &[&str]) -> Outcome {
        writeln!(self.orders, "send {}", frames.join("\t"))?;
        Ok(self.orders.flush()?)
    }

    /// The next message that the socket received.
    pub(crate) async fn recv(&mut self) -> Outcome<Vec<String>> {
        let line = self.line().await?;
        let frames = line.strip_prefix("got ");
        let frames = frames.ok_or_else(|| Failure::new(format!("the child says `{line}`")))?;
        Ok(frames.split('\t').map(str::to_owned).collect())
    }

    /// Kills the process as `kill -9` does.
    pub(crate) fn kill(mut self) -> Outcome {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Makes the process silent: its connections stay open but nobody is there.
    pub(crate) fn freeze(&self) -> Outcome {
        self.signal("STOP")
    }

    /// Ends the silence.
    pub(crate) fn thaw(&self) -> Outcome {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Outcome {
        let order = format!("kill -{name} {}", self.process.id());
        let status = Command::new("sh").args(["-c", &order]).status()?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{order}` failed"))) }
    }

    async fn line(&mut self) -> Outcome<String> {
        let line = soon(self.lines.recv()).await?;
        line.ok_or_else(|| Failure::new("the child is gone"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A scenario that failed must not leave a process behind; if it is gone, all the better.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the process does: until it is killed, or its parent is gone.
pub(crate) fn serve(args: &[&str]) -> ExitCode {
    match obey(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("interop: a libzmq peer failed: {why}");
            ExitCode::FAILURE
        }
    }
}

fn obey(args: &[&str]) -> Outcome {
    let [kind, side, at] = args else {
        return Err(Failure::new("a socket type, a side and an endpoint are missing"));
    };
    let peer = Peer::new(kind_of(kind)?)?.with_heartbeats()?;
    if *kind == "SUB" {
        peer.raw().set_subscribe(b"")?;
    }
    if *side == "bind" {
        say("at", &[peer.bind(at)?.into_bytes()])?;
    } else {
        peer.connect(at)?;
        say("at", &[at.as_bytes().to_vec()])?;
    }
    let orders = orders();
    loop {
        // PUB and PUSH never receive; to them this is a wait like any other.
        if let Some(frames) = peer.recv_within(TURN)? {
            say("got", &frames)?;
            if *kind == "REP" {
                peer.send(&frames)?;
            }
        }
        match orders.try_recv() {
            Ok(frames) => peer.send(&frames)?,
            Err(TryRecvError::Empty) => (),
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

fn kind_of(name: &str) -> Outcome<SocketType> {
    Ok(match name {
        "PUB" => zmq::PUB,
        "PULL" => zmq::PULL,
        "PUSH" => zmq::PUSH,
        "REP" => zmq::REP,
        "REQ" => zmq::REQ,
        "SUB" => zmq::SUB,
        _ => return Err(Failure::new(format!("no socket type: {name}"))),
    })
}

fn say(word: &str, frames: &[Vec<u8>]) -> Outcome {
    let frames: Vec<_> = frames.iter().map(|it| String::from_utf8_lossy(it)).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{word} {}", frames.join("\t"))?;
    Ok(out.flush()?)
}

/// The messages that the parent wants to be sent; closed when the parent is gone.
fn orders() -> Receiver<Vec<String>> {
    let (order, orders) = channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let frames = line.strip_prefix("send ").unwrap_or(&line);
            let frames = frames.split('\t').map(str::to_owned).collect();
            if order.send(frames).is_err() {
                break;
            }
        }
    });
    orders
}
