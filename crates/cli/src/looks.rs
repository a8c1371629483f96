//! `gleis attr` and `gleis method`: what an agent has, and what it is given.

use std::path::Path;
use std::time::Duration;

use gleis_agent::{MethodInfo, ProxyScripts, TimerInfo};
use gleis_core::{Condition, SocketInfo, Status, Traffic};
use serde_json::{Value, json};

use crate::agents::{failure, find, read};
use crate::args::{Attr, Method, OneAgent, ScriptKey};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

pub(crate) async fn attr(command: Attr, output: Output, timeout: Duration) -> Outcome {
    match command {
        Attr::Get { of, attribute } => {
            let agent = find(&of, timeout).await?;
            let value: Value = agent.get_attr(&attribute).await.map_err(|it| failure(&it))?;
            output.line(&plain(&value), &json!({"attribute": attribute, "value": value}))
        }
        Attr::List(of) => {
            let agent = find(&of, timeout).await?;
            let names = agent.attrs().await.map_err(|it| failure(&it))?;
            let width = names.iter().map(String::len).max().unwrap_or_default();
            for name in names {
                let value: Value = agent.get_attr(&name).await.map_err(|it| failure(&it))?;
                let text = format!("{name:width$}  {}", plain(&value));
                output.line(&text, &json!({"attribute": name, "value": value}))?;
            }
            Ok(())
        }
        Attr::Set { of, attribute, value } => {
            let agent = find(&of, timeout).await?;
            let value = read(value);
            agent.set_attr(&attribute, &value).await.map_err(|it| failure(&it))?;
            let text = format!("{attribute} = {}", plain(&value));
            output.line(&text, &json!({"attribute": attribute, "value": value}))
        }
    }
}

pub(crate) async fn method(command: Method, output: Output, timeout: Duration) -> Outcome {
    match command {
        Method::List(of) => {
            let agent = find(&of, timeout).await?;
            for method in agent.methods().await.map_err(|it| failure(&it))? {
                output.line(&signature(&method), &json!(method))?;
            }
            Ok(())
        }
        Method::Remove { of, method, key } => {
            let scripts = scripts(&of, key, timeout).await?;
            match scripts.remove(&method).await.map_err(|it| failure(&it))? {
                true => output.line(&format!("{method} is removed"), &json!({"removed": method})),
                false => {
                    let nothing = format!("{} has no script {method}", of.name);
                    Err(Failure::said(nothing).hint("gleis method list"))
                }
            }
        }
        Method::Set { of, method, script: Some(file), key, .. } => {
            let source = text_of(&file)?;
            let scripts = scripts(&of, key, timeout).await?;
            let version = scripts.set(&method, &*source).await.map_err(|it| failure(&it))?;
            let text = format!("{method} is {}, version {version}", file.display());
            output.line(&text, &json!({"method": method, "version": version}))
        }
        Method::Set { of, method, function, .. } => {
            let (agent, function) = (find(&of, timeout).await?, function.unwrap_or_default());
            agent.set_method(&method, &function).await.map_err(|it| failure(&it))?;
            let text = format!("{method} is {function}");
            output.line(&text, &json!({"method": method, "function": function}))
        }
        Method::Source { of, method } => {
            let agent = find(&of, timeout).await?;
            let source = agent.scripts().source(&method).await.map_err(|it| failure(&it))?;
            let text = source.source().trim_end();
            output.line(text, &json!({"method": method, "source": source.source()}))
        }
    }
}

async fn scripts(of: &OneAgent, key: ScriptKey, timeout: Duration) -> Outcome<ProxyScripts> {
    let scripts = find(of, timeout).await?.scripts();
    Ok(match key.script_key {
        Some(key) => scripts.key(key),
        None => scripts,
    })
}

/// The text of a file, or of the standard input.
fn text_of(file: &Path) -> Outcome<String> {
    let read = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    read.map_err(|it| Failure::usage(format!("cannot read {}: {it}", file.display())))
}

/// A method in one line: what it takes, and the first line of what its author says.
pub(crate) fn signature(method: &MethodInfo) -> String {
    let parameters = method.parameters.as_deref().unwrap_or("..");
    let docs = method.docs.lines().next().unwrap_or_default();
    let dash = if docs.is_empty() { "" } else { "  " };
    format!("{}({parameters}){dash}{docs}", method.name)
}

/// Where an agent is in its life, and what it does unless that is nothing.
pub(crate) fn state(state: &str, status: Option<&Status>) -> String {
    match status {
        Some(status) if matches!(status.condition, Condition::Busy | Condition::Stuck) => {
            format!("{state}, {status}")
        }
        _ => state.to_owned(),
    }
}

/// A socket in one line: where it is, and what became of its messages.
pub(crate) fn socket(socket: &SocketInfo) -> String {
    let SocketInfo { alias, codec, endpoint, is_bound, kind, peers, received, sent, .. } = socket;
    let how = if *is_bound { "at" } else { "to" };
    let peers = peers.map(|it| format!(", {it} peers")).unwrap_or_default();
    let flow = |it: &Traffic, word: &str| match it {
        Traffic { dropped: 0, passed: 0, waiting: 0 } => String::new(),
        Traffic { dropped, passed, waiting } => {
            format!(", {passed} {word} ({waiting} waiting, {dropped} dropped)")
        }
    };
    let (sent, received) = (flow(sent, "sent"), flow(received, "received"));
    format!("{alias}: {kind} {how} {endpoint}, {codec}{peers}{sent}{received}")
}

/// A timer in one line.
pub(crate) fn timer(timer: &TimerInfo) -> String {
    let name = timer.alias.clone().unwrap_or_else(|| "without a name".to_owned());
    let rhythm = timer.period.map_or("once".to_owned(), |it| format!("each {it:?}"));
    format!("{name}: {rhythm}, in {:?}", timer.due_in)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
