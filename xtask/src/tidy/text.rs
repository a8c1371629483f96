//! Rules for every text file: white space and how it ends.

use super::Report;
use crate::source::Source;

/// Applies the rules to `file`.
pub(super) fn check(file: &Source, report: &mut Report) {
    for (at, line) in file.text.lines().enumerate() {
        if line.ends_with(char::is_whitespace) {
            report.at(&file.path, at + 1, "white space at the end of the line");
        }
        if line.contains('\t') {
            report.at(&file.path, at + 1, "a tab: indent with spaces");
        }
    }
    if !file.text.ends_with('\n') || file.text.ends_with("\n\n") {
        report.on(&file.path, "must end with exactly one line break");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(text: &str, expected: &[&str]) {
        let mut report = Report::default();
        check(&Source { path: "a.md".to_owned(), text: text.to_owned() }, &mut report);
        assert_eq!(report.findings, expected);
    }

    #[test]
    fn clean_text_has_no_findings() {
        check_text("a\n\nb\n", &[]);
    }

    #[test]
    fn white_space_is_found_where_it_does_not_belong() {
        check_text("a \n", &["a.md:1: white space at the end of the line"]);
        check_text("a\n\tb\n", &["a.md:2: a tab: indent with spaces"]);
    }

    #[test]
    fn a_file_ends_with_one_line_break() {
        check_text("a", &["a.md: must end with exactly one line break"]);
        check_text("a\n\n", &["a.md: must end with exactly one line break"]);
    }
}
