//! Commands for `engineer`, as its programs ask for them.

use std::collections::BTreeMap;

use gleis_core::Value;
use gleis_rpc::{Client, Command, CommandArgs, RemoteWidget, Server};
use gleis_test::wait::within;

async fn engineer() -> (Server, RemoteWidget) {
    let server = Server::new()
        .command("status", Command::new(), async |_| Ok::<_, String>("ok"))
        .command(
            "do_something",
            Command::new().description("Do the task specified in [WHAT]").argument("what"),
            async |args: CommandArgs| {
                let what = args["what"].as_str().unwrap_or_default().to_owned();
                if what == "nothing" { Err("nothing to do") } else { Ok(format!("did {what}")) }
            },
        )
        .command(
            "show",
            Command::new().flag("--extra/--no-extra", "include extra info"),
            async |args: CommandArgs| {
                let mut shown = vec!["Basic"];
                shown.extend((args["extra"] == Value::from(true)).then_some("Extra!!"));
                Ok::<_, String>(shown)
            },
        )
        .listen("zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    let client = Client::connect(server.url().twin()).await.unwrap();
    let widget = within(client.attach("engineer", "engineer").into_future()).await.unwrap();
    (server, widget)
}

#[tokio::test]
async fn a9_commands_are_listed_described_and_run() {
    let (_server, engineer) = engineer().await;
    let names = within(engineer.call::<Vec<String>>("engineer_list_commands", ())).await.unwrap();
    assert_eq!(names, ["do_something", "show", "status"]);
    let info = within(engineer.call::<Command>("engineer_info", ("do_something",))).await.unwrap();
    assert_eq!(info.description.as_deref(), Some("Do the task specified in [WHAT]"));
    assert_eq!(info.arguments[0].name(), "what");
    let all = engineer.call::<BTreeMap<String, Command>>("engineer_describe", ());
    let all = within(all).await.unwrap();
    assert_eq!(all["do_something"], info);
    assert!(all["show"].options[0].is_flag());
    let did = engineer.call::<String>("do_something", ("say hello",));
    assert_eq!(within(did).await.unwrap(), "did say hello");
    assert_eq!(within(engineer.call::<Vec<String>>("show", ())).await.unwrap(), ["Basic"]);
    assert_eq!(within(engineer.call::<String>("status", ())).await.unwrap(), "ok");
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let (_server, engineer) = engineer().await;
    let says = async |method: &str, args: Vec<&str>| {
        within(engineer.call::<Value>(method, args)).await.unwrap_err().to_string()
    };
    assert_eq!(says("engineer_info", vec!["x"]).await, "Engineer action not found: x");
    assert_eq!(says("x", vec![]).await, "action 'x' not exposed on API (Server)");
    assert_eq!(says("do_something", vec![]).await, "do_something lacks the argument 'what'");
    let error = says("do_something", vec!["a", "b"]).await;
    assert_eq!(error, "do_something takes 1 arguments and got 2");
    assert_eq!(says("do_something", vec!["nothing"]).await, "nothing to do");
}
