//! `soak`: all patterns under faults for a while, then every message is looked for.

use crate::{
    command::Call,
    failure::{Failure, Outcome},
};

/// The task: a number is the seconds, `--release` builds as users do; the rest goes to the program.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (profile, args): (Vec<&str>, Vec<&str>) = args.iter().partition(|it| **it == "--release");
    if 1 < profile.len() {
        return Err(Failure::Usage("soak: --release once is enough".to_owned()));
    }
    let cargo = ["run", "--quiet", "--package", "gleis-benches", "--bin", "soak"];
    let call: Vec<&str> = cargo.into_iter().chain(profile).chain(["--"]).chain(args).collect();
    Call::cargo(&call).run()
}
