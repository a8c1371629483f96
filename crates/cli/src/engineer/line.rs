//! What stands on the command line before the command of the server.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Parser};

use crate::args::seconds;
use crate::failure;

/// What is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    Command,
    Help,
    Version,
}

/// The command line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) ask: Ask,
    pub(crate) debug: bool,
    pub(crate) host: Option<String>,
    pub(crate) json: bool,
    pub(crate) key: Option<String>,
    pub(crate) timeout: Duration,
    /// The command and what it is told.
    pub(crate) words: Vec<String>,
}

/// Run an engineer exposed action on a remote xbahn host.
#[derive(Debug, Parser)]
#[command(name = "engineer", disable_help_flag = true, disable_version_flag = true)]
struct Options {
    #[arg(long, overrides_with = "no_debug")]
    debug: bool,
    #[arg(long)]
    no_debug: bool,
    #[arg(long)]
    json: bool,
    #[arg(long, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    timeout: Duration,
    #[arg(long, env = "GLEIS_KEY", hide_env_values = true)]
    key: Option<String>,
    #[arg(long, action = ArgAction::SetTrue)]
    help: bool,
    #[arg(long, action = ArgAction::SetTrue)]
    version: bool,
    /// HOST, COMMAND and its ARGS
    #[arg(value_name = "HOST COMMAND [ARGS]", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

impl Line {
    /// Reads the command line; what is wrong with it has been said.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, ExitCode> {
        let options = Options::try_parse_from(args).map_err(|error| {
            // Nobody is there to read it if this fails.
            let _ = error.print();
            ExitCode::from(failure::USAGE)
        })?;
        Ok(Self::of(options))
    }

    fn of(options: Options) -> Self {
        let Options { debug, json, timeout, key, mut help, version, words, .. } = options;
        let mut words = words.into_iter();
        let host = words.next();
        let mut words: Vec<_> = words.collect();
        let mut line =
            Self { ask: Ask::Command, debug, host, json, key, timeout, words: Vec::new() };
        // Options may stand behind the host, too; what follows the command is the command's.
        while let Some(word) = words.first() {
            match word.as_str() {
                "--help" => help = true,
                "--debug" => line.debug = true,
                "--no-debug" => line.debug = false,
                "--json" => line.json = true,
                _ => break,
            }
            words.remove(0);
        }
        line.words = words;
        line.ask = match (version, help) {
            (true, _) => Ask::Version,
            (_, true) => Ask::Help,
            _ => Ask::Command,
        };
        if line.ask == Ask::Version {
            line.host = None;
        }
        line
    }
}
