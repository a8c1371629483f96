//! The command `engineer`, also as `gleis engineer`: commands that a server declares, from a shell.

mod help;
mod line;
mod remote;
mod shell;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use serde_json::json;

use self::line::{Ask, Line};
use self::remote::Remote;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The command that is not the server's.
const SHELL: &str = "shell";

/// Does what the command line says; the first word is the program's name.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::read(args) {
        Ok(line) => line,
        Err(error) => return error,
    };
    let output = Output::new("engineer", line.json);
    crate::finish(output, |runtime| runtime.block_on(obey(line, output)))
}

async fn obey(line: Line, output: Output) -> Outcome {
    let Some(host) = line.host.clone() else {
        return match line.ask {
            Ask::Help => output.text(&help::general(None)),
            Ask::Version => output.text(&format!("engineer {}\n", env!("CARGO_PKG_VERSION"))),
            Ask::Command => Err(Failure::usage("which HOST?").hint("engineer --help")),
        };
    };
    let mut remote = Remote::connect(&line, &host).await?;
    let Some((name, rest)) = line.words.split_first() else {
        let known = remote.commands().await?;
        return match line.ask {
            Ask::Help => output.text(&help::general(Some(known))),
            _ => Err(Failure::usage("which COMMAND?").hint(format!("engineer {host} --help"))),
        };
    };
    if name == SHELL {
        return shell::run(&mut remote, output, rest).await;
    }
    command(&mut remote, output, name, rest).await
}

/// Runs one command of the server, and prints what it returned.
async fn command(remote: &mut Remote, output: Output, name: &str, rest: &[String]) -> Outcome {
    let command = remote.command(name).await?;
    let said = words::read(remote.host(), name, &command, rest)?;
    let Some(said) = said else {
        return output.text(&help::command(remote.host(), name, &command));
    };
    remote.debug(said.debug);
    let result = remote.call(name, said.values).await?;
    let text = match &result {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let host = remote.host();
    let value = json!({"host": host, "command": name, "result": result});
    output.or_json(said.json).line(&format!("{host}: {name}> {text}"), &value)
}
