//! Commands for the program `engineer`: functions that people call from a command line.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use gleis_core::{Value, to_value};
use serde::{Deserialize, Serialize};

use crate::api::caller::Call;
use crate::api::streaming::Streaming;
use crate::api::streams::fits;
use crate::api::table::{Given, Giving, value};
use crate::message::Message;

/// A command as people see it: what it does, what it takes. What each argument and option is, is told
/// in the words of Python's click, which `engineer` programs know.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Command {
    /// What it does; the first line is listed.
    #[serde(default)]
    pub description: Option<String>,
    /// What it takes, in order.
    #[serde(default)]
    pub arguments: Vec<Parameter>,
    /// What may be said by name.
    #[serde(default)]
    pub options: Vec<Parameter>,
    /// Whether it gives a stream of values. xbahn knows none of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub streams: bool,
}

/// An argument or an option of a command.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Parameter {
    /// Its names, such as `what`, `--count` or `--extra/--no-extra`.
    pub args: Vec<String>,
    /// What else is said of it, such as `default` and `help`. Of click's words `prompt`, `flag_value` and `envvar` are
    /// not heeded; the last one on purpose, as the server would choose which of the caller's variables it is
    /// told.
    #[serde(default)]
    pub kwargs: BTreeMap<String, Value>,
}

impl Command {
    /// A command that takes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it does.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Takes one more argument.
    #[must_use]
    pub fn argument(mut self, name: impl Into<String>) -> Self {
        self.arguments.push(Parameter { args: vec![name.into()], kwargs: BTreeMap::new() });
        self
    }

    /// Takes an option, such as `--count`, with a value if it is not said, and a help text.
    #[must_use]
    pub fn option(
        mut self,
        name: impl Into<String>,
        default: impl Into<Value>,
        help: impl Into<String>,
    ) -> Self {
        let kwargs = [("default", default.into()), ("help", Value::from(help.into()))];
        let kwargs = kwargs.map(|(name, value)| (name.to_owned(), value)).into();
        self.options.push(Parameter { args: vec![name.into()], kwargs });
        self
    }

    /// Takes a flag, such as `--extra/--no-extra`, with a help text; off if not said otherwise.
    #[must_use]
    pub fn flag(self, names: impl Into<String>, help: impl Into<String>) -> Self {
        let names = names.into();
        let is_alone = !names.contains('/');
        let mut this = self.option(names, false, help);
        if let (true, Some(flag)) = (is_alone, this.options.last_mut()) {
            flag.kwargs.insert("is_flag".to_owned(), Value::from(true));
        }
        this
    }
}

impl Parameter {
    /// What its value is called when the command is called: the first long name, without dashes.
    pub fn name(&self) -> String {
        let names = self.args.iter().flat_map(|it| it.split('/')).map(str::trim);
        let name = names.clone().find(|it| it.starts_with("--") || !it.starts_with('-'));
        let name = name.or_else(|| names.clone().next()).unwrap_or_default();
        name.trim_start_matches('-').replace('-', "_")
    }

    /// What was said of it under this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.kwargs.get(name).filter(|it| !it.is_null())
    }

    /// Whether it is said or not said, and takes no value.
    pub fn is_flag(&self) -> bool {
        let is_said = self.get("is_flag").and_then(Value::as_bool) == Some(true);
        is_said || self.args.iter().any(|it| it.contains('/'))
    }
}

/// What a command is called with: values by the names of its arguments and options.
pub type CommandArgs = BTreeMap<String, Value>;

type Run = Arc<dyn Fn(CommandArgs) -> Giving + Send + Sync>;

/// The commands of a server.
#[derive(Default)]
pub(crate) struct Commands(BTreeMap<String, (Command, Run)>);

impl Commands {
    pub(crate) fn add<F, Fut, R, E>(&mut self, name: String, command: Command, run: F)
    where
        F: Fn(CommandArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Serialize + 'static,
        E: fmt::Display,
    {
        self.insert(name, command, run, value);
    }

    pub(crate) fn add_stream<F, Fut, T, E>(&mut self, name: String, command: Command, run: F)
    where
        F: Fn(CommandArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Streaming<T>, E>> + Send + 'static,
        T: Serialize + Send + 'static,
        E: fmt::Display,
    {
        let command = Command { streams: true, ..command };
        self.insert(name, command, run, |it| Ok(Given::Items(it.items())));
    }

    fn insert<F, Fut, R: 'static, E>(
        &mut self,
        name: String,
        command: Command,
        run: F,
        given: fn(R) -> Result<Given, String>,
    ) where
        F: Fn(CommandArgs) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        E: fmt::Display,
    {
        let run = Arc::new(run);
        let run: Run = Arc::new(move |args| {
            let run = run.clone();
            async move { given(run(args).await.map_err(|it| it.to_string())?) }.boxed()
        });
        self.0.insert(name, (command, run));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls what the message names, as the widget `engineer` of xbahn does; `engineer_describe`, which
    /// xbahn does not know, tells all at once.
    pub(crate) fn call(&self, _call: Call, message: &Message) -> Result<Option<Giving>, String> {
        let told = |value: Result<Value, gleis_core::ValueError>| {
            let value = value.map(Given::Value).map_err(|it| it.to_string());
            Ok(Some(std::future::ready(value).boxed()))
        };
        let name = message.data.as_str().unwrap_or_default();
        match name {
            "engineer_list_commands" => told(to_value(&self.0.keys().collect::<Vec<_>>())),
            "engineer_describe" => {
                let all = self.0.iter().map(|(name, it)| (name, &it.0));
                told(to_value(&all.collect::<BTreeMap<_, _>>()))
            }
            "engineer_info" => {
                let action = message.args.first().or_else(|| message.kwargs.get("action"));
                let action = action.and_then(Value::as_str).unwrap_or_default();
                let found = self.0.get(action);
                told(to_value(&found.ok_or_else(|| not_found(action))?.0))
            }
            _ => {
                let Some((command, run)) = self.0.get(name) else {
                    return Ok(None);
                };
                fits(name, command.streams, message)?;
                Ok(Some(run(command.args(name, message)?)))
            }
        }
    }
}

fn not_found(action: &str) -> String {
    format!("Engineer action not found: {action}")
}

impl Command {
    /// The values of its arguments and options; what was not said has its default.
    fn args(&self, name: &str, message: &Message) -> Result<CommandArgs, String> {
        let names: Vec<_> = self.arguments.iter().map(Parameter::name).collect();
        if names.len() < message.args.len() {
            let (takes, got) = (names.len(), message.args.len());
            return Err(format!("{name} takes {takes} arguments and got {got}"));
        }
        let mut args: CommandArgs =
            names.iter().cloned().zip(message.args.iter().cloned()).collect();
        for (key, value) in &message.kwargs {
            let is_known = names.contains(key) || self.options.iter().any(|it| it.name() == *key);
            if !is_known {
                return Err(format!("{name} does not take the argument '{key}'"));
            }
            if args.insert(key.clone(), value.clone()).is_some() {
                return Err(format!("{name} got twice the argument '{key}'"));
            }
        }
        for (parameter, is_argument) in self
            .arguments
            .iter()
            .map(|it| (it, true))
            .chain(self.options.iter().map(|it| (it, false)))
        {
            let key = parameter.name();
            if args.contains_key(&key) {
                continue;
            }
            match parameter.get("default") {
                Some(default) => args.insert(key, default.clone()),
                None if is_argument && parameter.get("required") != Some(&Value::from(false)) => {
                    return Err(format!("{name} lacks the argument '{key}'"));
                }
                None => args.insert(key, Value::Null),
            };
        }
        Ok(args)
    }
}
