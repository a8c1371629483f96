//! `instructions`: what one message costs on each hot path, counted by valgrind, against budgets.
//!
//! Times differ from run to run; the number of instructions does not. Each path is run twice, the
//! second time with twice the messages: the difference is the messages alone.

use std::{fs, path::Path};

use crate::{
    budgets::{Budgets, Verdict},
    command::{Call, root, target_dir},
    failure::{Failure, Outcome, unless_empty},
    packages::install,
};

const FILE: &str = "benches/budgets.txt";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let update = match args {
        [] => false,
        ["--update"] => true,
        _ => return Err(Failure::Usage("instructions: takes nothing or --update".to_owned())),
    };
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("instructions: skipped, the budgets are for Linux on x86_64");
        return Ok(());
    }
    if !Call::new("valgrind", &["--version"]).works() {
        // What valgrind replaces in the C library it finds by the library's symbols.
        install("instructions", "valgrind", &["valgrind", "libc6-dbg"])?;
    }
    let counted = count()?;
    if update {
        fs::write(root().join(FILE), counted.write()).map_err(|it| unreadable(&it))?;
        println!("instructions: {FILE} is written");
        return Ok(());
    }
    let text = fs::read_to_string(root().join(FILE)).map_err(|it| unreadable(&it))?;
    let budgets = Budgets::read(&text);
    compare(&budgets.map_err(|it| Failure::finding(format!("{FILE}: {it}")))?, &counted)
}

fn compare(budgets: &Budgets, counted: &Budgets) -> Outcome {
    if budgets.conditions != counted.conditions {
        println!(
            "instructions: not judged: the budgets were counted with {}, this is {}",
            budgets.conditions, counted.conditions
        );
        return Ok(());
    }
    let mut findings = Vec::new();
    for (name, count) in &counted.paths {
        let budget = budgets.of(name).unwrap_or_default();
        match budgets.judge(name, *count) {
            Verdict::Above => findings.push(format!(
                "{name}: {count} instructions a message, {budget} are allowed and 3 % more"
            )),
            Verdict::Unknown => findings.push(format!("{name}: has no budget")),
            Verdict::WellBelow => println!(
                "instructions: {name} takes {count} of {budget}; tighten it: cargo xtask \
                 instructions --update"
            ),
            Verdict::Within => (),
        }
    }
    let gone = budgets.paths.iter().filter(|it| counted.of(&it.0).is_none());
    findings.extend(gone.map(|(name, _)| format!("{name}: has a budget and is no path")));
    unless_empty("instructions", &findings)
}

/// Counts every path.
fn count() -> Result<Budgets, Failure> {
    println!("instructions: building");
    Call::cargo(&["build", "--quiet", "--profile", "bench", "--package", "gleis-benches"])
        .with(&["--bin", "instructions", "--features", "instructions"])
        .run()?;
    let folder = root().join(target_dir());
    let program = folder.join("release/instructions").to_string_lossy().into_owned();
    let list = Call::new(&program, &[]).read()?;
    let out = folder.join("callgrind.out").to_string_lossy().into_owned();
    let mut paths = Vec::new();
    for line in list.lines() {
        let pair = line.split_once(' ').and_then(|(name, n)| Some((name, n.parse().ok()?)));
        let Some((name, n)) = pair else {
            return Err(Failure::finding(format!("instructions: `{line}` is no path")));
        };
        let (once, twice) = (total(&program, &out, name, n)?, total(&program, &out, name, 2 * n)?);
        let each = twice.saturating_sub(once) / n;
        println!("instructions: {name:<28} {each:>8}");
        paths.push((name.to_owned(), each));
    }
    Ok(Budgets { conditions: conditions()?, paths })
}

/// The instructions of one run.
fn total(program: &str, out: &str, name: &str, n_messages: u64) -> Result<u64, Failure> {
    let file = format!("--callgrind-out-file={out}");
    Call::new("valgrind", &["--tool=callgrind", "--quiet", &file, program, name])
        .with(&[&n_messages.to_string()])
        .run()?;
    let text = fs::read_to_string(Path::new(out)).map_err(|it| unreadable(&it))?;
    let total = text.lines().find_map(|it| it.strip_prefix("totals:")?.trim().parse().ok());
    total.ok_or_else(|| Failure::finding(format!("instructions: {out} has no total")))
}

/// What the counts depend on beside our code: the compiler, valgrind, and the instructions that the C
/// library chooses its copying by.
fn conditions() -> Result<String, Failure> {
    let rustc = Call::new("rustc", &["--version"]).read()?;
    let valgrind = Call::new("valgrind", &["--version"]).read()?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let avx2 = if cpu.split_whitespace().any(|it| it == "avx2") { "avx2" } else { "no avx2" };
    Ok(format!("{}, {}, {avx2}", rustc.trim(), valgrind.trim()))
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::finding(format!("instructions: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(conditions: &str, name: &str, count: u64) -> Budgets {
        Budgets { conditions: conditions.to_owned(), paths: vec![(name.to_owned(), count)] }
    }

    #[test]
    fn another_compiler_is_not_judged() {
        assert!(compare(&one("rustc 1", "a", 100), &one("rustc 2", "a", 200)).is_ok());
    }

    #[test]
    fn more_than_the_budget_is_a_finding() {
        let failure = compare(&one("x", "a", 100), &one("x", "a", 200)).unwrap_err().to_string();
        assert!(failure.starts_with("a: 200 instructions a message, 100 are allowed"), "{failure}");
    }

    #[test]
    fn every_path_has_a_budget_and_every_budget_a_path() {
        let failure = compare(&one("x", "a", 100), &one("x", "b", 100)).unwrap_err().to_string();
        assert!(failure.contains("b: has no budget\na: has a budget and is no path"), "{failure}");
    }

    #[test]
    fn a_foreign_flag_is_wrong_usage() {
        assert!(matches!(run(&["--quick"]), Err(Failure::Usage(_))));
    }
}
