//! What a probe has heard, and how it is told.

use std::any::{Any, type_name};
use std::collections::VecDeque;
use std::fmt::{self, Write};

use tokio::time::Instant;

/// How many messages may wait to be expected.
const WAITING: usize = 10_000;
/// How many are told of when something else was expected.
const TOLD: usize = 20;
/// How long the text of a message is at most.
const LONG: usize = 300;

/// A message with what is told of it.
pub(super) struct Heard {
    pub(super) message: Box<dyn Any + Send>,
    pub(super) line: String,
}

/// What has come and was not looked at, and what was.
pub(super) struct Book {
    begun: Instant,
    /// The latest that were taken.
    before: VecDeque<String>,
    n_before: usize,
    /// How many there was no room for.
    pub(super) n_lost: usize,
    waiting: VecDeque<Heard>,
}

impl Book {
    pub(super) fn new() -> Self {
        let (before, waiting) = Default::default();
        Self { begun: Instant::now(), before, n_before: 0, n_lost: 0, waiting }
    }

    pub(super) fn add<M: Any + fmt::Debug + Send>(&mut self, from: fmt::Arguments<'_>, message: M) {
        if WAITING <= self.waiting.len() {
            self.n_lost += 1;
            return;
        }
        let (at, text) = (self.begun.elapsed(), shorten(format!("{message:?}")));
        let line = format!("{at:.3?} {from}: {text} ({})", type_name::<M>());
        self.waiting.push_back(Heard { message: Box::new(message), line });
    }

    /// The next one; it is told of from now on.
    pub(super) fn take(&mut self) -> Option<Heard> {
        let heard = self.waiting.pop_front()?;
        if TOLD <= self.before.len() {
            self.before.pop_front();
        }
        self.before.push_back(heard.line.clone());
        self.n_before += 1;
        Some(heard)
    }

    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What came, for people: the latest that were taken, and what waits.
    pub(super) fn tell(&self) -> String {
        if self.n_before == 0 && self.waiting.is_empty() {
            return "nothing has come at all".to_owned();
        }
        let mut text = format!("{} came, and {} wait:", self.n_before, self.waiting.len());
        let waiting = self.waiting.iter().map(|it| &it.line).take(TOLD);
        for (mark, line) in
            self.before.iter().map(|it| ('-', it)).chain(waiting.map(|it| ('+', it)))
        {
            let _ = write!(text, "\n  {mark} {line}");
        }
        text
    }
}

fn shorten(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(LONG) {
        text.truncate(at);
        text.push_str("..");
    }
    text
}
