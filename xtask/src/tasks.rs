//! The table of tasks, which is also the help text.

use crate::{
    bench, browser, checks, ci, deps,
    failure::{Failure, Outcome},
    fuzz, growth, instructions, interop, layers,
    near::did_you_mean,
    peers, readme, soak, tidy,
};

/// Something that `cargo xtask` can do.
#[derive(Debug)]
pub(crate) struct Task {
    /// What one types.
    pub(crate) name: &'static str,
    args: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Outcome,
}

const fn task(
    name: &'static str,
    args: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Outcome,
) -> Task {
    Task { name, args, help, run }
}

/// Every task.
pub(crate) const TASKS: &[Task] = &[
    task("ci", "[--skip TASK]..", "every check, stopping at the first that fails", ci::run),
    task("fmt", "[--check]", "format the code, or say what is not formatted", checks::fmt),
    task("lint", "[PACKAGE]", "clippy on all targets, package by package", checks::lint),
    task("tidy", "", "rules that neither formatter nor compiler knows", tidy::run),
    task("layers", "[--dot | --table]", "no edge goes up or sideways; show the house", layers::run),
    task(
        "features",
        "[PACKAGE]",
        "without features, each one alone, all of them",
        checks::features,
    ),
    task("test", "[CARGO TEST ARGS]..", "unit, integration and documentation tests", checks::test),
    task("doc", "[--open]", "the documentation, without a warning", checks::doc),
    task("bench", "[NAME] [--smoke]", "measurements; --smoke: one turn of each", bench::run),
    task("instructions", "[--update]", "what a message costs; the budgets", instructions::run),
    task("readme", "[--check]", "README's code from the examples, or compare it", readme::run),
    task("deps", "[--deny]", "dependencies per crate, duplicates, deny.toml", deps::run),
    task("browser", "[ARGS]..", "the page of the bridge in Chromium", browser::run),
    task("interop", "[ARGS]..", "our sockets against real foreign peers", interop::run),
    task("peers", "[--quick] [--rows PATTERN] [--json FILE]", "beside other systems", peers::run),
    task("growth", "[--quick] [--only PATTERN] [..]", "cost against work", growth::run),
    task("soak", "[SECONDS] [--seed N]", "all patterns under faults; then the books", soak::run),
    task("fuzz", "[TARGET] [SECONDS]", "hostile bytes against the parsers", fuzz::run),
];

/// Does what `words` say: the name of a task and its arguments.
///
/// # Errors
/// The failure of the task, or wrong usage.
pub(crate) fn dispatch(words: &[&str]) -> Outcome {
    let Some((name, args)) = words.split_first() else {
        return Err(Failure::Usage(help()));
    };
    if matches!(*name, "help" | "--help" | "-h") {
        print!("{}", help());
        return Ok(());
    }
    let task = TASKS.iter().find(|it| it.name == *name).ok_or_else(|| unknown(name))?;
    if args.contains(&"--help") || args.contains(&"-h") {
        println!("{}", task.line());
        return Ok(());
    }
    (task.run)(args)
}

impl Task {
    fn line(&self) -> String {
        let call = format!("{} {}", self.name, self.args);
        format!("  {call:<26} {}", self.help)
    }
}

fn help() -> String {
    let lines = TASKS.iter().map(|it| it.line() + "\n").collect::<String>();
    let codes = "exit code: 0 well, 1 a finding, 2 wrong usage, 3 a tool is missing\n";
    format!("usage: cargo xtask TASK [ARGS]\n\n{lines}\n{codes}")
}

fn unknown(name: &str) -> Failure {
    let hint = did_you_mean(name, TASKS.iter().map(|it| it.name));
    Failure::Usage(format!("no task `{name}`; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_help_text() {
        let help = help();
        for task in TASKS {
            assert!(help.contains(&format!("  {} ", task.name)), "{help}");
            assert!(help.contains(task.help), "{help}");
        }
    }

    #[test]
    fn every_task_has_a_line_of_help() {
        for task in TASKS {
            assert!(dispatch(&[task.name, "--help"]).is_ok());
        }
    }

    #[test]
    fn an_unknown_task_names_the_near_ones() {
        let failure = dispatch(&["tydi"]).unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert_eq!(failure.to_string(), "no task `tydi`; did you mean tidy?");
    }

    #[test]
    fn help_lines_fit_a_terminal() {
        assert!(help().lines().all(|it| it.len() <= 80), "{}", help());
    }
}
