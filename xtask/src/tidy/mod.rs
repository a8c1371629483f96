//! `tidy`: what formatter and compiler leave to people. Also a test of this package.

mod docs;
mod manifests;
mod rust;
mod text;

use std::{io, path::Path};

use crate::{
    command,
    failure::{Failure, Outcome, unless_empty},
    source,
};

/// What the rules have to say about one repository.
#[derive(Debug, Default)]
struct Report {
    /// `path:line: what is wrong`.
    findings: Vec<String>,
    /// What will be a finding soon.
    warnings: Vec<String>,
}

impl Report {
    fn at(&mut self, path: &str, line: usize, text: &str) {
        self.findings.push(format!("{path}:{line}: {text}"));
    }

    fn on(&mut self, path: &str, text: &str) {
        self.findings.push(format!("{path}: {text}"));
    }
}

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !args.is_empty() {
        return Err(Failure::Usage("tidy: takes nothing".to_owned()));
    }
    println!("tidy: sources, manifests and documents");
    let report = report(&command::root());
    let report = report.map_err(|it| Failure::finding(format!("tidy: {it}")))?;
    for warning in &report.warnings {
        println!("tidy: {warning}");
    }
    unless_empty("tidy", &report.findings)
}

fn report(root: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    for file in source::files(root, "", &[".rs", ".toml", ".md", ".ci/run"])? {
        text::check(&file, &mut report);
        if file.path.ends_with(".rs") {
            rust::check(&file, &mut report);
        }
        if file.path.ends_with(".md") {
            docs::check_links(root, &file, &mut report);
        }
    }
    manifests::check(root, &mut report)?;
    docs::check_changelog(root, &mut report)?;
    docs::check_rust_version(root, &mut report)?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let report = report(&command::root()).unwrap();
        assert!(report.findings.is_empty(), "{}", report.findings.join("\n"));
    }
}
