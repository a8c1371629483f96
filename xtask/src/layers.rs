//! `layers`: no edge goes up or sideways, and what the rows promise holds.

use crate::{
    command,
    failure::{Failure, Outcome, unless_empty},
    graph::{self, Kind, Package},
    invariants, rows,
};

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    match args {
        [] => check(),
        ["--dot"] => {
            print!("{}", rows::dot(&drawn(&graph::workspace()?)));
            Ok(())
        }
        ["--table"] => {
            print!("{}", rows::table());
            Ok(())
        }
        _ => Err(Failure::Usage("layers: takes nothing, --dot or --table".to_owned())),
    }
}

fn check() -> Outcome {
    let packages = graph::workspace()?;
    println!("layers: {} packages in their rows", packages.len());
    let mut findings = findings(&packages);
    findings.extend(missing(&packages));
    println!("layers: invariants of the crates");
    findings.extend(invariants::findings(&command::root())?);
    unless_empty("layers", &findings)
}

/// Packages without a row and edges that break a rule.
fn findings(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(from) = rows::place_of(&package.name) else {
            findings.push(format!("{}: has no row in xtask/src/rows.rs", package.name));
            continue;
        };
        for edge in &package.edges {
            // A package that has no row is told of once, above.
            let Some(to) = rows::place_of(&edge.to) else {
                continue;
            };
            if let Err(rule) = rows::judge(from, to, edge.kind) {
                let kind = describe(edge.kind);
                findings.push(format!("{} -> {} ({kind}): {rule}", package.name, edge.to));
            }
        }
    }
    findings
}

/// Rows whose package is gone.
fn missing(packages: &[Package]) -> Vec<String> {
    let is_gone = |package: &str| packages.iter().all(|it| it.name != package);
    let gone = rows::ROWS.iter().filter(|it| is_gone(it.package));
    gone.map(|it| format!("{}: has a row but is no package", it.package)).collect()
}

fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Build => "build-dependency",
        Kind::Dev => "dev-dependency",
        Kind::Normal => "dependency",
    }
}

/// The edges worth a line in the picture: those that are shipped.
fn drawn(packages: &[Package]) -> Vec<(String, String)> {
    let mut edges = Vec::new();
    for package in packages {
        let shipped = package.edges.iter().filter(|it| it.kind != Kind::Dev);
        edges.extend(shipped.map(|it| (package.name.clone(), it.to.clone())));
    }
    edges.sort();
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;

    fn package(name: &str, edges: &[(&str, Kind)]) -> Package {
        let edges = edges.iter().map(|&(to, kind)| Edge { to: to.to_owned(), kind }).collect();
        Package { name: name.to_owned(), features: Vec::new(), edges }
    }

    #[test]
    fn a_clean_house_has_no_findings() {
        let agent = package("gleis-agent", &[("gleis-patterns", Kind::Normal)]);
        let codec = package("gleis-codec", &[("gleis-test", Kind::Dev)]);
        assert_eq!(findings(&[agent, codec]), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_goes_up_or_sideways_is_found() {
        let edges = [("gleis-agent", Kind::Normal), ("gleis-zmtp", Kind::Build)];
        let expected = [
            "gleis-codec -> gleis-agent (dependency): the edge goes up",
            "gleis-codec -> gleis-zmtp (build-dependency): the edge goes sideways",
        ];
        assert_eq!(findings(&[package("gleis-codec", &edges)]), expected);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = findings(&[package("gleis-attic", &[])]);
        assert_eq!(found, ["gleis-attic: has no row in xtask/src/rows.rs"]);
    }

    #[test]
    fn a_row_without_a_crate_is_found() {
        assert_eq!(missing(&[]).len(), rows::ROWS.len());
    }

    #[test]
    fn the_picture_leaves_test_edges_out() {
        let codec =
            package("gleis-codec", &[("gleis-test", Kind::Dev), ("gleis-core", Kind::Normal)]);
        assert_eq!(drawn(&[codec]), [("gleis-codec".to_owned(), "gleis-core".to_owned())]);
    }

    #[test]
    fn the_architecture_shows_these_rows() {
        let text = std::fs::read_to_string(command::root().join("ARCHITECTURE.md")).unwrap();
        let shown = "ARCHITECTURE.md must show what `cargo xtask layers --table` prints";
        assert!(text.contains(&rows::table()), "{shown}:\n{}", rows::table());
    }
}
