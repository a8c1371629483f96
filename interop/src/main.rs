//! Real libzmq peers against gleis sockets: `cargo xtask interop`.
//!
//! Each scenario opens sockets of both kinds, exchanges messages and prints one line. The exit code
//! is 1 if one of them failed, 2 for wrong usage.
//!
//! ```text
//! cargo xtask interop                  all scenarios
//! cargo xtask interop --list           their sentences
//! cargo xtask interop heartbeat        those whose sentence contains the words
//! ```

mod child;
mod churn;
mod gleis;
mod heartbeats;
mod identities;
mod outcome;
mod peer;
mod pipeline;
mod place;
mod pubsub;
mod refusals;
mod request;
mod revival;
mod runner;
mod volume;

use std::process::ExitCode;

use crate::runner::Scenario;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [child::FLAG, ref rest @ ..] => child::serve(rest),
        ["--list"] => {
            for scenario in scenarios() {
                println!("{}", scenario.sentence);
            }
            ExitCode::SUCCESS
        }
        [flag, ..] if flag.starts_with('-') => {
            eprintln!(
                "interop: `{flag}` is unknown; usage: interop [--list | words of a sentence]"
            );
            ExitCode::from(2)
        }
        ref filter => run(&filter.join(" ")),
    }
}

fn run(filter: &str) -> ExitCode {
    let (major, minor, patch) = zmq::version();
    println!("interop: libzmq {major}.{minor}.{patch}");
    let mut chosen = scenarios();
    chosen.retain(|it| it.sentence.contains(filter));
    if chosen.is_empty() {
        eprintln!("interop: no scenario contains `{filter}`; `--list` shows them");
        return ExitCode::from(2);
    }
    if runner::run_all(chosen) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn scenarios() -> Vec<Scenario> {
    [
        pipeline::scenarios(),
        pubsub::scenarios(),
        request::scenarios(),
        identities::scenarios(),
        refusals::scenarios(),
        heartbeats::scenarios(),
        revival::scenarios(),
        volume::scenarios(),
        churn::scenarios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
