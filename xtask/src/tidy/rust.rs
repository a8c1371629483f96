//! Rules for Rust files.

use super::Report;
use crate::source::{self, Source};

/// A file with more lines than this is split.
const MAX_LINES: usize = 600;
/// A file with more lines than this will soon have to be.
const MANY_LINES: usize = 500;
/// How a comment begins that allows the sleep below it.
const EXCUSE: &str = "// Not synchronisation:";

/// Applies the rules to `file`.
pub(super) fn check(file: &Source, report: &mut Report) {
    check_size(file, report);
    if !file.text.starts_with("//!") {
        report.at(&file.path, 1, "must open with `//!`: what the file is for");
    }
    let code = source::code(&file.text);
    let tests_begin = if is_test(&file.path) { 0 } else { source::tests_begin(&code) };
    check_words(file, &code, report);
    check_allows(file, &code, report);
    check_globs(file, &code, tests_begin, report);
    check_sleeps(file, &code, tests_begin, report);
}

fn is_test(path: &str) -> bool {
    let is_suite = path.starts_with("crates/test/") || path.starts_with("interop/");
    is_suite || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn check_size(file: &Source, report: &mut Report) {
    let n_lines = file.text.lines().count();
    if MAX_LINES < n_lines {
        report.on(&file.path, &format!("{n_lines} lines: split it, {MAX_LINES} is the limit"));
    } else if MANY_LINES < n_lines {
        let text = format!("{}: {n_lines} lines: split it before it has {MAX_LINES}", file.path);
        report.warnings.push(text);
    }
}

fn check_words(file: &Source, code: &str, report: &mut Report) {
    for (at, line) in code.lines().enumerate() {
        for word in ["dbg!(", "todo!(", "unimplemented!("] {
            if line.contains(word) {
                report.at(&file.path, at + 1, &format!("`{word}..)` is left over"));
            }
        }
        if line.contains("#[ignore]") {
            report.at(&file.path, at + 1, "an ignored test says why: `#[ignore = \"..\"]`");
        }
    }
}

/// An `allow` that is not needed any more stays for ever; an `expect` says so.
fn check_allows(file: &Source, code: &str, report: &mut Report) {
    for opening in ["#[allow(", "#![allow("] {
        for (at, _) in code.match_indices(opening) {
            let attribute = &code[at..];
            let attribute = &attribute[..attribute.find(']').unwrap_or(attribute.len())];
            if !attribute.contains("reason") {
                let line = 1 + code[..at].matches('\n').count();
                report.at(&file.path, line, "write `#[expect(.., reason = \"..\")]`, not `allow`");
            }
        }
    }
}

fn check_globs(file: &Source, code: &str, tests_begin: usize, report: &mut Report) {
    let mut in_use = false;
    for (at, line) in code.lines().enumerate().take(tests_begin) {
        let words = line.trim_start();
        in_use |= words.starts_with("use ") || words.starts_with("pub") && words.contains(" use ");
        if in_use && line.contains('*') {
            report.at(&file.path, at + 1, "a glob import: name what is used");
        }
        in_use &= !line.contains(';');
    }
}

fn check_sleeps(file: &Source, code: &str, tests_begin: usize, report: &mut Report) {
    let lines: Vec<&str> = file.text.lines().map(str::trim_start).collect();
    for (at, line) in code.lines().enumerate().skip(tests_begin) {
        if sleeps(line) && !is_excused(&lines[..at]) {
            let text = format!("a test that sleeps: wait for a condition, or say `{EXCUSE} ..`");
            report.at(&file.path, at + 1, &text);
        }
    }
}

/// Whether `above` ends with a comment that holds the excuse.
fn is_excused(above: &[&str]) -> bool {
    let comment = above.iter().rev().take_while(|it| it.starts_with("//"));
    comment.into_iter().any(|it| it.starts_with(EXCUSE))
}

/// Whether `line` calls a function named `sleep`.
fn sleeps(line: &str) -> bool {
    line.match_indices("sleep(").any(|(at, _)| {
        let before = &line[..at];
        let is_longer_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        !is_longer_name && !before.trim_end().ends_with("fn")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_file(path: &str, text: &str, expected: &[&str]) {
        let mut report = Report::default();
        check(&Source { path: path.to_owned(), text: text.to_owned() }, &mut report);
        assert_eq!(report.findings.len(), expected.len(), "{:?}", report.findings);
        for (finding, words) in report.findings.iter().zip(expected) {
            assert!(finding.contains(words), "{finding}");
        }
    }

    #[test]
    fn a_file_opens_with_what_it_is_for() {
        check_file("a.rs", "use std::io;\n", &["a.rs:1: must open"]);
        check_file("a.rs", "//! A.\nuse std::io;\n", &[]);
    }

    #[test]
    fn a_long_file_is_a_finding_and_a_longish_one_a_warning() {
        check_file("a.rs", &"//!\n".repeat(601), &["601 lines"]);
        let mut report = Report::default();
        let text = "//!\n".repeat(501);
        check(&Source { path: "a.rs".to_owned(), text }, &mut report);
        assert!(report.findings.is_empty());
        assert_eq!(report.warnings, ["a.rs: 501 lines: split it before it has 600"]);
    }

    #[test]
    fn what_was_left_over_is_found_in_code_but_not_in_text() {
        check_file("a.rs", "//! A.\nfn a() { todo!() }\n", &["a.rs:2: `todo!("]);
        check_file("a.rs", "//! A.\n// todo!()\nlet it = \"dbg!(1)\";\n", &[]);
    }

    #[test]
    fn an_ignored_test_says_why() {
        check_file("a.rs", "//! A.\n#[ignore]\n", &["a.rs:2: an ignored test"]);
        check_file("a.rs", "//! A.\n#[ignore = \"takes an hour\"]\n", &[]);
    }

    #[test]
    fn a_bare_allow_is_found() {
        check_file("a.rs", "//! A.\n#[allow(dead_code)]\n", &["a.rs:2: write `#[expect("]);
        check_file("a.rs", "//! A.\n#![allow(\n    dead_code,\n    reason = \"b\"\n)]\n", &[]);
    }

    #[test]
    fn globs_are_for_tests() {
        check_file("a.rs", "//! A.\npub use std::{\n    io::*,\n};\n", &["a.rs:3: a glob"]);
        check_file("a.rs", "//! A.\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n", &[]);
        check_file("crates/a/tests/it/main.rs", "//! A.\nuse a::*;\n", &[]);
        check_file("a.rs", "//! A.\nuse a::b;\nlet c = d * e;\n", &[]);
    }

    #[test]
    fn a_test_that_sleeps_needs_a_reason() {
        let path = "crates/a/tests/it/main.rs";
        check_file(path, "//! A.\ntokio::time::sleep(it).await;\n", &[":2: a test that sleeps"]);
        check_file(path, "//! A.\n// Not synchronisation: b.\nthread::sleep(it);\n", &[]);
        check_file(path, "//! A.\n// Not synchronisation: b\n// c.\nsleep(it).await;\n", &[]);
        check_file(path, "//! A.\nasync fn sleep(it: Duration) {}\n", &[]);
        check_file("crates/a/src/lib.rs", "//! A.\ntokio::time::sleep(it).await;\n", &[]);
    }
}
