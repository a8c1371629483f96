//! `engineer HOST shell`: one command after the other, from people or from a script.

use std::io::{IsTerminal, stdin};

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter, Validator};

use super::help;
use super::remote::Remote;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// So many lines are remembered.
const HISTORY: usize = 1_000;

/// Runs commands until there are no more.
pub(crate) async fn run(remote: &mut Remote, output: Output, rest: &[String]) -> Outcome {
    if let Some(word) = rest.first() {
        return match word.as_str() {
            "--help" => output.text("Usage: engineer HOST shell\n\n  open an engineer shell\n"),
            _ => Err(Failure::usage(format!("shell takes no arguments: {word}"))),
        };
    }
    match stdin().is_terminal() {
        true => talk(remote, output).await,
        false => script(remote, output).await,
    }
}

/// Runs the lines of the standard input; the first that fails is the last.
async fn script(remote: &mut Remote, output: Output) -> Outcome {
    for line in stdin().lines() {
        let line = line.map_err(|it| Failure::local(&it))?;
        if !obey(remote, output, &line).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for lines, with a history and completion; what fails is told, and the next line asked for.
async fn talk(remote: &mut Remote, output: Output) -> Outcome {
    let mut words: Vec<_> = remote.commands().await?.keys().cloned().collect();
    words.extend(["exit", "help"].map(str::to_owned));
    let config = Config::builder().max_history_size(HISTORY).map_err(|it| Failure::local(&it))?;
    let editor = Editor::with_history(config.build(), MemHistory::new());
    let mut editor = editor.map_err(|it| Failure::local(&it))?;
    editor.set_helper(Some(Words(words)));
    output
        .text(&format!("Engineer connected to {}\n`help` lists the commands\n", remote.host()))?;
    loop {
        match editor.readline("engineer> ") {
            Ok(line) => {
                // A line that is not remembered is no reason to stop.
                let _ = editor.add_history_entry(line.as_str());
                match obey(remote, output, &line).await {
                    Ok(true) => (),
                    Ok(false) => return Ok(()),
                    // What was followed is enough; the next line is another matter.
                    Err(Failure { exit: 0, .. }) => (),
                    Err(failure) => output.fail(&failure),
                }
            }
            Err(ReadlineError::Interrupted) => (),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(Failure::local(&error)),
        }
    }
}

/// Runs one line; false if it was the last one.
async fn obey(remote: &mut Remote, output: Output, line: &str) -> Outcome<bool> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(true);
    }
    let words = shell_words::split(line).map_err(|it| Failure::usage(it.to_string()))?;
    let Some((name, rest)) = words.split_first() else {
        return Ok(true);
    };
    match name.as_str() {
        "exit" | "quit" => return Ok(false),
        "help" => {
            let text = match rest.first() {
                Some(name) => {
                    let command = remote.command(name).await?;
                    help::command(remote.host(), name, &command)
                }
                None => help::general(Some(remote.commands().await?)),
            };
            output.text(&text)?;
        }
        _ => super::command(remote, output, name, rest).await?,
    }
    Ok(true)
}

/// The words that a line begins with.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Words(Vec<String>);

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let begun = &line[..at];
        let fits = self.0.iter().filter(|it| it.starts_with(begun));
        let pair = |it: &String| Pair { display: it.clone(), replacement: it.clone() };
        Ok((0, fits.map(pair).collect()))
    }
}
