//! What a command of the server is told on the command line.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, ArgAction, ArgMatches};
use gleis_rpc::{Command, Parameter, Value};
use serde_json::json;

use crate::failure::{Failure, Outcome};

/// What was said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) debug: Option<bool>,
    pub(crate) json: bool,
    pub(crate) values: BTreeMap<String, serde_json::Value>,
}

/// Reads the words behind a command; nothing if help is wanted.
pub(crate) fn read(
    host: &str,
    name: &str,
    command: &Command,
    words: &[String],
) -> Outcome<Option<Said>> {
    if words.iter().take_while(|it| *it != "--").any(|it| it == "--help") {
        return Ok(None);
    }
    check(name, command)?;
    let matches = parser(host, name, command).try_get_matches_from(words);
    let matches = matches.map_err(|error| {
        let text = error.to_string();
        let text = text.trim_start_matches("error: ").trim_end().to_owned();
        Failure::usage(text).hint(format!("engineer {host} {name} --help"))
    })?;
    let mut values = BTreeMap::new();
    for parameter in command.arguments.iter().chain(&command.options) {
        if let Some(value) = value(parameter, &matches)? {
            values.insert(parameter.name(), value);
        }
    }
    let is_set = |name: &str| matches.try_get_one::<bool>(name).ok().flatten() == Some(&true);
    let debug = match (is_set("--debug"), is_set("--no-debug")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    Ok(Some(Said { debug, json: is_set("--json"), values }))
}

/// Whether what the server says of its command can be read from a command line.
fn check(name: &str, command: &Command) -> Outcome {
    let mut known = BTreeSet::new();
    let bad = |what: &str| {
        let text = format!("the server declares `{name}` with {what}");
        Err(Failure { exit: crate::failure::REMOTE, hint: None, text })
    };
    for parameter in command.arguments.iter().chain(&command.options) {
        let key = parameter.name();
        let is_word = |it: &str| {
            !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || it == '_' || it == '-')
        };
        if !is_word(&key) || !known.insert(key) {
            return bad("a parameter twice, or one without a name");
        }
    }
    for names in command.options.iter().map(|it| &it.args) {
        for name in names.iter().flat_map(|it| it.split('/')).map(str::trim) {
            let plain = name.trim_start_matches('-');
            let is_long = name.starts_with("--") && 1 < plain.chars().count();
            let is_short = !name.starts_with("--") && plain.chars().count() == 1;
            if name.starts_with('-') && (!(is_long || is_short) || !known.insert(name.to_owned())) {
                return bad("an option that cannot be said");
            }
        }
    }
    Ok(())
}

fn parser(host: &str, name: &str, command: &Command) -> clap::Command {
    let mut parser = clap::Command::new(name.to_owned())
        .no_binary_name(true)
        .disable_help_flag(true)
        .bin_name(format!("engineer {host} {name}"));
    for parameter in &command.arguments {
        parser = parser.arg(argument(parameter));
    }
    for parameter in &command.options {
        parser = parser.args(option(parameter));
    }
    let is_taken = |flag: &str| {
        let mut names = command.options.iter().flat_map(|it| &it.args).flat_map(|it| it.split('/'));
        names.any(|it| it.trim() == flag)
    };
    for flag in ["--debug", "--no-debug", "--json"].into_iter().filter(|it| !is_taken(it)) {
        let long = flag.trim_start_matches('-');
        parser = parser.arg(Arg::new(flag).long(long).action(ArgAction::SetTrue).hide(true));
    }
    parser
}

fn argument(parameter: &Parameter) -> Arg {
    let name = parameter.name();
    let is_optional = parameter.get("required") == Some(&Value::from(false))
        || parameter.get("default").is_some();
    let is_list = parameter.get("nargs").and_then(Value::as_i64) == Some(-1);
    let arg = Arg::new(name.clone()).value_name(name.to_uppercase());
    match is_list {
        true => arg.num_args(0..).action(ArgAction::Append),
        false => arg.required(!is_optional).allow_negative_numbers(true),
    }
}

/// An option, and what takes it back if there is such a thing.
fn option(parameter: &Parameter) -> Vec<Arg> {
    let key = parameter.name();
    let mut on = Arg::new(key.clone());
    let mut args = Vec::new();
    let is_flag = parameter.is_flag();
    for names in &parameter.args {
        let mut names = names.split('/').map(str::trim);
        on = named(on, names.next().unwrap_or_default());
        if let Some(off) = names.next() {
            let id = off_id(&key);
            args.push(named(Arg::new(id), off).action(ArgAction::SetTrue).overrides_with(&key));
        }
    }
    let is_multiple = parameter.get("multiple").and_then(Value::as_bool) == Some(true);
    on = match (is_flag, is_multiple) {
        (true, _) => on.action(ArgAction::SetTrue),
        (_, true) => on.action(ArgAction::Append),
        _ => on.allow_negative_numbers(true),
    };
    if !args.is_empty() {
        on = on.overrides_with(off_id(&key));
    }
    let is_required = parameter.get("required").and_then(Value::as_bool) == Some(true);
    args.push(on.required(is_required && !is_flag));
    args
}

fn off_id(key: &str) -> String {
    format!("not {key}")
}

fn named(arg: Arg, name: &str) -> Arg {
    match name.strip_prefix("--") {
        Some(long) => arg.long(long.to_owned()),
        None => match name.strip_prefix('-').and_then(|it| it.chars().next()) {
            Some(short) => arg.short(short),
            None => arg,
        },
    }
}

/// The value of a parameter, if one was said, or is to be said anyhow.
fn value(parameter: &Parameter, matches: &ArgMatches) -> Outcome<Option<serde_json::Value>> {
    let key = parameter.name();
    let default = || {
        let default = parameter.get("default");
        default.map(|it| serde_json::to_value(it).unwrap_or_default())
    };
    if parameter.is_flag() {
        let is_set = |id: &str| matches.try_get_one::<bool>(id).ok().flatten() == Some(&true);
        let value = match (is_set(&key), is_set(&off_id(&key))) {
            (true, _) => Some(json!(true)),
            (_, true) => Some(json!(false)),
            _ => default(),
        };
        return Ok(value);
    }
    let said = matches.try_get_many::<String>(&key).ok().flatten();
    let Some(said) = said else {
        return Ok(default());
    };
    let typed: Outcome<Vec<_>> = said.map(|it| typed(parameter, it)).collect();
    let mut typed = typed?;
    let is_list = parameter.get("multiple").and_then(Value::as_bool) == Some(true)
        || parameter.get("nargs").and_then(Value::as_i64) == Some(-1);
    Ok(if is_list { Some(json!(typed)) } else { typed.pop() })
}

/// What was said, as the type of the default has it; text if there is none.
fn typed(parameter: &Parameter, said: &str) -> Outcome<serde_json::Value> {
    let name = parameter.name();
    let bad = |what: &str| {
        Failure::usage(format!("Invalid value for '{name}': {said:?} is not a valid {what}."))
    };
    match parameter.get("default") {
        Some(Value::I64(_) | Value::U64(_)) => {
            said.parse::<i64>().map(|it| json!(it)).map_err(|_| bad("integer"))
        }
        Some(Value::F64(_)) => said.parse::<f64>().map(|it| json!(it)).map_err(|_| bad("float")),
        _ => Ok(json!(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(command: &Command, words: &[&str]) -> Result<serde_json::Value, String> {
        let words: Vec<_> = words.iter().map(|&it| it.to_owned()).collect();
        match read("zmq://a:1/req", "do", command, &words) {
            Ok(Some(said)) => Ok(json!(said.values)),
            Ok(None) => Err("help".to_owned()),
            Err(failure) => Err(failure.text),
        }
    }

    #[test]
    fn arguments_options_and_flags_are_read_as_click_does() {
        let command = Command::new()
            .argument("what")
            .option("--count", 1, "")
            .option("--name", Value::Null, "")
            .flag("--extra/--no-extra", "")
            .flag("--loud", "");
        let base = |count: i64, extra: bool, loud: bool| json!({"what": "x", "count": count, "extra": extra, "loud": loud});
        assert_eq!(says(&command, &["x"]), Ok(base(1, false, false)));
        let words = &["--count", "3", "x", "--extra", "--loud"];
        assert_eq!(says(&command, words), Ok(base(3, true, true)));
        assert_eq!(says(&command, &["--extra", "--no-extra", "x"]), Ok(base(1, false, false)));
        assert_eq!(says(&command, &["--no-extra", "--extra", "x"]), Ok(base(1, true, false)));
        assert_eq!(says(&command, &["--help"]), Err("help".to_owned()));
        for (words, text) in [
            (&[][..], "WHAT"),
            (&["x", "y"], "'y'"),
            (&["x", "--nothing"], "'--nothing'"),
            (&["x", "--count", "many"], "is not a valid integer"),
        ] {
            let error = says(&command, words).unwrap_err();
            assert!(error.contains(text), "{words:?}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_the_fault_of_the_server() {
        for command in [
            Command::new().argument("a").argument("a"),
            Command::new().argument(""),
            Command::new().option("--a", 1, "").option("--a", 1, ""),
            Command::new().option("-long", 1, ""),
            Command::new().flag("--on/--on", ""),
        ] {
            let error = says(&command, &["x"]).unwrap_err();
            assert!(error.starts_with("the server declares `do`"), "{error}");
        }
    }
}
