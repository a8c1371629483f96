//! Other programs, run so that a reader can repeat what was run.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::failure::{Failure, Outcome};

/// The folder that holds the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable when it runs us; the constant is for a binary started by hand.
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The folder that cargo builds in, seen from the root of the workspace.
pub(crate) fn target_dir() -> String {
    env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned())
}

/// A program with its arguments, to be run at the root of the workspace.
#[derive(Debug)]
pub(crate) struct Call {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Call {
    /// The program `program`, found on the path.
    pub(crate) fn new(program: &str, args: &[&str]) -> Self {
        Self { program: program.to_owned(), args: words(args), env: Vec::new() }
    }

    /// The cargo that runs us.
    pub(crate) fn cargo(args: &[&str]) -> Self {
        Self::new("cargo", args)
    }

    /// Adds arguments.
    pub(crate) fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(words(args));
        self
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// The call as one would type it.
    pub(crate) fn line(&self) -> String {
        let env = self.env.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = std::iter::once(&self.program).chain(&self.args).map(|it| quoted(it));
        env.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs the program with our input and output.
    ///
    /// # Errors
    /// A finding when the program says no, a missing tool when it is not there.
    pub(crate) fn run(&self) -> Outcome {
        let status = self.command().status().map_err(|_| self.missing())?;
        if status.success() {
            return Ok(());
        }
        Err(self.finding("failed"))
    }

    /// As [`run`](Self::run), a program whose exit codes are ours.
    ///
    /// # Errors
    /// As [`run`](Self::run), and wrong usage when the program says so.
    pub(crate) fn run_ours(&self) -> Outcome {
        let status = self.command().status().map_err(|_| self.missing())?;
        match status.code() {
            Some(0) => Ok(()),
            Some(2) => Err(Failure::Usage(format!("wrong usage: {}", self.line()))),
            _ => Err(self.finding("failed")),
        }
    }

    /// Runs the program and returns what it printed.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn read(&self) -> Result<String, Failure> {
        let output =
            self.command().stderr(Stdio::inherit()).output().map_err(|_| self.missing())?;
        if !output.status.success() {
            return Err(self.finding("failed"));
        }
        String::from_utf8(output.stdout).map_err(|_| self.finding("did not print UTF-8"))
    }

    /// A missing tool, with the command that installs it, unless the program is there and says yes.
    ///
    /// # Errors
    /// The missing tool.
    pub(crate) fn prove(&self, task: &str, tool: &str, install: &str) -> Outcome {
        if self.works() {
            return Ok(());
        }
        Err(Failure::Missing(format!("{task}: {tool} is missing; `{install}` installs it")))
    }

    /// Whether the program is there and says yes; prints nothing.
    pub(crate) fn works(&self) -> bool {
        let silent = self.command().stdout(Stdio::null()).stderr(Stdio::null()).status();
        silent.is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = if self.program == "cargo" && !self.names_toolchain() {
            Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        } else {
            Command::new(&self.program)
        };
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(root());
        command
    }

    /// `cargo +nightly` is understood by rustup's cargo only, not by the one that runs us.
    fn names_toolchain(&self) -> bool {
        self.args.first().is_some_and(|it| it.starts_with('+'))
    }

    fn finding(&self, verb: &str) -> Failure {
        let what = self.args.iter().find(|it| !it.starts_with('+'));
        let what = what.map_or(String::new(), |it| format!(" {it}"));
        Failure::Finding {
            text: format!("{}{what} {verb}", self.program),
            again: Some(self.line()),
        }
    }

    fn missing(&self) -> Failure {
        Failure::Missing(format!("`{}` cannot be started: is it installed?", self.program))
    }
}

/// The words of a call, owned.
fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&it| it.to_owned()).collect()
}

/// `word` as a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_one_would_type_it() {
        let call = Call::cargo(&["doc", "--bench", "*"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(call.line(), "RUSTDOCFLAGS='-D warnings' cargo doc --bench '*'");
    }

    #[test]
    fn a_program_that_says_no_is_a_finding_with_its_command() {
        let Err(Failure::Finding { again, .. }) = Call::new("false", &["a b"]).read() else {
            panic!("a finding is expected");
        };
        assert_eq!(again.as_deref(), Some("false 'a b'"));
    }

    #[test]
    fn a_program_of_ours_tells_wrong_usage() {
        let ours = |code: &str| Call::new("sh", &["-c", code]).run_ours();
        assert!(ours("exit 0").is_ok());
        assert!(matches!(ours("exit 1"), Err(Failure::Finding { .. })));
        assert!(matches!(ours("exit 2"), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_missing_tool() {
        let outcome = Call::new("no-such-program-anywhere", &[]).run();
        assert!(matches!(outcome, Err(Failure::Missing(_))), "{outcome:?}");
        let outcome = Call::new("false", &[]).prove("fmt", "a tool", "get a tool");
        let text = outcome.unwrap_err().to_string();
        assert_eq!(text, "fmt: a tool is missing; `get a tool` installs it");
    }
}
