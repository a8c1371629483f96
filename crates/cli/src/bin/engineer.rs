//! The command `engineer`: see [`gleis_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gleis_cli::engineer(std::env::args_os())
}
