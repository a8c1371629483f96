//! `deps`: what a user of each crate gets with it, and what is there twice.

use std::collections::BTreeSet;

use crate::{
    command::Call,
    failure::{Failure, Outcome},
    graph,
    rows::{self, Place},
};

const INSTALL: &str =
    "deps: cargo-deny is missing; `cargo install --locked cargo-deny` installs it";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let must_deny = match args {
        [] => false,
        ["--deny"] => true,
        _ => return Err(Failure::Usage("deps: takes nothing or --deny".to_owned())),
    };
    println!("deps: packages below each crate, default features, without those for tests");
    for package in graph::workspace()? {
        if matches!(rows::place_of(&package.name), Some(Place::Row(_))) {
            let tree = tree(&["--package", &package.name, "--edges", "no-dev"]).read()?;
            println!("{:>4} {}", n_packages(&tree), package.name);
        }
    }
    println!("deps: packages that are there in more than one version");
    let twice = tree(&["--workspace", "--duplicates", "--depth", "0"]).read()?;
    for package in twice.lines().filter(|it| !it.is_empty()) {
        println!("     {package}");
    }
    deny(must_deny)
}

fn tree(args: &[&str]) -> Call {
    Call::cargo(&["tree", "--prefix", "none", "--format", "{p}"]).with(args)
}

/// How many packages `tree` names, without the one at its root.
fn n_packages(tree: &str) -> usize {
    let package = |line: &str| line.trim_end_matches(" (*)").to_owned();
    let packages: BTreeSet<String> =
        tree.lines().filter(|it| !it.is_empty()).map(package).collect();
    packages.len().saturating_sub(1)
}

fn deny(must: bool) -> Outcome {
    println!("deps: advisories, licences, bans and sources (deny.toml)");
    if Call::cargo(&["deny", "--version"]).works() {
        return Call::cargo(&["deny", "check"]).run();
    }
    if must {
        return Err(Failure::Missing(INSTALL.to_owned()));
    }
    println!("{INSTALL}; skipped");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_and_the_root_not_at_all() {
        assert_eq!(n_packages("a v1\nb v1\nc v1\nb v1 (*)\n\n"), 2);
        assert_eq!(n_packages(""), 0);
    }
}
