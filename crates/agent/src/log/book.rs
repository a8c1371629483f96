//! The lines that an agent has logged and no logger has got yet.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::LogLine;

/// So many lines are kept for a logger that comes later.
const KEPT: usize = 1_000;

/// The last lines of an agent, and how many were given up.
#[derive(Default)]
pub(crate) struct Book {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: VecDeque<LogLine>,
    n_lost: u64,
    /// The alias of the socket to the logger, once it listens.
    logger: Option<String>,
}

impl Book {
    /// Where a line goes: to the logger of this alias, if there is one; it is kept otherwise.
    pub(super) fn route(&self, line: LogLine) -> Option<(String, LogLine)> {
        let mut state = self.state.lock();
        if let Some(logger) = &state.logger {
            return Some((logger.clone(), line));
        }
        state.keep(line);
        None
    }

    /// From now on lines go to the logger of this alias; the lines that were kept, and how many were lost.
    pub(super) fn connected(&self, alias: String) -> (Vec<LogLine>, u64) {
        let mut state = self.state.lock();
        state.logger = Some(alias);
        let n_lost = std::mem::take(&mut state.n_lost);
        (state.kept.drain(..).collect(), n_lost)
    }

    /// Keeps lines until there is a logger again; the alias of the one that there was.
    pub(super) fn disconnected(&self) -> Option<String> {
        self.state.lock().logger.take()
    }

    /// There is no logger any more for this line: it is kept for the next one.
    pub(super) fn keep(&self, line: LogLine) {
        let mut state = self.state.lock();
        state.logger = None;
        state.keep(line);
    }

    /// Keeps lines until there is a logger again, if what there was is no more.
    pub(crate) fn disconnect_if(&self, is_gone: impl FnOnce(&str) -> bool) {
        let mut state = self.state.lock();
        state.logger = state.logger.take().filter(|it| !is_gone(it));
    }

    /// A line did not leave.
    pub(super) fn lost(&self) {
        self.state.lock().n_lost += 1;
    }
}

impl State {
    fn keep(&mut self, line: LogLine) {
        if KEPT <= self.kept.len() {
            self.kept.pop_front();
            self.n_lost += 1;
        }
        self.kept.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogLevel;
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_the_others_counted() {
        let book = Book::default();
        for n in 0..KEPT + 5 {
            let line = LogLine::now("a", LogLevel::Info, n.to_string());
            assert!(book.route(line).is_none());
        }
        let (kept, n_lost) = book.connected("log".to_owned());
        assert_eq!((kept.len(), n_lost), (KEPT, 5));
        assert_eq!(kept[0].text, "5");
        let line = LogLine::now("a", LogLevel::Info, "now".to_owned());
        assert_eq!(book.route(line).unwrap().0, "log");
        assert_eq!(book.disconnected().as_deref(), Some("log"));
        assert!(book.route(LogLine::now("a", LogLevel::Info, "later".to_owned())).is_none());
    }
}
