//! Shared by the examples: one program that plays several parts in processes of its own.

use std::env::current_exe;
use std::io::{Error, ErrorKind, sink, stdin};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The last argument of a part that was started by [`Part::start`].
const STARTED: &str = "--started";

/// How long a part may take for what should be done at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A part of this program in a process of its own. It ends when this is dropped, and when this
/// process is gone.
#[derive(Debug)]
pub struct Part {
    process: Child,
    lines: Option<BufReader<ChildStdout>>,
    // The part sees its end of this pipe close when we are gone.
    _lifeline: Option<ChildStdin>,
}

impl Part {
    /// Starts this program again with other arguments. What it prints is read by
    /// [`line`](Self::line).
    ///
    /// # Errors
    /// The system cannot start it.
    pub fn start(args: &[&str]) -> Result<Self, Error> {
        Self::spawn(args, Stdio::piped())
    }

    /// Starts this program again with other arguments; what it prints is printed here.
    ///
    /// # Errors
    /// The system cannot start it.
    pub fn start_aloud(args: &[&str]) -> Result<Self, Error> {
        Self::spawn(args, Stdio::inherit())
    }

    fn spawn(args: &[&str], output: Stdio) -> Result<Self, Error> {
        let mut process = Command::new(current_exe()?)
            .args(args)
            .arg(STARTED)
            .stdin(Stdio::piped())
            .stdout(output)
            .kill_on_drop(true)
            .spawn()?;
        let lines = process.stdout.take().map(BufReader::new);
        let lifeline = process.stdin.take();
        Ok(Self { process, lines, _lifeline: lifeline })
    }

    /// The next line it prints.
    ///
    /// # Errors
    /// It ended, or printed nothing for half a minute.
    pub async fn line(&mut self) -> Result<String, Error> {
        let Some(lines) = &mut self.lines else {
            return Err(Error::new(ErrorKind::Unsupported, "it prints for itself"));
        };
        let mut line = String::new();
        let n_read = timeout(PATIENCE, lines.read_line(&mut line)).await??;
        match n_read {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// It goes on for half a minute, or it failed.
    pub async fn finish(mut self) -> Result<(), Error> {
        let status: ExitStatus = timeout(PATIENCE, self.process.wait()).await??;
        match status.success() {
            true => Ok(()),
            false => Err(Error::other(format!("a part failed: {status}"))),
        }
    }
}

/// In a part that was started by [`Part::start`]: waits until whoever started it is gone. In one
/// that was started by hand: waits forever.
pub async fn abandoned(args: &[String]) {
    if args.last().is_none_or(|it| it != STARTED) {
        std::future::pending::<()>().await;
    }
    let (tell, gone) = oneshot::channel();
    // A thread of its own: tokio's stdin would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut stdin(), &mut sink());
        let _ = tell.send(());
    });
    let _ = gone.await;
}
