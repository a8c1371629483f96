//! `gleis agent` and `gleis call`

use std::time::Duration;

use gleis_agent::{CallError, NameServerProxy, Proxy};
use gleis_core::Status;
use serde_json::{Value, json};

use crate::args::{self, Agent, OneAgent};
use crate::failure::{Failure, Outcome};
use crate::looks;
use crate::output::Output;

pub(crate) async fn run(command: Agent, output: Output, timeout: Duration) -> Outcome {
    match command {
        Agent::List(at) => list(&at, output, timeout).await,
        Agent::Info(which) => info(&which, output, timeout).await,
        Agent::Stop(which) => {
            let agent = find(&which, timeout).await?;
            agent.stop().await.map_err(|it| failure(&it))?;
            output.line(&format!("{} has stopped", which.name), &json!({"stopped": which.name}))
        }
        Agent::Shutdown(which) => {
            let agent = find(&which, timeout).await?;
            agent.shutdown().await.map_err(|it| failure(&it))?;
            output.line(&format!("{} is down", which.name), &json!({"down": which.name}))
        }
        Agent::Kill(which) => {
            let agent = find(&which, timeout).await?;
            agent.kill().await.map_err(|it| failure(&it))?;
            output.line(&format!("{} is killed", which.name), &json!({"killed": which.name}))
        }
    }
}

async fn list(at: &args::NameServer, output: Output, timeout: Duration) -> Outcome {
    let ns = connect(at, timeout).await?;
    let names = ns.agents().await.map_err(|it| Failure::remote(&it))?;
    let width = names.iter().map(|it| it.as_str().len()).max().unwrap_or_default();
    if names.is_empty() && !output.json {
        return output.text("there is no agent\n");
    }
    for name in names {
        // One that does not answer is listed all the same.
        let (state, status) = match ns.proxy(name.as_str()).await {
            Ok(agent) => state(&agent.within(timeout)).await,
            Err(error) => (error.to_string(), None),
        };
        let name = name.as_str();
        let text = format!("{name:width$}  {}", looks::state(&state, status.as_ref()));
        let mut value = json!({"name": name, "state": state});
        if let Some(status) = status {
            value["status"] = json!(status);
        }
        output.line(&text, &value)?;
    }
    Ok(())
}

/// Where an agent is in its life, or why that is not known, and what it does.
async fn state(agent: &Proxy) -> (String, Option<Status>) {
    match agent.state().await {
        Ok(state) => (state.to_string(), agent.status().await.ok()),
        Err(error) => (error.to_string(), None),
    }
}

async fn info(which: &OneAgent, output: Output, timeout: Duration) -> Outcome {
    let agent = find(which, timeout).await?;
    let life = agent.life().await.map_err(|it| failure(&it))?;
    let state = life.state;
    let sockets = agent.ledger().await.map_err(|it| failure(&it))?;
    let timers = agent.list_timers().await.map_err(|it| failure(&it))?;
    let attributes = agent.attrs().await.map_err(|it| failure(&it))?;
    let methods = agent.methods().await.map_err(|it| failure(&it))?;
    let pid = agent.pid().await.map_err(|it| failure(&it))?;
    let status = agent.status().await.map_err(|it| failure(&it))?;
    let is_at = looks::state(&state.to_string(), Some(&status));
    let mut text = format!("{}: {is_at}, process {pid}", which.name);
    if 0 < life.restarts {
        text += &format!(", restarts: {}", life.restarts);
    }
    for it in &sockets {
        text += &format!("\n  socket {}", looks::socket(it));
    }
    for timer in &timers {
        text += &format!("\n  timer {}", looks::timer(timer));
    }
    for name in &attributes {
        text += &format!("\n  attribute {name}");
    }
    for it in &methods {
        text += &format!("\n  method {}", looks::signature(it));
    }
    let value = json!({
        "name": which.name, "state": state.to_string(), "restarts": life.restarts, "pid": pid,
        "status": status,
        "sockets": sockets, "timers": timers, "attributes": attributes, "methods": methods,
    });
    output.line(&text, &value)
}

pub(crate) async fn call(command: args::Call, output: Output, timeout: Duration) -> Outcome {
    let args::Call { name, method, arguments, at } = command;
    let agent = find(&OneAgent { name, at }, timeout).await?;
    let arguments: Vec<Value> = arguments.into_iter().map(read).collect();
    let answer = agent.call::<Value>(&method, arguments).await.map_err(|it| failure(&it))?;
    let text = match &answer {
        Value::String(text) => text.clone(),
        Value::Null => return output.line("done", &json!({"answer": answer})),
        other => other.to_string(),
    };
    output.line(&text, &json!({"answer": answer}))
}

/// JSON, or text if it is none.
pub(crate) fn read(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

pub(crate) async fn connect(at: &args::NameServer, timeout: Duration) -> Outcome<NameServerProxy> {
    let connecting = NameServerProxy::connect(at.ns.clone()).within(timeout);
    connecting
        .await
        .map_err(|it| Failure::unreachable(&it).hint(format!("gleis ns run --listen {}", at.ns)))
}

pub(crate) async fn find(which: &OneAgent, timeout: Duration) -> Outcome<Proxy> {
    let ns = connect(&which.at, timeout).await?;
    let found = ns.proxy(&which.name).await;
    let agent = found.map_err(|it| Failure::unreachable(&it).hint("gleis agent list"))?;
    Ok(agent.within(timeout))
}

/// What went wrong, and what to look at next.
pub(crate) fn failure(error: &CallError) -> Failure {
    let failure = match error {
        CallError::DeadlineExceeded { .. }
        | CallError::Gone { .. }
        | CallError::Unreachable { .. } => Failure::unreachable(error),
        _ => Failure::remote(error),
    };
    match next_step(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn next_step(error: &CallError) -> Option<String> {
    Some(match error {
        CallError::Arguments { .. } | CallError::UnknownMethod { .. } => match error {
            CallError::UnknownMethod { agent, .. } => format!("gleis method list {agent}"),
            _ => "gleis method list NAME".to_owned(),
        },
        CallError::DeadlineExceeded { .. } => "wait longer with --timeout SECONDS".to_owned(),
        CallError::Failed { agent, .. } => format!("gleis logs {agent}"),
        CallError::Gone { .. } | CallError::Unreachable { .. } => "gleis agent list".to_owned(),
        CallError::NotRunning { agent, .. } => format!("gleis agent info {agent}"),
        CallError::UnknownAttribute { agent, .. } => format!("gleis attr list {agent}"),
        _ => return None,
    })
}
