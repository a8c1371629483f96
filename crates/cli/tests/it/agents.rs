//! `gleis agent` and `gleis call`

use gleis_agent::{Context, Kind, Result, Scripts, agent, run_agent, run_nameserver};
use serde_json::json;

use crate::{Running, gleis};

struct Calculator;

#[agent]
impl Calculator {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "main").await?;
        Ok(())
    }

    #[method]
    async fn mul(&mut self, _: &Context<Self>, a: i64, b: i64) -> i64 {
        a * b
    }

    #[method]
    async fn greet(&mut self, _: &Context<Self>, name: String) -> String {
        format!("hello {name}")
    }

    #[method]
    async fn fail(&mut self, _: &Context<Self>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_listed_looked_at_called_and_ended() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let agent = run_agent("calc", Calculator).nameserver(&at[..]).await.unwrap();
    let ns_args = ["--ns", &at[..]];
    let all = crate::json(&[&["agent", "list"], &ns_args[..]].concat()).await;
    let idle = json!({"condition": "idle", "queued": 0});
    assert_eq!(all, [json!({"name": "calc", "state": "running", "status": idle})]);
    let info = crate::json(&[&["agent", "info", "calc"], &ns_args[..]].concat()).await;
    assert_eq!(
        (&info[0]["state"], &info[0]["sockets"][0]["alias"]),
        (&"running".into(), &"main".into())
    );

    for (args, out) in [
        (&["mul", "6", "7"][..], "42\n"),
        (&["mul", "-6", "7"], "-42\n"),
        (&["greet", "Bob"], "hello Bob\n"),
        (&["greet", "\"42\""], "hello 42\n"),
        (&["greet", "--", "--json"], "hello --json\n"),
    ] {
        let args = [&["call", "calc"], args].concat();
        // The name server comes from the environment, or before the arguments.
        let args = [&["call", "--ns", &at[..]], &args[1..]].concat();
        let (exit, said, err) = gleis(&args).await;
        assert_eq!((exit, &said[..]), (0, out), "{args:?}: {err}");
    }
    for (args, exit, says) in [
        (&["calc", "mull", "1"][..], 1, "has no method `mull`"),
        (&["calc", "mul", "1"], 1, "`mul` takes"),
        (&["calc", "fail"], 1, "failed"),
        (&["clac", "mul"], 3, "try: gleis agent list"),
        (&["calc", "greet", "-x"], 2, "use '-- -x'"),
    ] {
        let (code, _, err) = gleis(&[&["call", "--ns", &at[..]], args].concat()).await;
        assert_eq!(code, exit, "{err}");
        assert!(err.contains(says), "{err}");
    }

    // By HTTP, too.
    let mut bridge = Running::new(&["bridge", "run", "--ns", &at]);
    bridge.next().await;
    let url = bridge.field("url").await;
    for (path, body, expected) in [
        ("/call/calc/mul", "[6, 7]", "{\"result\":42}"),
        ("/call/calc/mul", "[6]", "`mul` takes"),
        ("/call/clac/mul", "[6, 7]", "HTTP/1.1 404"),
        ("/call/calc/mul", "{\"b\": 6, \"a\": 7}", "{\"result\":42}"),
        ("/call/calc/mul", "{\"a\": 6}", "the argument b is missing"),
        ("/call/calc/mull", "{\"a\": 6}", "HTTP/1.1 404"),
    ] {
        let answer = crate::hub::ask(&url, "POST", path, body).await;
        assert!(answer.contains(expected), "{answer}");
    }
    assert_eq!(bridge.interrupt().await, 0);

    let (exit, out, err) = gleis(&[&["agent", "shutdown", "calc"], &ns_args[..]].concat()).await;
    assert_eq!((exit, &out[..]), (0, "calc is down\n"), "{err}");
    let (_, out, _) = gleis(&[&["agent", "list"], &ns_args[..]].concat()).await;
    assert_eq!(out, "there is no agent\n");
    drop(agent);
}

/// Shows two things, and may be given a function.
#[derive(Default)]
struct Open {
    width: u32,
}

#[agent(attributes(width))]
impl Open {
    /// Makes it wider.
    #[method]
    fn widen(&mut self, by: u32) -> u32 {
        self.width += by;
        self.width
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_are_defined_shown_and_removed() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let takes = Scripts::new().attributes().key("secret");
    let open = run_agent("open", Open::default()).scripts(takes).nameserver(&at[..]);
    let _open = open.await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("double.rhai");
    std::fs::write(&file, "|n| n * 2\n").unwrap();
    let (file, ns_args) = (file.to_str().unwrap(), ["--ns", &at[..]]);
    let run = async |args: &[&str]| gleis(&[args, &ns_args].concat()).await;

    let set = ["method", "set", "open", "double", "--script", file];
    let (exit, _, err) = run(&set).await;
    assert_eq!(exit, 1);
    assert!(err.contains("by those who have the key"), "{err}");
    let key = ["--script-key", "secret"];
    let defined = crate::json(&[&set, &key[..], &ns_args].concat()).await;
    assert_eq!(defined, [json!({"method": "double", "version": 1})]);
    assert_eq!(gleis(&["call", "--ns", &at, "open", "double", "21"]).await.1, "42\n");
    assert!(run(&["method", "list", "open"]).await.1.ends_with("double(n)\n"));
    assert_eq!(run(&["method", "source", "open", "double"]).await.1, "|n| n * 2\n");
    let remove = ["method", "remove", "open", "double", "--script-key", "secret"];
    assert_eq!(run(&remove).await.1, "double is removed\n");
    let (exit, _, err) = run(&remove).await;
    assert_eq!(exit, 1);
    assert!(err.contains("open has no script double"), "{err}");
    for args in [
        &["method", "set", "open", "double"][..],
        &["method", "set", "open", "double", "function", "--script", file],
        &["method", "set", "open", "double", "--script", "/does/not/exist"],
    ] {
        assert_eq!(run(args).await.0, 2, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_methods_and_timers_are_seen_and_set() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let run = run_agent("open", Open::default()).attribute("color", "red");
    let run = run.function("square", |_: &mut Open, n: i64| n * n);
    let agent = run.nameserver(&at[..]).await.unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    agent.context().timer(|_: &mut Open| ()).alias("tick").after(hour).unwrap();
    let ns_args = ["--ns", &at[..]];
    let run = async |args: &[&str]| gleis(&[args, &ns_args].concat()).await;

    assert_eq!(run(&["attr", "set", "open", "width", "7"]).await.1, "width = 7\n");
    assert_eq!(run(&["attr", "get", "open", "width"]).await.1, "7\n");
    assert_eq!(run(&["attr", "list", "open"]).await.1, "width  7\ncolor  red\n");
    assert_eq!(agent.with(|it, _| it.width).await.unwrap(), 7);
    let (exit, _, err) = run(&["attr", "get", "open", "widht"]).await;
    assert_eq!(exit, 1);
    assert!(err.contains("did you mean `width`?"), "{err}");
    let (exit, _, err) = run(&["attr", "set", "open", "width", "wide"]).await;
    assert_eq!(exit, 1);
    assert!(err.contains("cannot set `width`"), "{err}");

    assert_eq!(run(&["method", "set", "open", "sqr", "square"]).await.1, "sqr is square\n");
    let listed = run(&["method", "list", "open"]).await.1;
    assert_eq!(listed, "widen(by: u32)  Makes it wider.\nsqr(..)\n");
    let called = gleis(&["call", "--ns", &at, "open", "sqr", "7"]).await;
    assert_eq!(called.1, "49\n");

    let info = &crate::json(&[&["agent", "info", "open"], &ns_args[..]].concat()).await[0];
    assert_eq!(info["pid"], json!(std::process::id()));
    assert_eq!(info["attributes"], json!(["width", "color"]));
    assert_eq!(info["timers"][0]["alias"], json!("tick"));
    assert_eq!(info["methods"][0]["docs"], json!("Makes it wider."));
    let text = run(&["agent", "info", "open"]).await.1;
    for line in ["open: running, process ", "  timer tick: once, in ", "  method widen(by: u32)"] {
        assert!(text.contains(line), "{text}");
    }

    assert_eq!(run(&["agent", "stop", "open"]).await.1, "open has stopped\n");
    assert_eq!(run(&["agent", "list"]).await.1, "open  stopped\n");
    assert_eq!(run(&["attr", "get", "open", "width"]).await.1, "7\n");
    assert_eq!(run(&["agent", "kill", "open"]).await.1, "open is killed\n");
    assert_eq!(run(&["agent", "list"]).await.1, "there is no agent\n");
}
