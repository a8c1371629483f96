//! The command `gleis`: see [`gleis_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gleis_cli::run(std::env::args_os())
}
