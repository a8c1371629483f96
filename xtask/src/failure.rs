//! Why a task did not end well, and the exit code that says so.

use std::{fmt, process::ExitCode};

/// What every task returns.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a task did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is wrong with the project: exit code 1.
    Finding {
        /// What was found, one finding per line.
        text: String,
        /// The narrowest command that finds it again, if a command found it.
        again: Option<String>,
    },
    /// The task was called in a way it does not know: exit code 2.
    Usage(String),
    /// A tool is missing and the text says how to install it: exit code 3.
    Missing(String),
}

impl Failure {
    /// A finding that no single command repeats more narrowly than its task.
    pub(crate) fn finding(text: impl Into<String>) -> Self {
        Self::Finding { text: text.into(), again: None }
    }

    /// The code that the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Finding { .. } => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Missing(_) => ExitCode::from(3),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finding { text, again: None } => write!(f, "{text}"),
            Self::Finding { text, again: Some(again) } => {
                write!(f, "{text}\nrepeat it with: {again}")
            }
            Self::Usage(text) | Self::Missing(text) => write!(f, "{text}"),
        }
    }
}

/// `Ok` when nothing was found, else one failure that lists all of `findings`.
pub(crate) fn unless_empty(task: &str, findings: &[String]) -> Outcome {
    if findings.is_empty() {
        return Ok(());
    }
    let n_findings = findings.len();
    let noun = if n_findings == 1 { "finding" } else { "findings" };
    Err(Failure::finding(format!("{}\n{task}: {n_findings} {noun}", findings.join("\n"))))
}
