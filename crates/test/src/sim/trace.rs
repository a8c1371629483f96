//! What happened, in a form that can be compared.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::time::Instant;

/// How many lines are kept; of earlier ones only the number and a hash.
const KEPT: usize = 10_000;

/// The events of a simulated network with their times, in milliseconds since its beginning.
#[derive(Clone)]
pub struct Trace {
    hash: DefaultHasher,
    lines: VecDeque<String>,
    n_lines: usize,
    start: Instant,
}

impl Trace {
    pub(super) fn new() -> Self {
        let (hash, lines) = Default::default();
        Self { hash, lines, n_lines: 0, start: Instant::now() }
    }

    pub(super) fn add(&mut self, what: impl fmt::Display) {
        let millis = self.start.elapsed().as_millis();
        let line = format!("{millis} {what}");
        line.hash(&mut self.hash);
        self.n_lines += 1;
        if KEPT <= self.lines.len() {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// How many events there were.
    pub fn len(&self) -> usize {
        self.n_lines
    }

    /// True before the first event.
    pub fn is_empty(&self) -> bool {
        self.n_lines == 0
    }

    /// A number that differs, as a rule, if any event differs.
    pub fn fingerprint(&self) -> u64 {
        self.hash.finish()
    }

    /// The latest events, one per line.
    pub fn tail(&self, n_lines: usize) -> String {
        let skipped = self.lines.len().saturating_sub(n_lines);
        self.lines.iter().skip(skipped).map(|it| format!("{it}\n")).collect()
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.n_lines == other.n_lines && self.fingerprint() == other.fingerprint()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, {:016x}", self.n_lines, self.fingerprint())
    }
}

impl fmt::Display for Trace {
    /// All events that are kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tail(KEPT))
    }
}
