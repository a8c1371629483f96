//! `peers`: gleis beside other systems doing the same work, in a package of its own.
//!
//! The package links libzmq and builds what it compares with, and runs osBrain in Python, so it stays
//! out of the workspace.

use crate::{
    command::{Call, target_dir},
    failure::Outcome,
    interop::provide_python,
    packages::provide_libzmq,
};

/// The task; its arguments go to the program.
pub(crate) fn run(args: &[&str]) -> Outcome {
    provide_libzmq("peers")?;
    let python = provide_python()?;
    Call::cargo(&["run", "--quiet", "--release", "--manifest-path", "peers/Cargo.toml"])
        .with(&["--target-dir", &target_dir(), "--"])
        .with(args)
        .env("GLEIS_PEERS_PYTHON", &python)
        .run()
}
