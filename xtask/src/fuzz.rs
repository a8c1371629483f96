//! `fuzz`: hostile bytes against the parsers, in the package fuzz/.

use crate::{
    command::{Call, root},
    failure::{Failure, Outcome},
    near::did_you_mean,
};

/// How long each target runs when nobody says.
const SECONDS: &str = "30";
const USAGE: &str = "fuzz: takes a target, then a number of seconds";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (target, seconds) = match args {
        [] => (None, SECONDS),
        [target] => (Some(*target), SECONDS),
        [target, seconds] if seconds.parse::<u32>().is_ok() => (Some(*target), *seconds),
        _ => return Err(Failure::Usage(USAGE.to_owned())),
    };
    if !root().join("fuzz/Cargo.toml").exists() {
        return Err(Failure::finding("fuzz: there is no package fuzz/"));
    }
    let nightly = Call::cargo(&["+nightly", "--version"]);
    nightly.prove("fuzz", "nightly Rust", "rustup toolchain install nightly")?;
    let fuzz = Call::cargo(&["+nightly", "fuzz", "--version"]);
    fuzz.prove("fuzz", "cargo-fuzz", "cargo install --locked cargo-fuzz")?;
    let targets = Call::cargo(&["+nightly", "fuzz", "list"]).read()?;
    let targets = chosen(targets.lines().collect(), target)?;
    for target in targets {
        println!("fuzz: {target} for {seconds} s");
        let limit = format!("-max_total_time={seconds}");
        Call::cargo(&["+nightly", "fuzz", "run", target, "--", &limit]).run()?;
    }
    Ok(())
}

/// All targets, or the one that is named.
fn chosen<'a>(targets: Vec<&'a str>, name: Option<&str>) -> Result<Vec<&'a str>, Failure> {
    let Some(name) = name else { return Ok(targets) };
    match targets.iter().find(|it| **it == name) {
        Some(target) => Ok(vec![target]),
        None => {
            let hint = did_you_mean(name, targets.iter().copied());
            Err(Failure::Usage(format!("fuzz: no target `{name}`; {hint}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_by_its_name() {
        let targets = || vec!["frame", "greeting"];
        assert_eq!(chosen(targets(), None).unwrap(), targets());
        assert_eq!(chosen(targets(), Some("frame")).unwrap(), ["frame"]);
        let wrong = chosen(targets(), Some("fraem")).unwrap_err().to_string();
        assert_eq!(wrong, "fuzz: no target `fraem`; did you mean frame?");
    }

    #[test]
    fn seconds_are_a_number() {
        assert!(matches!(run(&["frame", "soon"]), Err(Failure::Usage(_))));
    }
}
