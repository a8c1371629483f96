//! What is moved.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The first byte of a message after which another one follows, and of the last one of a turn.
const MORE: u8 = 0;
const LAST: u8 = 1;

/// A small typed message, as an application would have: some numbers and a few strings.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Job {
    /// Counts down to zero: the last job of a turn.
    pub id: u64,
    /// What is to be done.
    pub task: String,
    /// With what.
    pub args: Vec<i64>,
    /// For whom, if that matters.
    pub customer: Option<String>,
    /// Whether it may wait.
    pub urgent: bool,
}

impl Job {
    /// The job after which `id` more follow in its turn.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            task: "resize".to_owned(),
            args: vec![640, 480, -1],
            customer: Some("alice".to_owned()),
            urgent: id.is_multiple_of(2),
        }
    }

    /// Whether its turn ends with it.
    pub fn is_last(&self) -> bool {
        self.id == 0
    }
}

/// Messages of one size; the last one of a turn is marked.
#[derive(Clone, Debug)]
pub struct Load {
    more: Vec<u8>,
    last: Vec<u8>,
}

impl Load {
    /// Messages of `size` bytes, at least one.
    pub fn new(size: usize) -> Self {
        let mut more = vec![7; size.max(1)];
        more[0] = MORE;
        let mut last = more.clone();
        last[0] = LAST;
        Self { more, last }
    }

    /// The messages of a turn, to be copied by whoever sends them.
    pub fn turn(&self, n_messages: u64) -> impl Iterator<Item = &[u8]> {
        (0..n_messages).rev().map(|left| &if left == 0 { &self.last } else { &self.more }[..])
    }

    /// One message that ends a turn.
    pub fn message(&self) -> Bytes {
        Bytes::copy_from_slice(&self.last)
    }
}

/// Whether a turn ends with `message`.
pub fn is_last(message: &[u8]) -> bool {
    message.first() == Some(&LAST)
}
