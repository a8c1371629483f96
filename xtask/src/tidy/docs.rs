//! Rules for documents: links lead somewhere, the changelog is open, versions agree.

use std::{fs, io, path::Path};

use super::Report;
use crate::{manifest, source::Source};

/// Every link of `file` to another file of the repository must lead somewhere.
pub(super) fn check_links(root: &Path, file: &Source, report: &mut Report) {
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    for (line, target) in links(&file.text) {
        let path = target.split('#').next().unwrap_or_default();
        let is_elsewhere = path.contains("://") || path.starts_with("mailto:");
        if is_elsewhere || path.is_empty() {
            continue;
        }
        if !root.join(folder).join(path).exists() {
            report.at(&file.path, line, &format!("the link to `{path}` leads nowhere"));
        }
    }
}

/// The targets of the links in `text`, with their lines; fenced and inline code has none.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut is_fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            links.extend(links_of_line(line).map(|target| (at + 1, target)));
        }
    }
    links
}

fn links_of_line(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, opening)| {
        let is_code = line[..at].matches('`').count() % 2 == 1;
        let (target, _) = line[at + opening.len()..].split_once(')')?;
        let target = target.split_whitespace().next()?;
        (!is_code).then(|| target.trim_matches(['<', '>']))
    })
}

/// CHANGELOG.md must have a section for what is not released yet.
///
/// # Errors
/// The error of a file that is there but cannot be read.
pub(super) fn check_changelog(root: &Path, report: &mut Report) -> io::Result<()> {
    let text = read_or_empty(&root.join("CHANGELOG.md"))?;
    if !has_unreleased(&text) {
        report.on("CHANGELOG.md", "lacks the section `## Unreleased`");
    }
    Ok(())
}

fn has_unreleased(text: &str) -> bool {
    text.lines().any(|it| matches!(it, "## Unreleased" | "## [Unreleased]"))
}

/// README.md must name the Rust version that Cargo.toml asks for.
///
/// # Errors
/// The error of a file that is there but cannot be read.
pub(super) fn check_rust_version(root: &Path, report: &mut Report) -> io::Result<()> {
    let cargo = read_or_empty(&root.join("Cargo.toml"))?;
    let readme = read_or_empty(&root.join("README.md"))?;
    let version = manifest::value(&cargo, "[workspace.package]", "rust-version");
    let version = version.unwrap_or_default().trim_matches('"');
    if !readme.contains(&format!("Rust {version}")) {
        report.on("README.md", &format!("must say that `Rust {version}` is needed"));
    }
    Ok(())
}

fn read_or_empty(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(it) if it.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](b.md) `[c](d.md)` [e](<f.md>)\n```\n[g](h.md)\n```\n![i](j.png \"k\")\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "f.md"), (5, "j.png")]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let text = "[a](Cargo.toml#b) [c](https://d.example/) [e](#f)\n[g](missing.md)\n";
        let file = Source { path: "a.md".to_owned(), text: text.to_owned() };
        let mut report = Report::default();
        check_links(&command::root(), &file, &mut report);
        assert_eq!(report.findings, ["a.md:2: the link to `missing.md` leads nowhere"]);
    }

    #[test]
    fn the_changelog_stays_open() {
        assert!(has_unreleased("# Changelog\n\n## Unreleased\n"));
        assert!(!has_unreleased("# Changelog\n\n## 0.1.0\n"));
    }
}
