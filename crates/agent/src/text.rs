//! Texts that errors share.

use std::fmt;

/// `; did you mean ..?`, or what there is, or that there is none.
pub(crate) struct Instead<'a> {
    pub(crate) near: &'a [String],
    pub(crate) known: &'a [String],
    pub(crate) none: &'a str,
}

impl fmt::Display for Instead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.near, self.known) {
            ([], []) => write!(f, "; {}", self.none),
            ([], known) => write!(f, "; there is {}", list(known)),
            (near, _) => write!(f, "; did you mean {}?", join(near, " or ")),
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

/// How many of the things that there are an error lists.
const LISTED: usize = 8;

/// The candidates that look like `wanted`, the nearest first; if none does, some that there are.
pub(crate) fn instead<'a>(
    wanted: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> (Vec<String>, Vec<String>) {
    let near = gleis_core::near(wanted, candidates.clone());
    let known = candidates.take(if near.is_empty() { LISTED } else { 0 });
    (near.into_iter().map(str::to_owned).collect(), known.map(str::to_owned).collect())
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
        let text = |wanted: &str, there: &[&str]| {
            let (near, known) = instead(wanted, there.iter().copied());
            Instead { near: &near, known: &known, none: "it has none" }.to_string()
        };
        assert_eq!(text("main", &[]), "; it has none");
        assert_eq!(text("main", &["news", "jobs"]), "; there is `news` and `jobs`");
        assert_eq!(text("main", &["news", "mian"]), "; did you mean `mian`?");
        assert_eq!(text("b", &["c", "a"]), "; did you mean `a` or `c`?");
    }
}
