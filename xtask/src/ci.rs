//! `ci`: every check, cheapest first, until one fails.

use std::time::Instant;

use crate::{
    failure::{Failure, Outcome},
    tasks,
};

/// The tasks with their arguments.
const STEPS: &[&[&str]] = &[
    &["fmt", "--check"],
    &["tidy"],
    &["layers"],
    &["lint"],
    &["features"],
    &["test"],
    &["doc"],
    &["bench", "--smoke"],
    &["readme", "--check"],
];

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let skipped = skipped(args)?;
    let steps: Vec<_> = STEPS.iter().filter(|it| !skipped.contains(&it[0])).collect();
    for (at, step) in steps.iter().enumerate() {
        println!("ci: {} ({} of {})", step.join(" "), at + 1, steps.len());
        let started = Instant::now();
        tasks::dispatch(step).map_err(|it| stopped(step, it))?;
        println!("ci: {} took {} s", step.join(" "), started.elapsed().as_secs());
    }
    println!("ci: all is well");
    Ok(())
}

/// The tasks that are named after `--skip`.
fn skipped<'a>(args: &[&'a str]) -> Result<Vec<&'a str>, Failure> {
    let usage = || Failure::Usage(format!("ci: takes --skip TASK, of {}", names().join(" ")));
    let mut skipped = Vec::new();
    for pair in args.chunks(2) {
        match pair {
            ["--skip", task] if names().contains(task) => skipped.push(*task),
            _ => return Err(usage()),
        }
    }
    Ok(skipped)
}

fn names() -> Vec<&'static str> {
    STEPS.iter().map(|it| it[0]).collect()
}

/// The failure of `step`, with the command that repeats it.
fn stopped(step: &[&str], failure: Failure) -> Failure {
    match failure {
        Failure::Finding { text, again } => {
            let again = again.unwrap_or_else(|| format!("cargo xtask {}", step.join(" ")));
            Failure::Finding {
                text: format!("{text}\nci: stopped at {}", step[0]),
                again: Some(again),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_a_task() {
        assert!(names().iter().all(|&it| tasks::TASKS.iter().any(|task| task.name == it)));
    }

    #[test]
    fn only_steps_can_be_skipped() {
        assert_eq!(skipped(&["--skip", "test"]).unwrap(), ["test"]);
        for args in [&["--skip"][..], &["--skip", "interop"], &["test"]] {
            assert!(matches!(skipped(args), Err(Failure::Usage(_))), "{args:?}");
        }
    }

    #[test]
    fn a_failure_names_the_one_command_that_repeats_it() {
        let tidy = stopped(&["tidy"], Failure::finding("a.rs:1: b")).to_string();
        assert_eq!(tidy, "a.rs:1: b\nci: stopped at tidy\nrepeat it with: cargo xtask tidy");
        let again = Some("cargo clippy --package a".to_owned());
        let lint =
            stopped(&["lint"], Failure::Finding { text: "cargo clippy failed".to_owned(), again });
        assert!(lint.to_string().ends_with("repeat it with: cargo clippy --package a"));
    }
}
