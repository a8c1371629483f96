//! `interop`: our sockets against real libzmq peers, in a package of its own.
//!
//! The package links libzmq, so it stays out of the workspace: nobody needs a C library to
//! build or test gleis itself.

use crate::{
    command::{Call, root},
    failure::{Failure, Outcome},
};

const PACKAGES: [&str; 2] = ["libzmq3-dev", "pkg-config"];

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !root().join("interop/Cargo.toml").exists() {
        return Err(Failure::finding("interop: there is no package interop/"));
    }
    provide_libzmq()?;
    println!("interop: gleis against libzmq");
    // The profile and the folder of the workspace, so that nothing is built a second time.
    let call = Call::cargo(&["run", "--manifest-path", "interop/Cargo.toml"])
        .with(&["--target-dir", &target_dir(), "--"])
        .with(args);
    call.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only").run()
}

fn target_dir() -> String {
    std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned())
}

fn provide_libzmq() -> Outcome {
    if Call::new("pkg-config", &["--exists", "libzmq"]).works() {
        return Ok(());
    }
    let can_install = is_root() && Call::new("apt-get", &["--version"]).works();
    if !can_install {
        let hint = format!("sudo apt-get install {}", PACKAGES.join(" "));
        return Err(Failure::Missing(format!("interop: libzmq is missing; `{hint}` installs it")));
    }
    println!("interop: installing {}", PACKAGES.join(" and "));
    Call::new("apt-get", &["update", "--quiet"]).run()?;
    Call::new("apt-get", &["install", "--yes", "--no-install-recommends"]).with(&PACKAGES).run()
}

fn is_root() -> bool {
    Call::new("id", &["-u"]).read().is_ok_and(|it| it.trim() == "0")
}
