//! Real foreign peers against gleis sockets: `cargo xtask interop`.
//!
//! The peers are libzmq through its C interface, pyzmq in Python, the `zeromq` crate, and original programs of
//! osBrain and xbahn. Each scenario opens sockets of both sides, exchanges messages and prints one line.
//! The exit code is 1 if one of them failed, 2 for wrong usage, 3 if the Python is missing.
//!
//! ```text
//! cargo xtask interop                  all scenarios
//! cargo xtask interop --list           their sentences
//! cargo xtask interop pyzmq PULL ipc   those whose sentence contains all the words
//! ```

mod churn;
mod foreign;
mod gleis;
mod heartbeats;
mod hub;
mod identities;
mod matrix;
mod osbrain;
mod osbrain_agents;
mod outcome;
mod peer;
mod pipeline;
mod place;
mod program;
mod proxy;
mod pubsub;
mod raw_agents;
mod refusals;
mod request;
mod revival;
mod router;
mod rpc;
mod runner;
mod unread;
mod upstream;
mod volume;
mod wishes;
mod xbahn_api;
mod xbahn_links;

use std::process::ExitCode;

use crate::runner::Scenario;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [foreign::FLAG, ref rest @ ..] => foreign::serve(rest),
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
        ref filter => run(filter),
    }
}

fn run(filter: &[&str]) -> ExitCode {
    if std::env::var_os(foreign::PYTHON).is_none() {
        eprintln!("interop: {} is not set; `cargo xtask interop` sets it", foreign::PYTHON);
        return ExitCode::from(3);
    }
    let (major, minor, patch) = zmq::version();
    println!("interop: libzmq {major}.{minor}.{patch}");
    let mut chosen = scenarios();
    chosen.retain(|it| filter.iter().all(|word| it.sentence.contains(word)));
    if chosen.is_empty() {
        eprintln!("interop: no scenario contains `{}`; `--list` shows them", filter.join(" "));
        return ExitCode::from(2);
    }
    let passed = runner::run_all(chosen);
    foreign::dismiss();
    program::dismiss();
    place::clean_up();
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn scenarios() -> Vec<Scenario> {
    [
        volume::scenarios(),
        churn::scenarios(),
        heartbeats::scenarios(),
        hub::scenarios(),
        matrix::scenarios(),
        pipeline::scenarios(),
        pubsub::scenarios(),
        wishes::scenarios(),
        upstream::scenarios(),
        request::scenarios(),
        unread::scenarios(),
        identities::scenarios(),
        router::scenarios(),
        rpc::scenarios(),
        osbrain::scenarios(),
        osbrain_agents::scenarios(),
        raw_agents::scenarios(),
        xbahn_api::scenarios(),
        xbahn_links::scenarios(),
        proxy::scenarios(),
        refusals::scenarios(),
        revival::scenarios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
