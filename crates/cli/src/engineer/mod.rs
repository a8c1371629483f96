//! The command `engineer`, also as `gleis engineer`: commands that a server declares, from a shell.

mod help;
mod line;
mod remote;
mod shell;
mod words;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use futures::StreamExt;
use serde_json::{Value, json};

use self::line::{Ask, Line};
use self::remote::Remote;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

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

/// Runs one command of the server, and prints what it gives.
async fn command(remote: &mut Remote, output: Output, name: &str, rest: &[String]) -> Outcome {
    let command = remote.command(name).await?;
    let said = words::read(remote.host(), name, &command, rest)?;
    let Some(said) = said else {
        return output.text(&help::command(remote.host(), name, &command));
    };
    remote.debug(said.debug);
    let output = output.or_json(said.json);
    if command.streams {
        return follow(remote, output, name, said.values).await;
    }
    let mut stop = remote.stop.take();
    let result = unless_stopped(stop.as_mut(), remote.call(name, said.values)).await;
    remote.stop = stop;
    show(remote, output, name, &result?.ok_or_else(Failure::interrupted)?)
}

/// Runs a command that gives a stream, and prints what comes until nothing more does, or Ctrl-C.
async fn follow(
    remote: &mut Remote,
    output: Output,
    name: &str,
    values: BTreeMap<String, Value>,
) -> Outcome {
    let mut stop = match remote.stop.take() {
        Some(stop) => stop,
        None => Stop::new()?,
    };
    let work = async {
        let mut results = remote.stream(name, values).await?;
        while let Some(result) = results.next().await {
            show(remote, output, name, &remote.result(result)?)?;
        }
        Ok(())
    };
    let done = unless_stopped(Some(&mut stop), work).await;
    remote.stop = Some(stop);
    // The server hears that nobody wants more.
    done?.ok_or_else(Failure::enough)
}

/// Does something, unless Ctrl-C is pressed; where it was heard once, the system ends nobody for it any more.
async fn unless_stopped<T>(
    stop: Option<&mut Stop>,
    work: impl Future<Output = Outcome<T>>,
) -> Outcome<Option<T>> {
    let Some(stop) = stop else {
        return work.await.map(Some);
    };
    tokio::select! {
        done = work => done.map(Some),
        asked = stop.asked() => asked.map(|()| None),
    }
}

/// Prints what a command gave.
fn show(remote: &Remote, output: Output, name: &str, result: &Value) -> Outcome {
    let text = match result {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let host = remote.host();
    let value = json!({"host": host, "command": name, "result": result});
    output.line(&format!("{host}: {name}> {text}"), &value)
}
