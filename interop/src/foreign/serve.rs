//! This program as a foreign peer: obeys orders until its input ends.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::foreign::libzmq::Libzmq;
use crate::foreign::orders::{Answer, Order};
use crate::foreign::zeromq::Zeromq;
use crate::outcome::{Failure, Outcome};

/// The hidden argument that makes this program such a process.
pub(crate) const FLAG: &str = "--peer";

/// How long a peer waits for orders before it looks at its socket.
const TURN: Duration = Duration::from_millis(2);

/// A socket that can be told what to do.
pub(crate) trait Obedient {
    fn obey(&mut self, order: Order) -> Outcome<Answer>;

    /// Called while there are no orders.
    fn idle(&mut self) -> Outcome {
        Ok(())
    }
}

/// What the process does: until it is killed, or its parent is gone.
pub(crate) fn serve(args: &[&str]) -> ExitCode {
    let ended = match args {
        ["libzmq"] => listen(&mut Libzmq::default()),
        ["zeromq"] => Zeromq::new().and_then(|mut it| listen(&mut it)),
        _ => Err(Failure::new(format!("no such peer: {args:?}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("interop: a foreign peer failed: {why}");
            ExitCode::FAILURE
        }
    }
}

fn listen(peer: &mut impl Obedient) -> Outcome {
    let lines = lines();
    loop {
        let line = match lines.recv_timeout(TURN) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                peer.idle()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let answer = peer.obey(serde_json::from_str(&line)?);
        let answer =
            answer.unwrap_or_else(|it| Answer { error: Some(it.to_string()), ..Answer::default() });
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
}

fn lines() -> Receiver<String> {
    let (line, lines) = sync_channel(1);
    thread::spawn(move || {
        let mut told = io::stdin().lines().map_while(Result::ok);
        told.try_for_each(|it| line.send(it))
    });
    lines
}
