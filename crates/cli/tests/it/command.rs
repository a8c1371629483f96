//! Running the command.

use std::process::{Output, Stdio};

use gleis_test::wait::within;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gleis"));
    command.args(args).kill_on_drop(true).stdin(Stdio::null());
    for name in
        ["GLEIS_NAMESERVER", "GLEIS_HUB_BROADCAST", "GLEIS_HUB_RECEIVE", "GLEIS_BRIDGE_TOKEN"]
    {
        command.env_remove(name);
    }
    command
}

/// The exit code, and what it says on both streams.
pub(crate) async fn gleis(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = within(command(args).output()).await.unwrap();
    let text = |it: Vec<u8>| String::from_utf8(it).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// What it prints with `--json`, line by line, and well.
pub(crate) async fn json(args: &[&str]) -> Vec<Value> {
    let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
    let (exit, out, err) = gleis(&args).await;
    assert_eq!((exit, &err[..]), (0, ""), "{args:?}: {out}");
    out.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

/// A command that goes on, with `--json`.
pub(crate) struct Running {
    lines: Lines<BufReader<ChildStdout>>,
    process: Child,
}

impl Running {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = command(args);
        let mut process = command.arg("--json").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { lines, process }
    }

    /// The next line.
    pub(crate) async fn next(&mut self) -> Value {
        let line = within(self.lines.next_line()).await.unwrap().expect("one more line");
        serde_json::from_str(&line).unwrap()
    }

    /// A field of the next line.
    pub(crate) async fn field(&mut self, name: &str) -> String {
        self.next().await[name].as_str().unwrap().to_owned()
    }

    /// Sends it Ctrl-C; its exit code.
    pub(crate) async fn interrupt(mut self) -> i32 {
        let pid = self.process.id().unwrap().to_string();
        assert!(
            within(Command::new("kill").args(["-INT", &pid]).status()).await.unwrap().success()
        );
        within(self.process.wait()).await.unwrap().code().unwrap()
    }

    /// Ends it as the system does, without a word to it.
    pub(crate) async fn kill(mut self) {
        within(self.process.kill()).await.unwrap();
    }

    pub(crate) async fn ended(mut self) -> i32 {
        within(self.process.wait()).await.unwrap().code().unwrap()
    }
}
