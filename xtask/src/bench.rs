//! `bench`: measurements, or with `--smoke` one turn of each to see that it runs.

use crate::{
    command::Call,
    failure::{Failure, Outcome},
};

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (flags, names): (Vec<&str>, Vec<&str>) =
        args.iter().copied().partition(|it| it.starts_with('-'));
    let bench = match names[..] {
        [] => "*",
        [name] => name,
        _ => return Err(Failure::Usage("bench: takes one bench or none".to_owned())),
    };
    match flags[..] {
        [] => {
            println!("bench: {bench}, in release");
            Call::cargo(&["bench", "--package", "gleis-benches", "--bench", bench]).run()
        }
        ["--smoke"] => {
            println!("bench: {bench}, one turn each");
            smoke(bench).run()
        }
        _ => Err(Failure::Usage("bench: takes --smoke or no flag".to_owned())),
    }
}

/// Criterion runs each bench once when `cargo test` calls it. The whole workspace is named so
/// that the features are those of `test` and nothing is built a second time.
fn smoke(bench: &str) -> Call {
    Call::cargo(&["test", "--workspace", "--bench", bench])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_or_a_foreign_flag_are_wrong_usage() {
        for args in [&["a", "b"][..], &["--quick"]] {
            assert!(matches!(run(args), Err(Failure::Usage(_))), "{args:?}");
        }
    }

    #[test]
    fn a_smoke_run_builds_what_the_tests_build() {
        assert_eq!(smoke("*").line(), "cargo test --workspace --bench '*'");
    }
}
