//! Tasks that are one cargo command, or one per package: `fmt lint features test doc`.

use crate::{
    command::Call,
    failure::{Failure, Outcome},
    graph::{self, Package},
    near::did_you_mean,
    rows,
};

/// `fmt`: formats everything, or says what is not formatted.
pub(crate) fn fmt(args: &[&str]) -> Outcome {
    let call = Call::cargo(&["fmt", "--all"]);
    let call = match args {
        [] => call,
        ["--check"] => call.with(&["--", "--check"]),
        _ => return Err(Failure::Usage("fmt: takes nothing or --check".to_owned())),
    };
    Call::cargo(&["fmt", "--version"]).prove("fmt", "rustfmt", "rustup component add rustfmt")?;
    println!("fmt: every package");
    call.run()
}

/// `lint`: clippy per package, so that no package lives on another one's features.
pub(crate) fn lint(args: &[&str]) -> Outcome {
    let packages = chosen("lint", args)?;
    prove_clippy("lint")?;
    for (at, package) in packages.iter().enumerate() {
        println!("lint: {} ({} of {})", package.name, at + 1, packages.len());
        clippy(&package.name, &["--all-targets"]).run()?;
    }
    Ok(())
}

/// `features`: a package builds without features, with each one alone, and with all.
pub(crate) fn features(args: &[&str]) -> Outcome {
    let packages = chosen("features", args)?;
    prove_clippy("features")?;
    // A package without features is the same in every way of building it: `lint` has seen it.
    for package in packages.iter().filter(|it| !it.features.is_empty()) {
        println!("features: {} without any", package.name);
        clippy(&package.name, &["--no-default-features"]).run()?;
        for feature in &package.features {
            println!("features: {} with {feature} alone", package.name);
            clippy(&package.name, &["--no-default-features", "--features", feature]).run()?;
        }
        println!("features: {} with all", package.name);
        clippy(&package.name, &["--all-features"]).run()?;
    }
    Ok(())
}

/// `test`: every test of the workspace, documentation included.
pub(crate) fn test(args: &[&str]) -> Outcome {
    println!("test: unit, integration and documentation tests, with all features");
    Call::cargo(&["test", "--workspace", "--all-features"]).with(args).run()
}

/// `doc`: the documentation of our packages, without a warning.
pub(crate) fn doc(args: &[&str]) -> Outcome {
    let call = Call::cargo(&["doc", "--workspace", "--no-deps"]);
    let call = match args {
        [] => call.env("RUSTDOCFLAGS", "-D warnings"),
        ["--open"] => call.with(&["--open"]),
        _ => return Err(Failure::Usage("doc: takes nothing or --open".to_owned())),
    };
    println!("doc: every package");
    call.run()
}

fn prove_clippy(task: &str) -> Outcome {
    Call::cargo(&["clippy", "--version"]).prove(task, "clippy", "rustup component add clippy")
}

/// The flags go to clippy, not into RUSTFLAGS: those would build every dependency again.
fn clippy(package: &str, args: &[&str]) -> Call {
    Call::cargo(&["clippy", "--quiet", "--package", package])
        .with(args)
        .with(&["--", "-D", "warnings"])
}

/// All packages, or the one that is named.
fn chosen(task: &str, args: &[&str]) -> Result<Vec<Package>, Failure> {
    let mut packages = graph::workspace()?;
    // From the ground up: what a lower package did wrong is not told of an upper one.
    packages.sort_by_key(|it| rows::height(&it.name));
    match args {
        [] => Ok(packages),
        [name] if packages.iter().any(|it| it.name == *name) => {
            packages.retain(|it| it.name == *name);
            Ok(packages)
        }
        [name] => {
            let hint = did_you_mean(name, packages.iter().map(|it| it.name.as_str()));
            Err(Failure::Usage(format!("{task}: no package `{name}`; {hint}")))
        }
        _ => Err(Failure::Usage(format!("{task}: takes one package or none"))),
    }
}
