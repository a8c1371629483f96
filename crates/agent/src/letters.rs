//! Dead letters: what was to be done and will not be.

use std::fmt;
use std::sync::Arc;

use gleis_core::Name;
use serde::{Deserialize, Serialize};

use crate::{Agent, cell::Cell, ring::Ring};

/// How many letters a node keeps.
const KEPT: usize = 1_000;

/// How long a text in a letter is at most, in bytes.
const LONGEST: usize = 256;

/// A message, a call or something told that an agent has not handled, and will not.
///
/// Whoever waits for a call hears of it too; whoever has told something, or sent a message, does not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// For whom it was.
    pub agent: Name,
    /// What it was: the name of a method, or "a message from `in`". Long names are cut.
    pub what: String,
    /// Why it was not handled.
    pub reason: Undelivered,
}

/// Why something was not handled.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Undelivered {
    /// The agent ended, and it was in its mailbox.
    Ended,
    /// The agent was killed, or ended by force, while it was at it; part of it may have been done.
    Interrupted,
    /// It is not what the handler takes, or there is no such handler any more.
    Refused(String),
    /// The agent had stopped, after a fault or because it was told to.
    Stopped,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for `{}`: {}", self.what, self.agent, self.reason)
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the agent has ended"),
            Self::Interrupted => f.write_str("the agent was interrupted"),
            Self::Refused(why) => f.write_str(why),
            Self::Stopped => f.write_str("the agent has stopped"),
        }
    }
}

/// The dead letters of a node, the last 1,000.
pub(crate) struct Letters(Ring<DeadLetter>);

impl Default for Letters {
    fn default() -> Self {
        Self(Ring::new(KEPT, KEPT * LONGEST * 2))
    }
}

impl Letters {
    fn put(&self, letter: DeadLetter) {
        let n_bytes = letter.what.len() + letter.agent.as_str().len();
        self.0.put(letter, n_bytes);
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    pub(crate) fn read(self: &Arc<Self>) -> DeadLetters {
        DeadLetters { letters: self.clone(), next: 0, n_missed: 0 }
    }

    pub(crate) fn ring(&self) -> &Ring<DeadLetter> {
        &self.0
    }
}

/// Reads the dead letters of a node, from the oldest one that is kept: the node keeps the last 1,000, whether
/// somebody reads them or not. Readers do not take them from each other.
pub struct DeadLetters {
    letters: Arc<Letters>,
    next: u64,
    n_missed: u64,
}

impl DeadLetters {
    /// Waits for the next letter; `None` when the node is no more, nobody refers to its agents, and all were read.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<DeadLetter> {
        loop {
            // Before the look: what is there when it is closed is read.
            let is_over = self.letters.0.is_closed();
            if let Some(letter) = self.try_recv() {
                return Some(letter);
            }
            if is_over {
                return None;
            }
            self.letters.0.reached(self.next).await;
        }
    }

    /// The next letter, if there is one.
    pub fn try_recv(&mut self) -> Option<DeadLetter> {
        self.letters.0.read(&mut self.next, &mut self.n_missed)
    }

    /// How many letters had to make room for later ones before they were read here.
    pub fn missed(&self) -> u64 {
        self.n_missed
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("read", &self.next)
            .field("missed", &self.n_missed)
            .finish()
    }
}

impl<A: Agent> Cell<A> {
    /// Enters something that is not handled among the dead letters.
    pub(crate) fn bury(&self, what: impl fmt::Display, reason: Undelivered) {
        tracing::debug!(target: "gleis::agent", agent = %self.name, %what, %reason, "a dead letter");
        let Some(host) = self.host.upgrade() else {
            return;
        };
        let reason = match reason {
            Undelivered::Refused(why) => Undelivered::Refused(cut(why)),
            reason => reason,
        };
        let what = cut(what.to_string());
        host.letters().put(DeadLetter { agent: self.name.clone(), what, reason });
    }
}

/// No more of it than there is room for.
fn cut(mut text: String) -> String {
    if LONGEST < text.len() {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(n: usize) -> DeadLetter {
        let agent = Name::new("Al").unwrap();
        DeadLetter { agent, what: n.to_string(), reason: Undelivered::Ended }
    }

    #[tokio::test]
    async fn the_last_letters_are_kept_and_the_others_counted() {
        let letters = Arc::new(Letters::default());
        let mut early = letters.read();
        letters.put(letter(0));
        assert_eq!(early.recv().await, Some(letter(0)));
        for n in 1..=KEPT + 2 {
            letters.put(letter(n));
        }
        let mut late = letters.read();
        assert_eq!(late.recv().await, Some(letter(3)));
        assert_eq!(late.missed(), 3);
        assert_eq!(early.recv().await, Some(letter(3)));
        assert_eq!(early.missed(), 2);
        while late.try_recv().is_some() {}
        assert!(futures::poll!(std::pin::pin!(late.recv())).is_pending());
        let next = tokio::spawn(async move { (late.recv().await, late.recv().await) });
        tokio::task::yield_now().await;
        letters.put(letter(7));
        tokio::task::yield_now().await;
        letters.close();
        assert_eq!(next.await.unwrap(), (Some(letter(7)), None));
    }

    #[test]
    fn long_names_are_cut() {
        let text = cut("ä".repeat(1_000_000));
        assert_eq!(text.len(), LONGEST + 3);
        assert_eq!(cut("short".to_owned()), "short");
    }
}
