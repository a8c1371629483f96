//! `interop`: our sockets against real foreign peers, in a package of its own.
//!
//! The package links libzmq and runs Python, so it stays out of the workspace: nobody needs either
//! to build or test gleis itself.

use std::fs;

use crate::{
    command::{Call, root, target_dir},
    failure::{Failure, Outcome},
    packages::{install, provide_libzmq},
};

const PYTHON: [&str; 2] = ["python3", "python3-venv"];
/// The packages of Python that are installed, each in one version.
const PACKAGES: &str = "interop/requirements.txt";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    if !root().join("interop/Cargo.toml").exists() {
        return Err(Failure::finding("interop: there is no package interop/"));
    }
    provide_libzmq("interop")?;
    let python = provide_python()?;
    // Programs of ours that talk to programs of theirs.
    Call::cargo(&["build", "--package", "gleis-cli", "--bin", "engineer"])
        .with(&["--target-dir", &target_dir()])
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .run()?;
    let engineer = root().join(target_dir()).join("debug/engineer");
    println!("interop: gleis against libzmq, pyzmq, osBrain, xbahn and the crate zeromq");
    // The profile and the folder of the workspace, so that nothing is built a second time.
    let call = Call::cargo(&["run", "--manifest-path", "interop/Cargo.toml"])
        .with(&["--target-dir", &target_dir(), "--"])
        .with(args);
    let call = call.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    let call = call.env("GLEIS_INTEROP_ENGINEER", &engineer.to_string_lossy());
    call.env("GLEIS_INTEROP_PYTHON", &python).run()
}

/// A Python that has the packages, in a virtual environment.
pub(crate) fn provide_python() -> Result<String, Failure> {
    let unread = |error| Failure::finding(format!("interop: {PACKAGES}: {error}"));
    let packages = fs::read_to_string(root().join(PACKAGES)).map_err(unread)?;
    let folder = root().join(target_dir()).join("interop-python");
    let python = folder.join("bin/python").to_string_lossy().into_owned();
    // A copy of the list, written when all of it was there.
    let installed = folder.join("installed.txt");
    let is_complete = fs::read_to_string(&installed).is_ok_and(|it| it == packages);
    if is_complete && Call::new(&python, &["-c", "import zmq"]).works() {
        return Ok(python);
    }
    let venv = Call::new("python3", &["-c", "import ensurepip, venv"]);
    if !venv.works() {
        install("interop", "python3 with venv", &PYTHON)?;
    }
    venv.prove(
        "interop",
        "venv of the first python3 on the path",
        "sudo apt-get install python3-venv",
    )?;
    println!("interop: installing {PACKAGES}");
    Call::new("python3", &["-m", "venv", "--clear", &folder.to_string_lossy()]).run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    Call::new(&python, &pip).with(&["--requirement", PACKAGES]).run()?;
    let unwritten = |error| Failure::finding(format!("interop: {}: {error}", installed.display()));
    fs::write(&installed, packages).map_err(unwritten)?;
    Ok(python)
}
