//! The texts of `--help`, as Python's click lays them out.

use std::collections::BTreeMap;

use gleis_rpc::{Command, Parameter, Value};

use super::SHELL;

const OPTIONS: [(&str, &str); 3] = [
    ("--version", "Show the version and exit."),
    ("--debug / --no-debug", "Show debug information"),
    ("--help", "Show this message and exit."),
];

/// What xbahn's engineer does not have.
const FURTHER: [(&str, &str); 3] = [
    ("--json", "Print one JSON value a line."),
    ("--key KEY", "The key of the server, or GLEIS_KEY."),
    ("--timeout SECONDS", "How long to wait for the server; 10."),
];

/// The help of the program, with the commands of a server if one is named.
pub(crate) fn general(commands: Option<&BTreeMap<String, Command>>) -> String {
    let remote = commands.into_iter().flatten();
    let mut listed: Vec<_> = remote.map(|(name, it)| (name.clone(), summary(it))).collect();
    listed.push((SHELL.to_owned(), "open an engineer shell".to_owned()));
    let mut text = "Usage: engineer [OPTIONS] HOST COMMAND [ARGS]...\n\n".to_owned();
    text += "  run an engineer exposed action on a remote xbahn host\n\nOptions:\n";
    text += &table(&OPTIONS.map(|(a, b)| (a.to_owned(), b.to_owned())));
    text += "\nCommands:\n";
    text += &table(&listed);
    text += "\nFurther options:\n";
    text += &table(&FURTHER.map(|(a, b)| (a.to_owned(), b.to_owned())));
    text
}

/// The help of one command of a server.
pub(crate) fn command(host: &str, name: &str, command: &Command) -> String {
    let arguments: String =
        command.arguments.iter().map(|it| format!(" {}", metavar(it))).collect();
    let mut text = format!("Usage: engineer {host} {name} [OPTIONS]{arguments}\n\n");
    let description = command.description.as_deref().unwrap_or_default();
    let lines: Vec<_> = description.trim().lines().map(str::trim).collect();
    if !description.trim().is_empty() {
        text += &lines
            .iter()
            .map(|it| format!("  {it}").trim_end().to_owned() + "\n")
            .collect::<String>();
        text += "\n";
    }
    text += "Options:\n";
    let mut options: Vec<_> = command.options.iter().map(option).collect();
    options.extend(OPTIONS[1..].iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())));
    text + table(&options).as_str()
}

/// The first line of what a command does.
fn summary(command: &Command) -> String {
    let text = command.description.as_deref().unwrap_or_default();
    text.trim().lines().next().unwrap_or_default().trim().to_owned()
}

fn metavar(parameter: &Parameter) -> String {
    match parameter.get("metavar").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => parameter.name().to_uppercase(),
    }
}

fn option(parameter: &Parameter) -> (String, String) {
    let names: Vec<_> = parameter.args.iter().map(|it| it.replace('/', " / ")).collect();
    let mut names = names.join(", ");
    if !parameter.is_flag() {
        names += &format!(" {}", metavar_of_option(parameter));
    }
    let help = parameter.get("help").and_then(Value::as_str).unwrap_or_default();
    (names, help.to_owned())
}

fn metavar_of_option(parameter: &Parameter) -> String {
    let kind = match parameter.get("default") {
        Some(Value::I64(_) | Value::U64(_)) => "INTEGER",
        Some(Value::F64(_)) => "FLOAT",
        _ => "TEXT",
    };
    match parameter.get("metavar").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => kind.to_owned(),
    }
}

/// Rows of two columns.
fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|it| it.0.chars().count()).max().unwrap_or_default();
    let row = |(name, text): &(String, String)| {
        let line = format!("  {name:width$}  {text}");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_without_a_host_is_that_of_xbahn() {
        let text = general(None);
        let expected = "\
Usage: engineer [OPTIONS] HOST COMMAND [ARGS]...

  run an engineer exposed action on a remote xbahn host

Options:
  --version             Show the version and exit.
  --debug / --no-debug  Show debug information
  --help                Show this message and exit.

Commands:
  shell  open an engineer shell
";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn arguments_stand_in_the_order_in_which_they_were_declared() {
        let multiply = Command::new().argument("a").argument("b").option("--count", 1, "how often");
        let text = command("zmq://a:1/req", "multiply", &multiply);
        let expected = "\
Usage: engineer zmq://a:1/req multiply [OPTIONS] A B

Options:
  --count INTEGER       how often
  --debug / --no-debug  Show debug information
  --help                Show this message and exit.
";
        assert_eq!(text, expected);
    }
}
