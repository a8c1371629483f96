//! The house: which crate stands in which row, and who may know whom.

use std::fmt::Write as _;

use crate::graph::Kind;

/// Where a package stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Beside the rows: knows any row, is known to tests and programs only.
    Beside,
    /// On top of everything: knows anybody, nobody knows it.
    Program,
    /// In a row: knows the rows below.
    Row(u8),
}

/// One line of the table of rows.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where the package stands.
    pub(crate) place: Place,
    /// The package.
    pub(crate) package: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
}

const fn row(row: u8, package: &'static str, about: &'static str) -> Entry {
    Entry { place: Place::Row(row), package, about }
}

const fn beside(package: &'static str, about: &'static str) -> Entry {
    Entry { place: Place::Beside, package, about }
}

const fn program(package: &'static str, about: &'static str) -> Entry {
    Entry { place: Place::Program, package, about }
}

/// Every package of the workspace, from the top of the house down.
pub(crate) const ROWS: &[Entry] = &[
    row(8, "gleis", "the umbrella: re-exports only"),
    row(8, "gleis-cli", "the command `gleis`"),
    row(7, "gleis-agent", "agents: names, handlers, timers, proxies, lifecycle, supervision"),
    row(6, "gleis-bridge", "HTTP, server-sent events and WebSocket"),
    row(6, "gleis-rpc", "links, paths and events; calls by name"),
    row(5, "gleis-broker", "a hub: sink and publisher"),
    row(5, "gleis-channels", "asynchronous request-reply, synced publish-subscribe, logs"),
    row(4, "gleis-naming", "who is where: directories, name server and client"),
    row(4, "gleis-patterns", "typed sockets of every ZeroMQ kind, and proxies"),
    row(3, "gleis-transport", "connections over inproc, ipc, tcp and the zeromq engine; reconnect"),
    row(2, "gleis-codec", "values to bytes and back, with limits"),
    row(2, "gleis-script", "sandboxed scripts over dynamic values"),
    row(2, "gleis-zmtp", "ZMTP 3.1 without sockets or clock"),
    row(1, "gleis-core", "vocabulary: Name, Path, Endpoint, Deadline, Correlator, Value"),
    row(0, "gleis-macros", "procedural macros; knows none of our crates"),
    beside(
        "gleis-test",
        "conformance suites, a simulated network, and probes and worlds for agents",
    ),
    program("gleis-benches", "measurements against raw tokio"),
    program("gleis-examples", "programs that show gleis at work"),
    program("xtask", "the checks of the project; knows none of our crates"),
];

/// Rooms that are reserved: the row in which a later crate will stand.
pub(crate) const PLANNED: &[Entry] = &[];

/// The place of `package`, if it has one.
pub(crate) fn place_of(package: &str) -> Option<Place> {
    ROWS.iter().find(|it| it.package == package).map(|it| it.place)
}

/// How far up `package` stands: a package is higher than all that it may depend on.
pub(crate) fn height(package: &str) -> u8 {
    match place_of(package) {
        Some(Place::Row(row)) => row,
        Some(Place::Beside) => u8::MAX - 1,
        Some(Place::Program) | None => u8::MAX,
    }
}

/// Whether a package at `from` may depend on one at `to`, and if not, why.
///
/// # Errors
/// The rule that the edge breaks.
pub(crate) fn judge(from: Place, to: Place, kind: Kind) -> Result<(), &'static str> {
    match (from, to, kind) {
        (_, Place::Program, _) => Err("nobody depends on a program"),
        (Place::Program, _, _) => Ok(()),
        (_, Place::Beside, Kind::Dev) => Ok(()),
        (_, Place::Beside, _) => Err("what stands beside the rows is for tests only"),
        (Place::Beside, Place::Row(_), _) => Ok(()),
        (Place::Row(from), Place::Row(to), Kind::Dev) if to <= from => Ok(()),
        (Place::Row(_), Place::Row(_), Kind::Dev) => Err("tests look sideways or down, never up"),
        (Place::Row(from), Place::Row(to), _) if to < from => Ok(()),
        (Place::Row(from), Place::Row(to), _) if to == from => Err("the edge goes sideways"),
        (Place::Row(_), Place::Row(_), _) => Err("the edge goes up"),
    }
}

/// The house as text, as ARCHITECTURE.md shows it.
pub(crate) fn table() -> String {
    let mut lines: Vec<(Place, String)> = Vec::new();
    for (entries, mark) in [(ROWS, ""), (PLANNED, "planned: ")] {
        for Entry { place, package, about } in entries {
            let head = label(*place);
            lines.push((*place, format!("{head:<8} {package:<16} {mark}{about}")));
        }
    }
    lines.sort_by_key(|(place, _)| order(*place));
    lines.into_iter().fold(String::new(), |text, (_, line)| text + &line + "\n")
}

/// The house as a picture for graphviz; `edges` are pairs of packages.
pub(crate) fn dot(edges: &[(String, String)]) -> String {
    let mut text = "digraph house {\n    rankdir = TB;\n    node [shape = box];\n".to_owned();
    let mut places: Vec<Place> = ROWS.iter().map(|it| it.place).collect();
    places.dedup();
    for place in places {
        let packages = ROWS.iter().filter(|it| it.place == place);
        let packages: String = packages.map(|it| format!(" \"{}\";", it.package)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {{ rank = same;{packages} }} // {}", label(place));
    }
    for (from, to) in edges {
        let _ = writeln!(text, "    \"{from}\" -> \"{to}\";");
    }
    text + "}\n"
}

fn label(place: Place) -> String {
    match place {
        Place::Beside => "beside".to_owned(),
        Place::Program => "program".to_owned(),
        Place::Row(row) => format!("row {row}"),
    }
}

/// Rows from the top down, then what stands beside them, then programs.
fn order(place: Place) -> u8 {
    match place {
        Place::Row(row) => u8::MAX / 2 - row,
        Place::Beside => u8::MAX - 1,
        Place::Program => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Place = Place::Row(2);
    const HIGH: Place = Place::Row(4);

    #[test]
    fn edges_go_down() {
        assert_eq!(judge(HIGH, LOW, Kind::Normal), Ok(()));
        assert_eq!(judge(LOW, HIGH, Kind::Normal), Err("the edge goes up"));
        assert_eq!(judge(LOW, LOW, Kind::Normal), Err("the edge goes sideways"));
        assert_eq!(judge(LOW, HIGH, Kind::Build), Err("the edge goes up"));
    }

    #[test]
    fn tests_may_look_sideways_but_not_up() {
        assert_eq!(judge(LOW, LOW, Kind::Dev), Ok(()));
        assert_eq!(judge(LOW, Place::Beside, Kind::Dev), Ok(()));
        assert!(judge(LOW, HIGH, Kind::Dev).is_err());
    }

    #[test]
    fn test_helpers_stay_out_of_what_is_shipped() {
        assert!(judge(HIGH, Place::Beside, Kind::Normal).is_err());
        assert_eq!(judge(Place::Beside, HIGH, Kind::Normal), Ok(()));
        assert_eq!(judge(Place::Program, Place::Beside, Kind::Normal), Ok(()));
    }

    #[test]
    fn nobody_depends_on_a_program() {
        for from in [LOW, Place::Beside, Place::Program] {
            assert!(judge(from, Place::Program, Kind::Dev).is_err());
        }
    }

    #[test]
    fn programs_stand_above_crates() {
        let heights = ["gleis-core", "gleis", "gleis-test", "xtask"].map(height);
        assert!(heights.is_sorted(), "{heights:?}");
    }

    #[test]
    fn a_package_stands_in_one_place() {
        let mut packages: Vec<_> = ROWS.iter().chain(PLANNED).map(|it| it.package).collect();
        packages.sort_unstable();
        assert!(packages.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_picture_has_a_rank_per_row_and_a_line_per_edge() {
        let picture = dot(&[("gleis-agent".to_owned(), "gleis-core".to_owned())]);
        assert!(picture.contains(
            "{ rank = same; \"gleis-codec\"; \"gleis-script\"; \"gleis-zmtp\"; } // row 2"
        ));
        assert!(picture.contains("    \"gleis-agent\" -> \"gleis-core\";\n"));
    }
}
