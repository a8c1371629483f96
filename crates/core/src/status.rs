//! What an agent does, at one moment.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Name;

/// What an agent does, at one moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// Whether it does something, and whether that is well.
    pub condition: Condition,
    /// What it has in hand: a method, a message from a socket, a timer, a hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// For how many milliseconds by its own clock it has been seen at that: up to a quarter of a second less than it
    /// has been at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How many pieces of work wait in its mailbox.
    pub queued: u64,
    /// For whom it waits meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Name>,
}

/// How an agent is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It has something in hand.
    Busy,
    /// It is no more, or its process is not.
    Gone,
    /// It has nothing to do.
    Idle,
    /// It was told to stop or has failed, and handles nothing more.
    Stopped,
    /// It has had the same thing in hand for longer than it should.
    Stuck,
}

impl Status {
    /// That of an agent that has nothing in hand.
    pub fn of(condition: Condition) -> Self {
        Self { condition, handler: None, for_ms: None, queued: 0, waits_for: Vec::new() }
    }
}

/// A word.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy",
            Self::Gone => "gone",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
            Self::Stuck => "stuck",
        })
    }
}

/// Such as ``busy with `work` for 1250 ms, waits for `b`; 3 wait``.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)?;
        if let Some(handler) = &self.handler {
            write!(f, " with {handler}")?;
        }
        if let Some(ms) = self.for_ms {
            write!(f, " for {ms} ms")?;
        }
        for (n, name) in self.waits_for.iter().enumerate() {
            write!(f, "{} `{name}`", if n == 0 { ", waits for" } else { "," })?;
        }
        match self.queued {
            0 => Ok(()),
            1 => f.write_str("; 1 waits"),
            n => write!(f, "; {n} wait"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_a_line() {
        let idle = Status::of(Condition::Idle);
        assert_eq!(idle.to_string(), "idle");
        let names = ["b", "c"].map(|it| Name::new(it).unwrap());
        let busy = Status {
            condition: Condition::Stuck,
            handler: Some("method `work`".to_owned()),
            for_ms: Some(1250),
            queued: 3,
            waits_for: names.into(),
        };
        let expect = "stuck with method `work` for 1250 ms, waits for `b`, `c`; 3 wait";
        assert_eq!(busy.to_string(), expect);
        assert_eq!(Status { queued: 1, ..idle }.to_string(), "idle; 1 waits");
    }
}
