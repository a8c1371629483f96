//! Every command, as a program reads it: `--json` against a real system.

use gleis_agent::{Context, Scripts, agent, run_agent, run_nameserver};
use serde_json::{Value, json};

use crate::{Running, gleis, json};

/// All commands, and where each is run with `--json`. A new one needs a place.
const COMMANDS: [(&str, &str); 38] = [
    ("agent info", "agents"),
    ("agent kill", "machines"),
    ("agent list", "agents"),
    ("agent shutdown", "machines"),
    ("agent stop", "machines"),
    ("attr get", "machines"),
    ("attr list", "machines"),
    ("attr set", "machines"),
    ("bench run", "tools"),
    ("bench serve", "tools"),
    ("bridge run", "agents, bridge, hub"),
    ("call", "machines"),
    ("completions", "usage: a script for a shell, with --json too"),
    ("dead-letters", "tails"),
    ("doctor", "tools"),
    ("engineer", "engineer"),
    ("graph", "system"),
    ("hub run", "hub"),
    ("hub send", "machines: it says nothing"),
    ("hub tail", "hub"),
    ("logs", "tails"),
    ("man", "machines"),
    ("method list", "machines"),
    ("method remove", "machines"),
    ("method set", "machines"),
    ("method source", "machines"),
    ("ns list", "ns"),
    ("ns run", "ns"),
    ("ns shutdown", "ns"),
    ("rep", "sockets"),
    ("req", "sockets"),
    ("run", "system"),
    ("send", "sockets"),
    ("sub", "sockets"),
    ("top", "system"),
    // Of clap.
    ("help", "usage"),
    ("--help", "usage"),
    ("--version", "usage"),
];

/// The names under "Commands:" of a help.
fn names(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|it| *it != "Commands:").skip(1);
    let lines = lines.take_while(|it| it.starts_with("  "));
    lines.filter_map(|it| it.split_whitespace().next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_command_has_its_place_among_these_tests() {
    let mut found = Vec::new();
    for name in names(&gleis(&["--help"]).await.1) {
        let help = gleis(&["help", &name]).await.1;
        match names(&help) {
            none if none.is_empty() => found.push(name),
            more => {
                let more = more.iter().filter(|it| *it != "help");
                found.extend(more.map(|it| format!("{name} {it}")));
            }
        }
    }
    assert!(20 < found.len(), "{found:?}");
    for name in found {
        assert!(COMMANDS.iter().any(|it| it.0 == name), "where is `{name} --json` tested?");
    }
}

#[derive(Default)]
struct Open {
    width: u32,
}

#[agent(attributes(width))]
impl Open {
    /// Makes it wider.
    #[method]
    fn widen(&mut self, cx: &Context<Self>, by: u32) -> u32 {
        cx.log_info("wider");
        self.width += by;
        self.width
    }

    #[method]
    fn fail(&mut self) -> gleis_agent::Result {
        Err("as it should".into())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_read_and_changed_by_programs() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    for name in ["one", "two"] {
        let run = run_agent(name, Open::default()).scripts(Scripts::new());
        let run = run.function("square", |_: &mut Open, n: i64| n * n);
        run.nameserver(&at[..]).await.unwrap();
    }
    let run = async |args: &[&str]| -> Value {
        let lines = json(&[args, &["--ns", &at[..]]].concat()).await;
        assert_eq!(lines.len(), 1, "{args:?}");
        lines[0].clone()
    };
    let width = json!({"attribute": "width", "value": 7});
    assert_eq!(run(&["attr", "set", "one", "width", "7"]).await, width);
    assert_eq!(run(&["attr", "get", "one", "width"]).await, width);
    assert_eq!(run(&["attr", "list", "one"]).await, width);
    let set = run(&["method", "set", "one", "sqr", "square"]).await;
    assert_eq!(set, json!({"method": "sqr", "function": "square"}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("double.rhai");
    std::fs::write(&file, "|n| n * 2\n").unwrap();
    let set = run(&["method", "set", "one", "double", "--script", file.to_str().unwrap()]).await;
    assert_eq!(set, json!({"method": "double", "version": 1}));
    let source = run(&["method", "source", "one", "double"]).await;
    assert_eq!(source, json!({"method": "double", "source": "|n| n * 2\n"}));
    let methods = json(&["method", "list", "one", "--ns", &at]).await;
    let named: Vec<_> = methods.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["widen", "fail", "double", "sqr"]);
    assert_eq!(methods[0]["docs"], "Makes it wider.");
    let removed = run(&["method", "remove", "one", "double"]).await;
    assert_eq!(removed, json!({"removed": "double"}));
    assert_eq!(run(&["call", "one", "widen", "2"]).await, json!({"answer": 9}));

    assert_eq!(run(&["agent", "stop", "two"]).await, json!({"stopped": "two"}));

    // What went wrong is one JSON value, too, and says what to do next.
    for (args, exit, says, hint) in [
        (&["call", "one", "widn"][..], 1, "has no method", "gleis method list one"),
        (&["call", "one", "widen", "x"], 1, "takes (by: u32)", "gleis method list NAME"),
        (&["call", "one", "fail"], 1, "as it should", "gleis logs one"),
        (&["call", "two", "widen", "1"], 1, "has stopped", "gleis agent info two"),
        (&["attr", "get", "one", "high"], 1, "has no attribute", "gleis attr list one"),
        (&["agent", "info", "three"], 3, "three", "gleis agent list"),
    ] {
        let args = [args, &["--json", "--ns", &at]].concat();
        let (code, out, err) = gleis(&args).await;
        assert_eq!((code, &out[..]), (exit, ""), "{args:?}: {err}");
        let error: Value = serde_json::from_str(&err).unwrap();
        assert!(error["error"].as_str().unwrap().contains(says), "{err}");
        assert_eq!((&error["hint"], &error["exit"]), (&json!(hint), &json!(exit)));
    }
    assert_eq!(run(&["agent", "kill", "two"]).await, json!({"killed": "two"}));
    assert_eq!(run(&["agent", "shutdown", "one"]).await, json!({"down": "one"}));
    assert!(json(&["agent", "list", "--ns", &at]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_and_the_manual_are_there_for_programs() {
    let mut hub = Running::new(&["hub", "run"]);
    let addresses = hub.next().await;
    let at = |name: &str| addresses[name].as_str().unwrap().to_owned();
    let mut tail = Running::new(&["hub", "tail", "--broadcast", &at("broadcast"), "--count", "1"]);
    // The tail may not be there for the first of them.
    let (receive, message) = (at("receive"), "{\"type\": \"a\"}");
    let send = ["hub", "send", "--receive", &receive, message];
    let heard = tokio::select! {
        heard = tail.next() => heard,
        () = async {
            loop {
                assert!(json(&send).await.is_empty());
            }
        } => unreachable!(),
    };
    assert_eq!(heard, json!({"type": "a"}));
    assert_eq!(tail.ended().await, 0);
    assert_eq!(hub.interrupt().await, 0);

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("man");
    let told = json(&["man", folder.to_str().unwrap()]).await;
    assert_eq!(told[0]["folder"], folder.to_str().unwrap());
    assert!(COMMANDS.len() as u64 <= told[0]["pages"].as_u64().unwrap() + 5, "{told:?}");
}
