//! `gleis doctor`: what may be wrong, and what to do about it.

use std::time::Duration;

use gleis_agent::{AgentState, NameServerProxy};
use gleis_core::Endpoint;
use serde_json::json;

use crate::failure::{Failure, Outcome, REMOTE};
use crate::output::Output;

/// So many files should be open at a time: each connection is one.
const FILES: u64 = 4_096;

/// What was found.
struct Finding {
    is_well: bool,
    text: String,
    /// What to do about it.
    hint: Option<String>,
}

impl Finding {
    fn well(text: String) -> Self {
        Self { is_well: true, text, hint: None }
    }

    fn bad(text: String, hint: impl Into<String>) -> Self {
        Self { is_well: false, text, hint: Some(hint.into()) }
    }
}

pub(crate) async fn run(ns: Option<Endpoint>, output: Output, timeout: Duration) -> Outcome {
    let version = format!("gleis {}", env!("CARGO_PKG_VERSION"));
    let mut n_bad = 0;
    let mut tell = |finding: Finding| {
        let Finding { is_well, text, hint } = finding;
        n_bad += usize::from(!is_well);
        let mark = if is_well { "ok  " } else { "bad " };
        let next = hint.as_ref().map(|it| format!("\n     try: {it}")).unwrap_or_default();
        let value = json!({"well": is_well, "text": text, "hint": hint});
        output.line(&format!("{mark} {text}{next}"), &value)
    };
    tell(Finding::well(version))?;
    tell(files())?;
    tell(folder())?;
    match ns {
        None => {
            let hint = "gleis doctor --ns ENDPOINT, or set GLEIS_NAMESERVER";
            tell(Finding::bad("no name server is named".to_owned(), hint))?;
        }
        Some(at) => {
            for finding in name_server(&at, timeout).await {
                tell(finding)?;
            }
        }
    }
    match n_bad {
        0 => Ok(()),
        n => Err(Failure { exit: REMOTE, hint: None, text: format!("{n} found to be bad") }),
    }
}

/// How many files may be open.
fn files() -> Finding {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|it| it.strip_prefix("Max open files"));
    let soft = line.and_then(|it| it.split_whitespace().next());
    match soft.map(str::parse::<u64>) {
        Some(Ok(n)) if n < FILES => Finding::bad(
            format!("only {n} files may be open, and each connection is one"),
            format!("ulimit -n {FILES}"),
        ),
        Some(Ok(n)) => Finding::well(format!("{n} files may be open")),
        _ => Finding::well("how many files may be open is not told here".to_owned()),
    }
}

/// Where sockets of this machine are put.
fn folder() -> Finding {
    let folder = std::env::temp_dir();
    let file = folder.join(format!("gleis-doctor-{}", std::process::id()));
    let text = format!("{} is where files of ipc sockets go", folder.display());
    match std::fs::write(&file, "") {
        Ok(()) => {
            // It was only to be seen whether it can be made.
            let _ = std::fs::remove_file(&file);
            Finding::well(text)
        }
        Err(error) => Finding::bad(format!("{text}, and cannot be written: {error}"), "set TMPDIR"),
    }
}

async fn name_server(at: &Endpoint, timeout: Duration) -> Vec<Finding> {
    let ns = match NameServerProxy::connect(at.clone()).within(timeout).await {
        Ok(ns) => ns,
        Err(error) => {
            let hint = format!("gleis ns run --listen {at}");
            return vec![Finding::bad(format!("no name server at {at}: {error}"), hint)];
        }
    };
    let names = match ns.agents().await {
        Ok(names) => names,
        Err(error) => {
            let hint = format!("gleis ns list --ns {at}");
            return vec![Finding::bad(format!("the name server at {at}: {error}"), hint)];
        }
    };
    let n_agents = names.len();
    let mut all = vec![Finding::well(format!("the name server at {at} knows {n_agents} agents"))];
    for name in names {
        let name = name.as_str();
        let state = match ns.proxy(name).await {
            Ok(agent) => agent.within(timeout).state().await.map_err(|it| it.to_string()),
            Err(error) => Err(error.to_string()),
        };
        all.extend(match state {
            Ok(AgentState::Failed(fault)) => {
                let hint = format!("gleis agent shutdown {name} --ns {at}");
                Some(Finding::bad(format!("`{name}` has failed: {fault}"), hint))
            }
            Ok(_) => None,
            Err(error) => {
                let hint = format!("gleis agent info {name} --ns {at}");
                Some(Finding::bad(format!("`{name}` does not answer: {error}"), hint))
            }
        });
    }
    all
}
