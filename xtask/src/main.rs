//! The project's own checks: `cargo xtask <task>`.
//!
//! Standard library only, so that it builds in seconds and needs nothing. The table in
//! [`tasks`] is the list of tasks and the help text.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod bench;
mod browser;
mod budgets;
mod checks;
mod ci;
mod command;
mod deps;
mod failure;
mod fuzz;
mod graph;
mod growth;
mod instructions;
mod interop;
mod invariants;
mod json;
mod layers;
mod manifest;
mod near;
mod packages;
mod peers;
mod readme;
mod rows;
mod soak;
mod source;
mod tasks;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match tasks::dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
