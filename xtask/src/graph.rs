//! The packages of the workspace and who depends on whom, as cargo sees them.

use std::collections::BTreeSet;

use crate::{command::Call, failure::Failure, json::Json};

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name, as in `--package`.
    pub(crate) name: String,
    /// Its cargo features, without `default`.
    pub(crate) features: Vec<String>,
    /// The packages of the workspace that it depends on.
    pub(crate) edges: Vec<Edge>,
}

/// One package of the workspace depends on another.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The package that is depended on.
    pub(crate) to: String,
    /// For what it is needed.
    pub(crate) kind: Kind,
}

/// For what a dependency is needed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// By the build script.
    Build,
    /// By tests, examples and benches only.
    Dev,
    /// By the package itself.
    Normal,
}

/// The packages of this workspace.
///
/// # Errors
/// A finding when cargo cannot read the manifests.
pub(crate) fn workspace() -> Result<Vec<Package>, Failure> {
    let text = Call::cargo(&["metadata", "--no-deps", "--format-version", "1"]).read()?;
    packages(&text).map_err(|it| Failure::finding(format!("cargo metadata: {it}")))
}

/// The packages in the answer of `cargo metadata --no-deps`.
///
/// # Errors
/// A sentence that says what is wrong with `text`.
pub(crate) fn packages(text: &str) -> Result<Vec<Package>, String> {
    let json = Json::parse(text)?;
    let packages = json.items("packages");
    let ours: BTreeSet<&str> = packages.iter().filter_map(|it| it.text("name")).collect();
    packages.iter().map(|it| package(it, &ours)).collect()
}

fn package(json: &Json, ours: &BTreeSet<&str>) -> Result<Package, String> {
    let name = json.text("name").ok_or("a package without a name")?.to_owned();
    let features = json.keys("features").into_iter().filter(|&it| it != "default");
    let features = features.map(str::to_owned).collect();
    let edges = json.items("dependencies").iter().filter_map(|it| edge(it, ours)).collect();
    Ok(Package { name, features, edges })
}

fn edge(json: &Json, ours: &BTreeSet<&str>) -> Option<Edge> {
    let to = json.text("name").filter(|it| ours.contains(it))?.to_owned();
    let kind = match json.text("kind") {
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        _ => Kind::Normal,
    };
    Some(Edge { to, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"packages": [
        {"name": "a", "features": {"default": ["x"], "x": []}, "dependencies": [
            {"name": "b", "kind": null, "optional": true},
            {"name": "serde", "kind": null},
            {"name": "c", "kind": "dev"}]},
        {"name": "b", "features": {}, "dependencies": [{"name": "c", "kind": "build"}]},
        {"name": "c", "features": {}, "dependencies": []}]}"#;

    #[test]
    fn edges_lead_to_our_packages_only() {
        let packages = packages(ANSWER).unwrap();
        let edges: Vec<_> = packages[0].edges.iter().map(|it| (it.to.as_str(), it.kind)).collect();
        assert_eq!(edges, [("b", Kind::Normal), ("c", Kind::Dev)]);
        assert_eq!(packages[1].edges[0].kind, Kind::Build);
    }

    #[test]
    fn the_default_feature_is_no_feature_of_its_own() {
        assert_eq!(packages(ANSWER).unwrap()[0].features, ["x"]);
    }

    #[test]
    fn this_workspace_can_be_read() {
        assert!(workspace().unwrap().iter().any(|it| it.name == "xtask"));
    }
}
