//! `growth`: what messages, connections and subscriptions cost as there are more of them.

use crate::{command::Call, failure::Outcome};

/// The task; its arguments go to the program.
pub(crate) fn run(args: &[&str]) -> Outcome {
    // Built as what else is measured, and without what is counted.
    Call::cargo(&["run", "--quiet", "--profile", "bench", "--package", "gleis-benches"])
        .with(&["--bin", "growth", "--"])
        .with(args)
        .run_ours()
}
