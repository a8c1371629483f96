//! Tools that come as Debian packages, installed where that is allowed.

use crate::{
    command::Call,
    failure::{Failure, Outcome},
};

/// Installs Debian packages where it may; elsewhere `what` is a missing tool of `task`.
pub(crate) fn install(task: &str, what: &str, packages: &[&str]) -> Outcome {
    let can_install = is_root() && Call::new("apt-get", &["--version"]).works();
    if !can_install {
        let hint = format!("sudo apt-get install {}", packages.join(" "));
        return Err(Failure::Missing(format!("{task}: {what} is missing; `{hint}` installs it")));
    }
    println!("{task}: installing {}", packages.join(" and "));
    Call::new("apt-get", &["update", "--quiet"]).run()?;
    Call::new("apt-get", &["install", "--yes", "--no-install-recommends"]).with(packages).run()
}

/// Has libzmq there, to be linked by what `task` runs.
pub(crate) fn provide_libzmq(task: &str) -> Outcome {
    if Call::new("pkg-config", &["--exists", "libzmq"]).works() {
        return Ok(());
    }
    install(task, "libzmq", &["libzmq3-dev", "pkg-config"])
}

fn is_root() -> bool {
    Call::new("id", &["-u"]).read().is_ok_and(|it| it.trim() == "0")
}
