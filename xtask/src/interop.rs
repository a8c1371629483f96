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
/// Where a Python that osBrain runs on may be found, the first choice first.
const PYTHONS: [&str; 4] = ["python3.11", "python3.10", "python3.9", "python3"];
/// Says no if osBrain, which is no longer maintained, does not run on it.
const FIT: &str = "import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))";
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
    if is_complete && is_fit(&python) && Call::new(&python, &["-c", "import zmq"]).works() {
        return Ok(python);
    }
    let base = base_python()?;
    println!("interop: installing {PACKAGES} for {base}");
    Call::new(&base, &["-m", "venv", "--clear", &folder.to_string_lossy()]).run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    Call::new(&python, &pip).with(&["--requirement", PACKAGES]).run()?;
    let unwritten = |error| Failure::finding(format!("interop: {}: {error}", installed.display()));
    fs::write(&installed, packages).map_err(unwritten)?;
    Ok(python)
}

/// A Python that osBrain runs on and that makes virtual environments.
fn base_python() -> Result<String, Failure> {
    if !PYTHONS.iter().any(|it| Call::new(it, &["--version"]).works()) {
        install("interop", "python3 with venv", &PYTHON)?;
    }
    let Some(found) = PYTHONS.into_iter().find(|it| is_fit(it)) else {
        let version = Call::new("python3", &["--version"]).read();
        let found = version.map_or_else(|_| "none".to_owned(), |it| it.trim().to_owned());
        return Err(Failure::Missing(format!(
            "interop: osBrain needs Python 3.9 to 3.11 on the path, there is {found}; \
             `sudo apt-get install python3.11 python3.11-venv` installs it where it is packaged"
        )));
    };
    let venv = Call::new(found, &["-c", "import ensurepip, venv"]);
    if !venv.works() && found == "python3" {
        install("interop", "python3 with venv", &PYTHON)?;
    }
    let package = format!("sudo apt-get install {found}-venv");
    venv.prove("interop", &format!("venv of {found}"), &package)?;
    Ok(found.to_owned())
}

fn is_fit(python: &str) -> bool {
    Call::new(python, &["-c", FIT]).works()
}
