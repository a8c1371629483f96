//! What the crates promise and a machine can see.

use std::{fs, io, path::Path};

use crate::{
    command::Call,
    failure::Failure,
    manifest,
    source::{self, Source},
};

/// Words that a crate's own code (not its tests) must not hold.
struct Ban {
    /// The folders below `crates/` that are looked at; empty for all.
    only: &'static [&'static str],
    /// The folders below `crates/` that are not looked at.
    except: &'static [&'static str],
    /// What must not be there.
    words: &'static [&'static str],
    /// The promise that it would break.
    promise: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        only: &[],
        except: &["transport", "bridge", "test"],
        words: &[
            "tokio::net",
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "UnixDatagram",
            "UnixListener",
            "UnixStream",
            "socket2",
        ],
        promise: "only gleis-transport opens message sockets, and gleis-bridge those of HTTP",
    },
    Ban {
        only: &["core", "zmtp"],
        except: &[],
        words: &["Instant::now", "SystemTime::now", "std::fs", "std::thread"],
        promise: "gleis-core and gleis-zmtp have neither clock nor IO: time is passed in",
    },
    Ban {
        only: &["patterns"],
        except: &[],
        words: &["gleis_core::Name"],
        promise: "gleis-patterns knows endpoints, not names",
    },
    Ban {
        only: &[],
        except: &["test"],
        words: &["unbounded_channel", "mpsc::unbounded", "channel::unbounded"],
        promise: "no queue is unbounded",
    },
];

/// The packages that must build without a runtime.
const WITHOUT_TOKIO: &[&str] = &["gleis-core", "gleis-zmtp"];

/// Everything in the workspace at `root` that breaks a promise.
///
/// # Errors
/// A failure when files or the dependency tree cannot be read.
pub(crate) fn findings(root: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |it: io::Error| Failure::finding(format!("layers: {it}"));
    let mut findings = Vec::new();
    for package in WITHOUT_TOKIO {
        let tree = Call::cargo(&["tree", "--all-features", "--package", package])
            .with(&["--edges", "no-dev", "--prefix", "none"]);
        findings.extend(runtime_in(package, &tree.read()?));
    }
    for file in source::files(root, "crates", &[".rs"]).map_err(unreadable)? {
        findings.extend(banned_in(&file));
    }
    for file in source::files(root, "", &["Cargo.toml"]).map_err(unreadable)? {
        findings.extend(lints_of(&file));
        if file.path == "Cargo.toml" {
            findings.extend(unsafe_in(&file, "[workspace.lints.rust]"));
        }
    }
    let xtask = fs::read_to_string(root.join("xtask/Cargo.toml")).map_err(unreadable)?;
    findings.extend(dependencies_in(&xtask));
    Ok(findings)
}

fn runtime_in(package: &str, tree: &str) -> Option<String> {
    let has_tokio = tree.lines().any(|line| line.starts_with("tokio "));
    has_tokio.then(|| format!("{package}: has tokio in its dependency tree"))
}

fn banned_in(file: &Source) -> Vec<String> {
    let mut parts = file.path.split('/');
    let (Some("crates"), Some(folder), Some("src")) = (parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let looks = |ban: &&Ban| {
        (ban.only.is_empty() || ban.only.contains(&folder)) && !ban.except.contains(&folder)
    };
    let code = source::code(&file.text);
    let code = expanded(&code, source::tests_begin(&code));
    let mut findings = Vec::new();
    for ban in BANS.iter().filter(looks) {
        for (line, text) in &code {
            if let Some(word) = ban.words.iter().find(|it| holds(text, it)) {
                findings.push(format!("{}:{line}: `{word}`: {}", file.path, ban.promise));
            }
        }
    }
    findings
}

/// The lines of `code` before `end`, numbered from 1; `use a::{b, c}` is told as `a::b a::c`.
fn expanded(code: &str, end: usize) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut prefix: Option<String> = None;
    for (at, line) in code.lines().take(end).enumerate() {
        if let Some((head, _)) = line.split_once("::{")
            && let Some((_, path)) = head.rsplit_once("use ")
        {
            prefix = Some(path.to_owned());
        }
        let mut text = line.to_owned();
        if let Some(prefix) = &prefix {
            let names = line.rsplit("::{").next().unwrap_or(line).split(',');
            let names = names.map(|it| it.trim().trim_end_matches(['}', ';']));
            text.extend(names.map(|name| format!(" {prefix}::{name}")));
        }
        if line.contains(';') {
            prefix = None;
        }
        lines.push((at + 1, text));
    }
    lines
}

/// Whether `word` stands in `text` as a word of its own.
fn holds(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn lints_of(file: &Source) -> Option<String> {
    let is_ours = file.path.starts_with("crates/") || file.path.matches('/').count() == 1;
    let is_package = file.text.lines().any(|line| line.trim() == "[package]");
    if !is_ours || !is_package {
        return None;
    }
    if file.path.starts_with("fuzz/")
        || file.path.starts_with("interop/")
        || file.path.starts_with("peers/")
    {
        // Outside of the workspace, whose lints they cannot share.
        return unsafe_in(file, "[lints.rust]");
    }
    let has_lints = manifest::value(&file.text, "[lints]", "workspace") == Some("true");
    (!has_lints).then(|| format!("{}: lacks `[lints] workspace = true`", file.path))
}

fn unsafe_in(manifest: &Source, section: &str) -> Option<String> {
    let level = manifest::value(&manifest.text, section, "unsafe_code");
    let is_forbidden = level == Some("\"forbid\"");
    let lacks = || format!("{}: lacks `unsafe_code = \"forbid\"` in {section}", manifest.path);
    (!is_forbidden).then(lacks)
}

fn dependencies_in(xtask: &str) -> Option<String> {
    let is_clean =
        xtask.lines().all(|line| !line.starts_with("[") || !line.contains("dependencies"));
    (!is_clean).then(|| "xtask/Cargo.toml: xtask has dependencies, but is to have none".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[track_caller]
    fn check(path: &str, text: &str, n_findings: usize) {
        let findings = banned_in(&file(path, text));
        assert_eq!(findings.len(), n_findings, "{findings:?}");
    }

    #[test]
    fn only_the_transport_opens_sockets() {
        check("crates/naming/src/lib.rs", "use tokio::net::TcpStream;", 1);
        check("crates/naming/src/lib.rs", "use tokio::{net, sync};", 1);
        check("crates/transport/src/tcp.rs", "use tokio::net::TcpStream;", 0);
        check("crates/core/src/endpoint.rs", "use std::net::IpAddr; // not a TcpStream", 0);
    }

    #[test]
    fn unit_tests_may_do_what_the_code_may_not() {
        let text = "//! A\n#[cfg(test)]\nmod tests {\n    use std::net::TcpStream;\n}\n";
        check("crates/naming/src/lib.rs", text, 0);
        check("crates/naming/tests/it/main.rs", "use std::net::TcpStream;", 0);
    }

    #[test]
    fn the_state_machine_has_no_clock() {
        check("crates/zmtp/src/session.rs", "let now = Instant::now();", 1);
        check("crates/transport/src/tcp.rs", "let now = Instant::now();", 0);
    }

    #[test]
    fn patterns_do_not_know_names() {
        check("crates/patterns/src/push.rs", "use gleis_core::{Endpoint, Name};", 1);
        check("crates/patterns/src/push.rs", "use gleis_core::{\n    Endpoint,\n    Name,\n};", 1);
        check("crates/patterns/src/push.rs", "use gleis_core::NameError;\nHost::Name(it)", 0);
        check("crates/agent/src/lib.rs", "use gleis_core::Name;", 0);
    }

    #[test]
    fn a_queue_without_bound_is_found() {
        check("crates/agent/src/lib.rs", "let (tx, rx) = mpsc::unbounded_channel();", 1);
    }

    #[test]
    fn tokio_is_seen_in_a_dependency_tree() {
        assert!(runtime_in("gleis-core", "gleis-core v0.1.0\ntokio v1.54.1\n").is_some());
        assert!(runtime_in("gleis-core", "gleis-core v0.1.0\ntokio-macros v2.0.0\n").is_none());
    }

    #[test]
    fn a_package_without_the_lints_is_found() {
        let bare = "[package]\nname = \"a\"\n";
        assert!(lints_of(&file("crates/a/Cargo.toml", bare)).is_some());
        let full = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";
        assert!(lints_of(&file("crates/a/Cargo.toml", full)).is_none());
    }

    #[test]
    fn the_checks_need_nobody() {
        assert!(dependencies_in("[package]\n[dev-dependencies]\n").is_some());
        assert!(dependencies_in("[package]\n[lints]\n").is_none());
    }

    #[test]
    fn unsafe_code_stays_forbidden() {
        let all = "[workspace.lints.rust]";
        let main = |level: &str| file("Cargo.toml", &format!("{all}\nunsafe_code = \"{level}\"\n"));
        assert!(unsafe_in(&main("warn"), all).is_some());
        assert!(unsafe_in(&main("forbid"), all).is_none());
        let outside = "[package]\nname = \"a\"\n[lints.rust]\n";
        assert!(lints_of(&file("fuzz/Cargo.toml", outside)).is_some());
        let outside = format!("{outside}unsafe_code = \"forbid\"\n");
        assert!(lints_of(&file("fuzz/Cargo.toml", &outside)).is_none());
    }
}
