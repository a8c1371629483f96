//! Names that are nearly the one that was asked for.

/// A question that helps whoever asked for `wanted`: the near ones of `names`, or all of them.
pub(crate) fn did_you_mean<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let near = near(wanted, names.iter().copied());
    let shown = if near.is_empty() { names } else { near };
    format!("did you mean {}?", shown.join(", "))
}

/// The `names` within two edits of `wanted`, or that begin with it, nearest first.
fn near<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<(usize, &str)> = names
        .map(|name| {
            let is_prefix = 1 < wanted.len() && name.starts_with(wanted);
            (if is_prefix { 0 } else { distance(wanted, name) }, name)
        })
        .filter(|&(edits, name)| edits <= 2 && edits < name.len())
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// How many letters must be changed, added or removed to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_task() {
        assert_eq!(near("tset", ["fmt", "lint", "test"].into_iter()), ["test"]);
        assert_eq!(near("lnit", ["fmt", "lint", "test"].into_iter()), ["lint"]);
    }

    #[test]
    fn a_beginning_finds_its_task() {
        assert_eq!(near("inter", ["fmt", "interop"].into_iter()), ["interop"]);
    }

    #[test]
    fn a_foreign_word_is_answered_with_all_there_is() {
        let names = || ["fmt", "lint"].into_iter();
        assert_eq!(did_you_mean("deploy", names()), "did you mean fmt, lint?");
        assert_eq!(did_you_mean("lind", names()), "did you mean lint?");
    }
}
