//! The server, and the commands that it declares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gleis_rpc::{Client, Command, Guard, Message, RemoteWidget, RpcError, Streaming};
use serde_json::Value;

use super::line::Line;
use crate::failure::{Failure, Outcome};
use crate::stop::Stop;

/// The widget whose functions are commands, and the id that this program has of it.
const ENGINEER: &str = "engineer";

/// A server whose commands are run.
pub(crate) struct Remote {
    commands: Option<BTreeMap<String, Command>>,
    debug: Arc<AtomicBool>,
    _heard: Guard,
    host: String,
    /// What hears Ctrl-C, once that was needed.
    pub(crate) stop: Option<Stop>,
    widget: RemoteWidget,
}

impl Remote {
    pub(crate) async fn connect(line: &Line, host: &str) -> Outcome<Self> {
        let debug = Arc::new(AtomicBool::new(line.debug));
        let said = debug.clone();
        let mut client = Client::new().within(line.timeout).outgoing(move |message| {
            if said.load(Ordering::Relaxed) {
                tell('>', message);
            }
        });
        if let Some(key) = &line.key {
            client = client.key(key);
        }
        let client = client.connect(host).await.map_err(|error| match error {
            gleis_rpc::OpenError::Url(error) => {
                Failure::usage(error.to_string()).hint("engineer zmq://HOST:PORT/req --help")
            }
            error => Failure::unreachable(&error),
        })?;
        let heard = debug.clone();
        let _heard = client.link().on("receive", move |received| {
            if heard.load(Ordering::Relaxed) {
                tell('<', &received.message);
            }
            async {}
        });
        let widget = client.attach(ENGINEER, ENGINEER).await.map_err(|it| failure(host, &it))?;
        Ok(Self { commands: None, debug, _heard, host: host.to_owned(), stop: None, widget })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Shows what is said from now on, or does not, if that was said.
    pub(crate) fn debug(&self, on: Option<bool>) {
        if let Some(on) = on {
            self.debug.store(on, Ordering::Relaxed);
        }
    }

    /// All commands: a gleis server tells them at once, xbahn's one by one.
    pub(crate) async fn commands(&mut self) -> Outcome<&BTreeMap<String, Command>> {
        if self.commands.is_none() {
            self.commands = Some(self.ask_for_commands().await?);
        }
        Ok(self.commands.get_or_insert_default())
    }

    async fn ask_for_commands(&self) -> Outcome<BTreeMap<String, Command>> {
        match self.widget.call("engineer_describe", ()).await {
            Err(RpcError::Remote { .. }) => (),
            told => return told.map_err(|it| failure(&self.host, &it)),
        }
        let names = self.widget.call::<Vec<String>>("engineer_list_commands", ()).await;
        let mut commands = BTreeMap::new();
        for name in names.map_err(|it| failure(&self.host, &it))? {
            commands.insert(name.clone(), self.info(&name).await?);
        }
        Ok(commands)
    }

    /// One command.
    pub(crate) async fn command(&mut self, name: &str) -> Outcome<Command> {
        if let Some(command) = self.commands.as_ref().and_then(|it| it.get(name)) {
            return Ok(command.clone());
        }
        match self.info(name).await {
            Err(failure) if failure.text.contains("Engineer action not") => {
                let hint = format!("engineer {} --help", self.host);
                Err(Failure::usage(format!("No such command '{name}'.")).hint(hint))
            }
            told => told,
        }
    }

    async fn info(&self, name: &str) -> Outcome<Command> {
        let info = self.widget.call("engineer_info", (name,)).await;
        info.map_err(|it| failure(&self.host, &it))
    }

    /// Runs a command.
    pub(crate) async fn call(&self, name: &str, values: BTreeMap<String, Value>) -> Outcome<Value> {
        self.result(self.widget.call_named(name, Vec::new(), named(values)?).await)
    }

    /// Runs a command that gives a stream.
    pub(crate) async fn stream(
        &self,
        name: &str,
        values: BTreeMap<String, Value>,
    ) -> Outcome<Streaming<gleis_rpc::Value>> {
        let streamed = self.widget.stream_named(name, Vec::new(), named(values)?).await;
        streamed.map_err(|it| failure(&self.host, &it))
    }

    /// What a command gave, to be printed.
    pub(crate) fn result(&self, given: Result<gleis_rpc::Value, RpcError>) -> Outcome<Value> {
        let given = given.map_err(|it| failure(&self.host, &it))?;
        serde_json::to_value(given).map_err(|it| Failure::local(&it))
    }
}

fn named(values: BTreeMap<String, Value>) -> Outcome<BTreeMap<String, gleis_rpc::Value>> {
    let read = |(name, value)| {
        let value = serde_json::from_value::<gleis_rpc::Value>(value);
        value.map(|it| (name, it)).map_err(|it| Failure::local(&it))
    };
    values.into_iter().map(read).collect()
}

fn failure(host: &str, error: &RpcError) -> Failure {
    match error {
        RpcError::TimedOut { within, .. } => {
            Failure::late(&format!("no answer from {host}"), *within)
        }
        RpcError::Unreachable { .. } | RpcError::Closed => {
            Failure::unreachable(error).hint(format!("see whether a server listens at {host}"))
        }
        RpcError::Remote { text } if text == "Authentication failed." => {
            Failure::remote(error).hint("engineer --key KEY HOST COMMAND")
        }
        error => Failure::remote(error),
    }
}

/// Shows a message to whoever looks for what is wrong.
#[expect(clippy::print_stderr, reason = "that is what --debug is for")]
fn tell(direction: char, message: &Message) {
    let Message { args, data, kwargs, meta } = message;
    let mut meta = meta.clone();
    if meta.contains_key("auth") {
        meta.insert("auth".to_owned(), "...".into());
    }
    let text = serde_json::json!({"meta": meta, "data": data, "args": args, "kwargs": kwargs});
    eprintln!("engineer: {direction} {text}");
}
