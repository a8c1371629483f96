//! What the process holds: memory, tasks, files.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// What the memory may have grown by, between the first third and the end.
const GROWTH: usize = 48 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Measured at the beginning, now and then, and at the end.
pub(crate) struct Life {
    files: usize,
    memory: Vec<usize>,
    tasks: usize,
}

impl Life {
    pub(crate) fn begin() -> Self {
        Self { files: n_files(), memory: Vec::new(), tasks: n_tasks() }
    }

    pub(crate) fn sample(&mut self) {
        self.memory.push(resident());
    }

    /// What is wrong at the end, when all sockets are gone.
    pub(crate) async fn end(&mut self) -> Vec<String> {
        let start = Instant::now();
        while (self.files < n_files() || self.tasks < n_tasks()) && start.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut findings = Vec::new();
        if self.tasks < n_tasks() {
            findings.push(format!("{} tasks were left behind", n_tasks() - self.tasks));
        }
        if self.files < n_files() {
            findings.push(format!("{} files were left open", n_files() - self.files));
        }
        let early = self.memory.iter().take(self.memory.len().div_ceil(3)).max();
        let late = self.memory.iter().rev().take(self.memory.len().div_ceil(3)).min();
        if let (Some(early), Some(late)) = (early, late)
            && early + GROWTH < *late
        {
            findings.push(format!("memory grew from {} to {} MiB", early >> 20, late >> 20));
        }
        findings
    }

    pub(crate) fn now(&self) -> String {
        format!("{} MiB, {} tasks, {} files", resident() >> 20, n_tasks(), n_files())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!(self.memory)
    }
}

fn n_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn n_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Bytes of memory this process holds; 0 where the system does not say so.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|it| it.parse::<usize>().ok());
    pages.unwrap_or(0) * 4_096
}
