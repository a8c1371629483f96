//! Texts that errors share.

use std::fmt;

/// `; did you mean ..?`, or nothing.
pub(crate) struct Suggestion<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for Suggestion<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            near => write!(f, "; did you mean {}?", join(near, " or ")),
        }
    }
}

/// Such as "`a`, `b` and `c`".
pub(crate) fn list<T: fmt::Display>(items: &[T]) -> String {
    join(items, " and ")
}

fn join<T: fmt::Display>(items: &[T], last: &str) -> String {
    let mut text = String::new();
    for (i, item) in items.iter().enumerate() {
        let separator = match i {
            0 => "",
            _ if i + 1 == items.len() => last,
            _ => ", ",
        };
        text.push_str(separator);
        text.push_str(&format!("`{item}`"));
    }
    text
}

/// The candidates that look like `wanted`, the nearest first.
pub(crate) fn near<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    gleis_core::near(wanted, candidates).into_iter().map(str::to_owned).collect()
}

/// An error with everything behind it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        // Transparent errors say the same thing twice.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_reads_like_a_sentence() {
        let text = |near: &[&str]| Suggestion(near).to_string();
        assert_eq!(text(&[]), "");
        assert_eq!(text(&["a"]), "; did you mean `a`?");
        assert_eq!(text(&["a", "b", "c"]), "; did you mean `a`, `b` or `c`?");
    }
}
