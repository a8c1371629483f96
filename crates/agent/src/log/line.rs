//! One line of a log.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::text::list;

/// How grave a line is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// For whoever looks for what is wrong.
    Debug,
    /// What happens.
    Info,
    /// What should not happen often.
    Warning,
    /// What went wrong.
    Error,
}

impl LogLevel {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// Its name, such as `INFO`: the topic under which lines are published.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// A text that is no level of a log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no level of a log: `{text}`; there are {}", list(&LogLevel::ALL))]
pub struct LogLevelError {
    text: String,
}

impl FromStr for LogLevel {
    type Err = LogLevelError;

    /// Reads a level, whatever the case of its letters.
    fn from_str(text: &str) -> Result<Self, LogLevelError> {
        let found = Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| LogLevelError { text: text.to_owned() })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line of a log, as agents publish it in MessagePack.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LogLine {
    /// Who said it.
    pub agent: String,
    /// How grave it is.
    pub level: LogLevel,
    /// What.
    pub text: String,
    /// When, in seconds since 1970.
    pub time: f64,
}

impl LogLine {
    pub(super) fn now(agent: &str, level: LogLevel, text: String) -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { agent: agent.to_owned(), level, text, time: time.as_secs_f64() }
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} {} ({}): {}", self.time, self.level, self.agent, self.text)
    }
}
