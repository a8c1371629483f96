//! What the agents of a node have logged, with a logger or without.

use super::LogLine;
use crate::ring::Ring;

/// How many lines a node keeps, and how many bytes of text.
const KEPT: (usize, usize) = (10_000, 4 << 20);

/// How many bytes of a line are kept at most; it goes to its logger as it is.
const LONGEST: usize = 16 << 10;

/// The last lines of the agents of a node.
pub(crate) struct Lines(Ring<LogLine>);

impl Default for Lines {
    fn default() -> Self {
        Self(Ring::new(KEPT.0, KEPT.1))
    }
}

impl Lines {
    pub(super) fn put(&self, line: &LogLine) {
        let text = match line.text.get(..line.text.floor_char_boundary(LONGEST)) {
            Some(begin) if begin.len() < line.text.len() => format!("{begin}..."),
            _ => line.text.clone(),
        };
        let n_bytes = text.len() + line.agent.len();
        self.0.put(LogLine { text, agent: line.agent.clone(), ..*line }, n_bytes);
    }

    pub(crate) fn ring(&self) -> &Ring<LogLine> {
        &self.0
    }
}
