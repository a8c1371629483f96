//! Rules for manifests: every crate has a row, every foreign dependency a reason.

use std::{fs, io, path::Path};

use super::Report;
use crate::{manifest, rows};

/// Applies the rules to the manifests below `root`.
///
/// # Errors
/// The error of the file or folder that cannot be read.
pub(super) fn check(root: &Path, report: &mut Report) -> io::Result<()> {
    check_rows(root, report)?;
    let main = fs::read_to_string(root.join("Cargo.toml"))?;
    for (line, name) in unexplained(&main) {
        let text = format!("`{name}` lacks a `# comment` that says what it is for");
        report.at("Cargo.toml", line, &text);
    }
    Ok(())
}

fn check_rows(root: &Path, report: &mut Report) -> io::Result<()> {
    for entry in fs::read_dir(root.join("crates"))? {
        let folder = entry?.file_name().to_string_lossy().into_owned();
        let manifest = root.join("crates").join(&folder).join("Cargo.toml");
        let path = format!("crates/{folder}/Cargo.toml");
        match fs::read_to_string(manifest) {
            Ok(text) => check_package(&folder, &path, &text, report),
            Err(_) => report.on(&path, "cannot be read"),
        }
    }
    Ok(())
}

/// The folder is the short name of the package, and the package has a row.
fn check_package(folder: &str, path: &str, manifest: &str, report: &mut Report) {
    let name = manifest::value(manifest, "[package]", "name");
    let name = name.unwrap_or_default().trim_matches('"');
    if name.strip_prefix("gleis-").unwrap_or(name) != folder {
        report.on(path, &format!("the package of this folder is `gleis-{folder}`, not `{name}`"));
    }
    if rows::place_of(name).is_none() {
        report.on(path, "the package has no row in xtask/src/rows.rs");
    }
}

/// The dependencies of the workspace that are not ours and lack a comment.
fn unexplained(manifest: &str) -> Vec<(usize, &str)> {
    let lines = manifest::section(manifest, "[workspace.dependencies]");
    let names = lines.filter_map(|(at, line)| {
        let (name, value) = line.split_once('=')?;
        let is_ours = value.contains("path = ");
        (!line.starts_with('#') && !is_ours && !value.contains(" # ")).then(|| (at, name.trim()))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_dependency_says_what_it_is_for() {
        let text = "[workspace.dependencies]\na = { path = \"b\" }\nc = \"1\" # d\ne = \"1\"\n";
        assert_eq!(unexplained(text), [(4, "e")]);
    }

    #[test]
    fn a_crate_has_a_row_and_the_name_of_its_folder() {
        let mut report = Report::default();
        check_package("core", "a", "[package]\nname = \"gleis-core\"\n", &mut report);
        check_package("gleis", "b", "[package]\nname = \"gleis\"\n", &mut report);
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        check_package("attic", "c", "[package]\nname = \"gleis-loft\"\n", &mut report);
        assert_eq!(report.findings.len(), 2, "{:?}", report.findings);
    }
}
