//! `bench`: measurements, or with `--smoke` one turn of each to see that it runs.

use std::path::Path;

use crate::{
    command::{Call, root},
    failure::{Failure, Outcome},
    near::did_you_mean,
    source,
};

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (flags, names): (Vec<&str>, Vec<&str>) =
        args.iter().copied().partition(|it| it.starts_with('-'));
    let bench = match names[..] {
        [] => "*",
        [name] => known(name)?,
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

/// The bench `name`, which is a file of its own.
fn known(name: &str) -> Result<&str, Failure> {
    let files = source::files(&root(), "benches/benches", &[".rs"]);
    let files = files.map_err(|it| Failure::finding(format!("bench: {it}")))?;
    let names = files.iter().filter_map(|it| Path::new(&it.path).file_stem()?.to_str());
    let names: Vec<&str> = names.collect();
    if names.contains(&name) {
        return Ok(name);
    }
    let hint = did_you_mean(name, names.into_iter());
    Err(Failure::Usage(format!("bench: no bench `{name}`; {hint}")))
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
    fn a_foreign_name_is_told_the_near_one() {
        assert_eq!(known("patterns").unwrap(), "patterns");
        let text = known("pattersn").unwrap_err().to_string();
        assert_eq!(text, "bench: no bench `pattersn`; did you mean patterns?");
    }

    #[test]
    fn a_smoke_run_builds_what_the_tests_build() {
        assert_eq!(smoke("*").line(), "cargo test --workspace --bench '*'");
    }
}
