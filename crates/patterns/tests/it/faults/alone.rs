//! Running a part of a test in a process of its own: to be killed, or to be measured undisturbed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The variable that tells a part what to do, for instance where to connect.
const TASK: &str = "GLEIS_TEST_PART";

/// A part that runs; killed (as by `kill -9`) when dropped.
pub(crate) struct Part(Child);

impl Part {
    /// Starts the ignored test `name` of this very program and gives it `task`.
    pub(crate) fn start(name: &str, task: &str) -> Self {
        Self::spawn(Command::new(program()), name, task)
    }

    /// The same with no more than `n_files` file descriptors.
    pub(crate) fn start_with_files(n_files: u32, name: &str, task: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {n_files} && exec \"$0\" \"$@\"")]).arg(program());
        Self::spawn(shell, name, task)
    }

    fn spawn(mut command: Command, name: &str, task: &str) -> Self {
        command.args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(TASK, task).stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Waits for a line that contains `words`.
    pub(crate) async fn says(&mut self, words: &'static str) {
        let out = self.0.stdout.take().unwrap();
        let found = tokio::task::spawn_blocking(move || {
            let mut out = BufReader::new(out);
            let mut line = String::new();
            while !line.contains(words) {
                line.clear();
                assert!(0 < out.read_line(&mut line).unwrap(), "the part ended");
            }
            out.into_inner()
        });
        self.0.stdout = Some(crate::support::soon(found).await.unwrap());
    }

    /// Kills it, without a chance to say goodbye.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end, which must be a success.
    pub(crate) async fn succeeds(mut self) {
        let ended = tokio::task::spawn_blocking(move || self.0.wait().unwrap());
        assert!(ended.await.unwrap().success());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the part was given, if this process is one.
pub(crate) fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

fn program() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}
