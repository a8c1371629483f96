//! The command `gleis`: name servers, hubs, bridges and sockets from a shell.
//!
//! ```text
//! gleis ns run | list | shutdown          a name server, and what is registered
//! gleis agent list | info | stop | ..     who runs, and how; ends one
//! gleis attr get | set | list             attributes of an agent
//! gleis method list | set                 methods of an agent
//! gleis call NAME METHOD [ARGUMENT]..     a method of an agent
//! gleis logs | dead-letters               what agents log, and what they did not handle
//! gleis hub run | tail | send             a hub, what is said there, and a word to all
//! gleis bridge run                        messages of a hub for web pages
//! gleis send | sub | req | rep            one socket: push, subscribe, request, reply
//! gleis engineer HOST COMMAND [ARGS]..    commands that a server declares; also the program `engineer`
//! gleis bench serve | run                 how fast two endpoints are
//! gleis top                               all agents and their sockets, live
//! gleis graph                             who talks to whom: text, Graphviz or Mermaid
//! gleis run                               a name server with agents to look at
//! gleis doctor                            what may be wrong
//! gleis man FOLDER                        the pages of the manual
//! gleis completions SHELL                 for bash, zsh, fish, ..
//! ```
//!
//! With `--json` every line of output is one JSON value. Exit codes: 0 well, 1 an error of the other
//! side, 2 wrong usage, 3 unreachable or not in time, 130 interrupted before there was a result. Ctrl-C ends what runs in order; a second one at once.

mod agents;
mod args;
mod bench;
mod bridge;
mod callee;
mod doctor;
mod engineer;
mod failure;
mod hub;
mod looks;
mod man;
mod ns;
mod output;
mod sockets;
mod stop;
mod system;
mod tails;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// Does what the command line says.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is what was asked for; nobody is there to read it if this fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    if let Command::Engineer { words } = cli.command {
        return engineer::run(["engineer".into()].into_iter().chain(words));
    }
    let output = Output::new("gleis", cli.json);
    finish(output, |runtime| runtime.block_on(command(cli, output)))
}

/// Does what the command line of `engineer` says.
pub fn engineer(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    engineer::run(args)
}

/// Does the work of a program, and says how it went.
fn finish(output: Output, work: impl FnOnce(&tokio::runtime::Runtime) -> Outcome) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match &runtime {
        Ok(runtime) => work(runtime),
        Err(error) => Err(Failure::local(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { exit: 0, .. }) => ExitCode::SUCCESS,
        Err(failure) => {
            output.fail(&failure);
            ExitCode::from(failure.exit)
        }
    }
}

async fn command(cli: Cli, output: Output) -> Outcome {
    let timeout = cli.timeout;
    match cli.command {
        Command::Agent(it) => agents::run(it, output, timeout).await,
        Command::Attr(it) => looks::attr(it, output, timeout).await,
        Command::Bench(it) => bench::run(it, output, timeout).await,
        Command::Bridge(it) => bridge::run(it, output, timeout).await,
        Command::Call(it) => agents::call(it, output, timeout).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "gleis", &mut script);
            output.text(&String::from_utf8_lossy(&script))
        }
        Command::DeadLetters(it) => tails::dead_letters(it, output, timeout).await,
        Command::Doctor { ns } => doctor::run(ns, output, timeout).await,
        // It has a command line of its own.
        Command::Engineer { .. } => Ok(()),
        Command::Graph(it) => system::graph(it, output, timeout).await,
        Command::Hub(it) => hub::run(it, output, timeout).await,
        Command::Logs(it) => tails::logs(it, output, timeout).await,
        Command::Man { folder } => man::write(&folder, output),
        Command::Method(it) => looks::method(it, output, timeout).await,
        Command::Ns(it) => ns::run(it, output, timeout).await,
        Command::Rep(it) => sockets::rep(it, output).await,
        Command::Req(it) => sockets::req(it, output, timeout).await,
        Command::Run(it) => system::run(it, output, timeout).await,
        Command::Send(it) => sockets::send(it, output, timeout).await,
        Command::Sub(it) => sockets::sub(it, output, timeout).await,
        Command::Top(it) => system::top(it, output, timeout).await,
    }
}
