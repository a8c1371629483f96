//! Why a command fails, and what to do then.

use std::error::Error;
use std::time::Duration;

/// How commands end.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The other side said no.
pub(crate) const REMOTE: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// Nobody is there, or not in time.
pub(crate) const UNREACHABLE: u8 = 3;

/// As shells tell that Ctrl-C was pressed.
const INTERRUPTED: u8 = 130;

/// A failure, for whoever reads it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    /// What to do next.
    pub(crate) hint: Option<String>,
    pub(crate) text: String,
}

impl Failure {
    fn new(exit: u8, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let more = cause.to_string();
            if !text.ends_with(&more) {
                text = format!("{text}: {more}");
            }
            next = cause.source();
        }
        Self { exit, hint: None, text }
    }

    /// Something of this machine.
    pub(crate) fn local(error: &dyn Error) -> Self {
        Self::new(REMOTE, error)
    }

    pub(crate) fn remote(error: &dyn Error) -> Self {
        Self::new(REMOTE, error)
    }

    /// The other side says no, in these words.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self { exit: REMOTE, hint: None, text: text.into() }
    }

    pub(crate) fn unreachable(error: &dyn Error) -> Self {
        Self::new(UNREACHABLE, error)
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { exit: USAGE, hint: None, text: text.into() }
    }

    pub(crate) fn late(what: &str, timeout: Duration) -> Self {
        let text = format!("{what} within {timeout:?}");
        let hint = Some("wait longer with --timeout SECONDS".to_owned());
        Self { exit: UNREACHABLE, hint, text }
    }

    /// Whoever reads what is printed wants no more of it: that is no failure.
    pub(crate) fn enough() -> Self {
        Self { exit: 0, hint: None, text: String::new() }
    }

    /// Whoever waits for something wants it no more, and has pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { exit: INTERRUPTED, hint: None, text: "interrupted".to_owned() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
