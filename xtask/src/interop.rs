//! `interop`: our sockets against real foreign peers, in a package of its own.
//!
//! The package links libzmq and runs Python, so it stays out of the workspace: nobody needs either
//! to build or test gleis itself.

use crate::{
    command::{Call, root},
    failure::{Failure, Outcome},
};

const LIBZMQ: [&str; 2] = ["libzmq3-dev", "pkg-config"];
const PYTHON: [&str; 2] = ["python3", "python3-venv"];
/// The version of pyzmq that is installed, beside what cargo builds.
const PYZMQ: &str = "27.3.0";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !root().join("interop/Cargo.toml").exists() {
        return Err(Failure::finding("interop: there is no package interop/"));
    }
    provide_libzmq()?;
    let python = provide_pyzmq()?;
    println!("interop: gleis against libzmq, pyzmq {PYZMQ} and the crate zeromq");
    // The profile and the folder of the workspace, so that nothing is built a second time.
    let call = Call::cargo(&["run", "--manifest-path", "interop/Cargo.toml"])
        .with(&["--target-dir", &target_dir(), "--"])
        .with(args);
    let call = call.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    call.env("GLEIS_INTEROP_PYTHON", &python).run()
}

fn target_dir() -> String {
    std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned())
}

fn provide_libzmq() -> Outcome {
    if Call::new("pkg-config", &["--exists", "libzmq"]).works() {
        return Ok(());
    }
    install("libzmq", &LIBZMQ)
}

/// A Python that has pyzmq, in a virtual environment.
fn provide_pyzmq() -> Result<String, Failure> {
    let folder = root().join(target_dir()).join(format!("pyzmq-{PYZMQ}"));
    let folder = folder.to_string_lossy().into_owned();
    let python = format!("{folder}/bin/python");
    let proof = format!("import zmq; assert zmq.__version__ == '{PYZMQ}'");
    if Call::new(&python, &["-c", &proof]).works() {
        return Ok(python);
    }
    let venv = Call::new("python3", &["-c", "import ensurepip, venv"]);
    if !venv.works() {
        install("python3 with venv", &PYTHON)?;
    }
    venv.prove(
        "interop",
        "venv of the first python3 on the path",
        "sudo apt-get install python3-venv",
    )?;
    println!("interop: installing pyzmq {PYZMQ}");
    Call::new("python3", &["-m", "venv", "--clear", &folder]).run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let package = format!("pyzmq=={PYZMQ}");
    Call::new(&python, &pip).with(&[&package]).run()?;
    Ok(python)
}

/// Installs Debian packages where it may; elsewhere `what` is a missing tool.
fn install(what: &str, packages: &[&str]) -> Outcome {
    let can_install = is_root() && Call::new("apt-get", &["--version"]).works();
    if !can_install {
        let hint = format!("sudo apt-get install {}", packages.join(" "));
        return Err(Failure::Missing(format!("interop: {what} is missing; `{hint}` installs it")));
    }
    println!("interop: installing {}", packages.join(" and "));
    Call::new("apt-get", &["update", "--quiet"]).run()?;
    Call::new("apt-get", &["install", "--yes", "--no-install-recommends"]).with(packages).run()
}

fn is_root() -> bool {
    Call::new("id", &["-u"]).read().is_ok_and(|it| it.trim() == "0")
}
