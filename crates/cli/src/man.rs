//! `gleis man`: the pages of the manual.

use std::path::Path;

use clap::CommandFactory;
use serde_json::json;

use crate::args::Cli;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// Writes a page for `gleis` and for each of its commands.
pub(crate) fn write(folder: &Path, output: Output) -> Outcome {
    std::fs::create_dir_all(folder).map_err(|it| Failure::local(&it))?;
    let command = Cli::command();
    clap_mangen::generate_to(command, folder).map_err(|it| Failure::local(&it))?;
    let n_pages = std::fs::read_dir(folder).map_err(|it| Failure::local(&it))?.count();
    let folder = folder.display().to_string();
    let text = format!("{n_pages} pages are in {folder}; read them with man -l");
    output.line(&text, &json!({"folder": folder, "pages": n_pages}))
}
