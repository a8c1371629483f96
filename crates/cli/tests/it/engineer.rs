//! `engineer` and `gleis engineer`, against a server that declares commands.

use std::process::{Output, Stdio};
use std::sync::Arc;

use futures::{StreamExt, stream};
use gleis_rpc::{Command, CommandArgs, Server, ServerBuilder, Streaming, Value};
use gleis_test::wait::{eventually, within};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

fn commands() -> ServerBuilder {
    Server::new()
        .command("status", Command::new(), async |_| Ok::<_, String>("ok"))
        .command(
            "do_something",
            Command::new().description("Do the task specified in [WHAT]").argument("what"),
            async |args: CommandArgs| match args["what"].as_str().unwrap_or_default() {
                "nothing" => Err("nothing to do".to_owned()),
                what => Ok(format!("did {what}")),
            },
        )
        .command(
            "show",
            Command::new().flag("--extra/--no-extra", "include extra info"),
            async |args: CommandArgs| {
                let is_extra = args["extra"].as_bool() == Some(true);
                Ok::<_, String>(if is_extra { vec!["Basic", "Extra!!"] } else { vec!["Basic"] })
            },
        )
        .command(
            "repeat",
            Command::new().argument("word").option("--count", 2, "how often"),
            async |args: CommandArgs| {
                let count = args["count"].as_u64().unwrap_or_default() as usize;
                Ok::<_, String>(args["word"].as_str().unwrap_or_default().repeat(count))
            },
        )
        .command("hang", Command::new(), async |_| {
            std::future::pending::<Result<Value, String>>().await
        })
}

/// Commands that give streams.
fn streams(here: &Arc<()>) -> ServerBuilder {
    let here = here.clone();
    commands()
        .command_stream(
            "count",
            Command::new().description("Counts").argument("to"),
            async |args: CommandArgs| {
                let to = args["to"].as_str().and_then(|it| it.parse::<u64>().ok());
                let to = to.ok_or("that is no number")?;
                let items = stream::iter(1..=to).map(|n| match n {
                    13 => Err("bad luck"),
                    n => Ok(n),
                });
                Ok::<_, &str>(Streaming::new(items))
            },
        )
        .command_stream("tick", Command::new(), move |_| {
            let here = here.clone();
            let never = stream::pending::<u64>().inspect(move |_| {
                let _ = &here;
            });
            async move { Ok::<_, String>(Streaming::of(stream::iter([1]).chain(never))) }
        })
}

async fn server(builder: ServerBuilder) -> (Server, String) {
    let server = builder.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let host = server.url().twin().to_string();
    (server, host)
}

fn program(args: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_engineer"));
    command.args(args).kill_on_drop(true).stdin(Stdio::null()).env_remove("GLEIS_KEY");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: Output) -> (i32, String, String) {
    let text = |it: Vec<u8>| String::from_utf8(it).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

async fn engineer(args: &[&str]) -> (i32, String, String) {
    said(within(program(args).output()).await.unwrap())
}

const HELP: &str = "\
Usage: engineer [OPTIONS] HOST COMMAND [ARGS]...

  run an engineer exposed action on a remote xbahn host

Options:
  --version             Show the version and exit.
  --debug / --no-debug  Show debug information
  --help                Show this message and exit.

Commands:
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a9_help_lists_the_commands_of_the_server() {
    let (exit, out, _) = engineer(&["--help"]).await;
    assert_eq!(exit, 0);
    assert!(out.starts_with(&format!("{HELP}  shell  open an engineer shell\n")), "{out}");
    let (_server, host) = server(commands()).await;
    let listed = [
        "  do_something  Do the task specified in [WHAT]\n",
        "  hang\n  repeat\n  show\n  status\n",
        "  shell         open an engineer shell\n",
    ]
    .concat();
    for args in [&[&host[..], "--help"], &["--help", &host]] {
        let (exit, out, err) = engineer(args).await;
        assert_eq!((exit, &err[..]), (0, ""));
        assert!(out.starts_with(&format!("{HELP}{listed}")), "{out}");
    }
    let (exit, out, _) = engineer(&[&host, "repeat", "--help"]).await;
    let expected = format!(
        "Usage: engineer {host} repeat [OPTIONS] WORD\n\nOptions:\n  \
         --count INTEGER       how often\n  \
         --debug / --no-debug  Show debug information\n  \
         --help                Show this message and exit.\n"
    );
    assert_eq!((exit, out), (0, expected));
    let version = concat!("engineer ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(engineer(&["--version"]).await.1, version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a9_commands_print_what_the_server_returns() {
    let (_server, host) = server(commands()).await;
    for (args, result) in [
        (&["do_something", "say hello"][..], "do_something> did say hello"),
        (&["show"], "show> [\"Basic\"]"),
        (&["show", "--extra"], "show> [\"Basic\",\"Extra!!\"]"),
        (&["show", "--extra", "--no-extra"], "show> [\"Basic\"]"),
        (&["status"], "status> ok"),
        (&["repeat", "ab"], "repeat> abab"),
        (&["repeat", "--count", "3", "ab"], "repeat> ababab"),
    ] {
        let args = [&[&host[..]], args].concat();
        let (exit, out, err) = engineer(&args).await;
        assert_eq!((exit, out, &err[..]), (0, format!("{host}: {result}\n"), ""), "{args:?}");
        // It is a command of `gleis` too.
        let (exit, out, _) = crate::gleis(&[&["engineer"], &args[..]].concat()).await;
        assert_eq!((exit, out), (0, format!("{host}: {result}\n")), "{args:?}");
    }
    for args in [
        &["--json", &host, "status"],
        &[&host[..], "--json", "status"],
        &[&host, "status", "--json"],
    ] {
        let (exit, out, _) = engineer(args).await;
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        let expected = json!({"host": host, "command": "status", "result": "ok"});
        assert_eq!((exit, value), (0, expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_gives_by_and_by_is_printed_line_by_line() {
    let (_server, host) = server(streams(&Arc::default())).await;
    let (exit, out, err) = engineer(&[&host, "count", "3"]).await;
    let lines = [1, 2, 3].map(|n| format!("{host}: count> {n}\n")).concat();
    assert_eq!((exit, out, &err[..]), (0, lines, ""));
    let (exit, out, _) = engineer(&["--json", &host, "count", "2"]).await;
    let values: Vec<serde_json::Value> =
        out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let value = |n| json!({"host": host, "command": "count", "result": n});
    assert_eq!((exit, values), (0, vec![value(1), value(2)]));
    // What fails on the way has printed what came.
    let (exit, out, err) = engineer(&[&host, "count", "20"]).await;
    assert_eq!((exit, out.lines().count(), &err[..]), (1, 12, "engineer: bad luck\n"));
    let (exit, out, err) = engineer(&[&host, "count", "many"]).await;
    assert_eq!((exit, &out[..], &err[..]), (1, "", "engineer: that is no number\n"));
    let (_, out, _) = engineer(&[&host, "--help"]).await;
    assert!(out.contains("  count         Counts\n"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_what_is_followed_here_and_there() {
    let here = Arc::new(());
    let (_server, host) = server(streams(&here)).await;
    let n_before = Arc::strong_count(&here);
    let mut following = program(&[&host, "tick"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let line = within(lines.next_line()).await.unwrap().unwrap();
    assert_eq!(line, format!("{host}: tick> 1"));
    assert_eq!(Arc::strong_count(&here), n_before + 1);
    let pid = following.id().unwrap().to_string();
    let interrupted = tokio::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(within(interrupted).await.unwrap().success());
    assert!(within(following.wait()).await.unwrap().success());
    eventually(|| Arc::strong_count(&here) == n_before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_has_followed_something_is_still_interrupted() {
    let (_server, host) = server(streams(&Arc::default())).await;
    let mut shell = program(&[&host, "shell"]).stdin(Stdio::piped()).spawn().unwrap();
    let script = "count 1\ncount 1\nhang\nstatus\n";
    shell.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = within(lines.next_line()).await.unwrap().unwrap();
        assert_eq!(line, format!("{host}: count> 1"));
    }
    let pid = shell.id().unwrap().to_string();
    let interrupted = tokio::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(within(interrupted).await.unwrap().success());
    // It was following still, or waited already.
    let exit = within(shell.wait()).await.unwrap().code();
    assert!(matches!(exit, Some(0 | 130)), "{exit:?}");
    assert_eq!(within(lines.next_line()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_has_an_exit_code_and_a_next_step() {
    // Somebody has the port and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("zmq://{}/req", silent.local_addr().unwrap());
    let (_server, host) = server(commands()).await;
    for (args, exit, says) in [
        (&[&host[..], "do_something", "nothing"][..], 1, "engineer: nothing to do"),
        (&[&host, "do_somthing"], 2, "No such command 'do_somthing'."),
        (&[&host, "do_something"], 2, "<WHAT>"),
        (&[&host, "repeat", "x", "--count", "many"], 2, "is not a valid integer"),
        (&[&host, "show", "--nothing"], 2, "'--nothing'"),
        (&[&host], 2, "which COMMAND?"),
        (&[], 2, "which HOST?"),
        (&["--nothing"], 2, "is not zmq://"),
        (&["nonsense", "status"], 2, "is not zmq://"),
        (&["--timeout", "0.2", &nowhere, "status"], 3, "engineer: "),
        (&["--timeout", "0.5", &host, "hang"], 3, "within 500ms"),
    ] {
        let (code, out, err) = engineer(args).await;
        assert_eq!((code, &out[..]), (exit, ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
    let (exit, _, err) = engineer(&["--json", &host, "do_something", "nothing"]).await;
    let value: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!((exit, &value["error"], &value["exit"]), (1, &json!("nothing to do"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_given_and_never_shown() {
    let (_server, host) = server(commands().key("open sesame")).await;
    let (exit, _, err) = engineer(&[&host, "status"]).await;
    assert_eq!(exit, 1);
    assert!(err.contains("Authentication failed.") && err.contains("--key KEY"), "{err}");
    let (exit, out, err) = engineer(&["--key", "open sesame", "--debug", &host, "status"]).await;
    assert_eq!((exit, out), (0, format!("{host}: status> ok\n")));
    assert!(err.contains("engineer: > ") && err.contains("engineer: < "), "{err}");
    assert!(err.contains("comm.call.widgets.engineer") && !err.contains("sesame"), "{err}");
    let args = ["--debug", "--no-debug", "--key", "open sesame", &host, "status"];
    assert_eq!(engineer(&args).await.2, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_runs_a_script_and_stops_at_what_fails() {
    let (_server, host) = server(commands()).await;
    let run = async |script: &str| {
        let mut shell = program(&[&host, "shell"]);
        let mut shell = shell.stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
        said(within(shell.wait_with_output()).await.unwrap())
    };
    let script = "# a comment\n\nstatus\ndo_something \"say hello\"\nshow --extra\n";
    let (exit, out, err) = run(script).await;
    let expected = format!(
        "{host}: status> ok\n{host}: do_something> did say hello\n\
         {host}: show> [\"Basic\",\"Extra!!\"]\n"
    );
    assert_eq!((exit, out, &err[..]), (0, expected, ""));
    let (exit, out, _) = run("status\nexit\nstatus\n").await;
    assert_eq!((exit, out), (0, format!("{host}: status> ok\n")));
    let (exit, out, err) = run("do_something nothing\nstatus\n").await;
    assert_eq!((exit, &out[..]), (1, ""), "{err}");
    let (exit, _, err) = run("do_something \"unclosed\n").await;
    assert_eq!(exit, 2, "{err}");
    let (_, out, _) = run("help do_something\n").await;
    assert!(out.contains("Do the task specified in [WHAT]"), "{out}");
}
