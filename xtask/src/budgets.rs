//! The stored budgets of the hot paths, and how a count is judged by them.

use std::fmt::Write as _;

/// What a path may cost more than its budget, in percent.
const TOLERANCE: u64 = 3;
/// How far below its budget a path is when the budget should be tightened, in percent.
const SLACK: u64 = 10;

/// What was counted, or what is allowed: instructions per message by the name of the path.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Budgets {
    /// What the counts depend on beside our code.
    pub(crate) conditions: String,
    /// The paths, in the order in which they are counted.
    pub(crate) paths: Vec<(String, u64)>,
}

/// What a count means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Above the budget.
    Above,
    /// There is no budget.
    Unknown,
    /// Far below the budget.
    WellBelow,
    /// As it should be.
    Within,
}

impl Budgets {
    /// Reads the file; a line that is none is named.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut budgets = Self::default();
        for line in text.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
            if let Some(conditions) = line.strip_prefix(CONDITIONS) {
                conditions.trim().clone_into(&mut budgets.conditions);
                continue;
            }
            let pair = line
                .split_once(' ')
                .and_then(|(name, count)| Some((name.to_owned(), count.trim().parse().ok()?)));
            budgets.paths.push(pair.ok_or_else(|| format!("`{line}` is no budget"))?);
        }
        Ok(budgets)
    }

    /// The text of the file.
    pub(crate) fn write(&self) -> String {
        let mut text = format!("{HEAD}{CONDITIONS} {}\n\n", self.conditions);
        for (name, count) in &self.paths {
            // A string takes everything.
            let _ = writeln!(text, "{name:<28} {count:>8}");
        }
        text
    }

    /// The budget of a path.
    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.paths.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// What it means that `name` takes `count` instructions per message.
    pub(crate) fn judge(&self, name: &str, count: u64) -> Verdict {
        match self.of(name) {
            None => Verdict::Unknown,
            Some(budget) if budget * (100 + TOLERANCE) < count * 100 => Verdict::Above,
            Some(budget) if count * 100 < budget * (100 - SLACK) => Verdict::WellBelow,
            Some(_) => Verdict::Within,
        }
    }
}

const CONDITIONS: &str = "counted-with:";
const HEAD: &str = "\
# Instructions per message of each hot path, as valgrind counts them: see docs/benchmarking.md.
# Written by `cargo xtask instructions --update`.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Budgets {
        let paths = vec![("a/b/64".to_owned(), 1_000)];
        Budgets { conditions: "rustc 1, valgrind 2".to_owned(), paths }
    }

    #[track_caller]
    fn check(count: u64, verdict: Verdict) {
        assert_eq!(budgets().judge("a/b/64", count), verdict);
    }

    #[test]
    fn three_percent_more_is_allowed_and_no_more() {
        check(1_000, Verdict::Within);
        check(1_030, Verdict::Within);
        check(1_031, Verdict::Above);
    }

    #[test]
    fn a_path_that_got_much_cheaper_is_told() {
        check(900, Verdict::Within);
        check(899, Verdict::WellBelow);
    }

    #[test]
    fn a_new_path_has_no_budget() {
        assert_eq!(budgets().judge("c", 1), Verdict::Unknown);
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(Budgets::read(&budgets().write()), Ok(budgets()));
        assert_eq!(Budgets::read("a/b/64 x"), Err("`a/b/64 x` is no budget".to_owned()));
    }
}
