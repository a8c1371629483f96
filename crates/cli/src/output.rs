//! What is printed: text for people, JSON for programs.

use std::io::{ErrorKind, Write, stderr, stdout};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    /// Which program speaks.
    program: &'static str,
}

impl Output {
    pub(crate) fn new(program: &'static str, json: bool) -> Self {
        Self { json, program }
    }

    /// The same, as JSON if that is wanted here too.
    pub(crate) fn or_json(self, json: bool) -> Self {
        Self { json: self.json || json, ..self }
    }

    /// Prints a line: `text`, or `value`.
    pub(crate) fn line(self, text: &str, value: &Value) -> Outcome {
        if self.json { self.text(&format!("{value}\n")) } else { self.text(&format!("{text}\n")) }
    }

    /// Prints text as it is.
    pub(crate) fn text(self, text: &str) -> Outcome {
        let mut out = stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever read it, `head` for example, has enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::enough()),
            written => written.map_err(|it| Failure::local(&it)),
        }
    }

    /// Says what went wrong, and what to do.
    pub(crate) fn fail(self, failure: &Failure) {
        let Failure { exit, hint, text } = failure;
        let said = if self.json {
            json!({"error": text, "hint": hint, "exit": exit}).to_string()
        } else {
            let hint = hint.as_ref().map(|it| format!("\n  try: {it}")).unwrap_or_default();
            format!("{}: {text}{hint}", self.program)
        };
        // There is nobody else to tell.
        let _ = writeln!(stderr(), "{said}");
    }
}
