//! Servers and clients of the original xbahn against ours: calls one way and both ways, widgets, and commands.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gleis_rpc::{
    Client, Command as Declared, CommandArgs, RpcError, Server, ServerBuilder, Value, Widget,
    WidgetRef,
};
use serde_json::{Value as Json, json};
use tokio::task::spawn_blocking;

use crate::outcome::{Failure, Outcome, same, soon};
use crate::program::{Origin, Program, python};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("a client of xbahn calls our server", calls_us),
        Scenario::new("our client calls a server of xbahn", calls_them),
        Scenario::new("our server calls a client of xbahn back", calls_back),
        Scenario::new("a server of xbahn calls our client back", is_called_back),
        Scenario::new("widgets of xbahn's clients on our unaware server are shared", shared_here),
        Scenario::new("our widgets on an unaware server of xbahn are shared", shared_there),
        Scenario::new("a widget of xbahn on our aware server is poked and slaps", poked_here),
        Scenario::new("our widget on an aware server of xbahn pokes and is slapped", poked_there),
        Scenario::new("the engineer of xbahn runs commands of our server", their_engineer),
        Scenario::new("our engineer runs commands of a server of xbahn", our_engineer),
    ]
}

fn methods() -> ServerBuilder {
    Server::new()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"))
}

async fn listening(server: ServerBuilder) -> Outcome<(Server, String)> {
    let server = server.listen("zmq://127.0.0.1:0/rep").await?;
    let at = server.url().twin().to_string();
    Ok((server, at))
}

/// A server of xbahn, and where it is.
async fn served(kind: &str) -> Outcome<(Program, String)> {
    let mut xbahn = Program::start(Origin::Xbahn)?;
    let at = xbahn.order(json!({"do": "serve", "kind": kind})).await?["at"].clone();
    let at = at.as_str().ok_or_else(|| Failure::new("no URL"))?.to_owned();
    Ok((xbahn, at))
}

fn call(method: &str, args: Json) -> Json {
    json!({"do": "call", "method": method, "args": args})
}

async fn calls_us() -> Outcome {
    let (_server, at) = listening(methods()).await?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "attach", "at": at})).await?;
    same(&xbahn.order(call("ping", json!([]))).await?["data"], "pong!")?;
    same(&xbahn.order(call("multiply", json!([7, 6]))).await?["data"], 42)?;
    let nothing = xbahn.failure(call("nothing", json!([]))).await?;
    same(nothing, "action 'nothing' not exposed on API (Server)")?;
    same(xbahn.failure(call("fail", json!([]))).await?, "Abandon ship!")?;
    xbahn.close().await
}

async fn calls_them() -> Outcome {
    let (xbahn, at) = served("plain").await?;
    let client = Client::connect(at).await?;
    same(soon(client.call::<String>("ping", ())).await??, "pong!".to_owned())?;
    same(soon(client.call::<i64>("multiply", (7, 6))).await??, 42)?;
    for (method, says) in
        [("fail", "Abandon ship!"), ("nothing", "action 'nothing' not exposed on API (Plain)")]
    {
        match soon(client.call::<Value>(method, ())).await? {
            Err(RpcError::Remote { text }) => same(text, says)?,
            other => return Err(Failure::new(format!("{method}: {other:?}"))),
        }
    }
    xbahn.close().await
}

async fn calls_back() -> Outcome {
    let builder = methods().on_new_client(async |client| {
        // What goes wrong is seen by the client.
        let _ = client.call::<bool>("touch", ("hello",)).await;
    });
    let (server, at) = listening(builder).await?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    let id = xbahn.order(json!({"do": "attach", "at": at, "two_way": true})).await?["data"].clone();
    same(&xbahn.order(json!({"do": "touched"})).await?["data"], &Json::Null)?;
    same(&xbahn.order(call("ping", json!([]))).await?["data"], "pong!")?;
    // It was called before its own call returned.
    same(&xbahn.order(json!({"do": "touched"})).await?["data"], "hello")?;
    let client = server.client(id.as_str().unwrap_or_default());
    let client = client.ok_or_else(|| Failure::new("the client is unknown"))?;
    same(soon(client.call::<bool>("touch", ("again",))).await??, true)?;
    same(&xbahn.order(json!({"do": "touched"})).await?["data"], "again")?;
    xbahn.close().await
}

async fn is_called_back() -> Outcome {
    let (mut xbahn, at) = served("aware").await?;
    let touched = Arc::new(AtomicBool::new(false));
    let touch = touched.clone();
    let client = Client::new().expose("touch", ["how"], move |(_,): (String,)| {
        touch.store(true, Ordering::SeqCst);
        async { Ok::<_, String>(true) }
    });
    let client = client.connect_with_responder(at, "zmq://127.0.0.1:0/rep").await?;
    same(soon(client.call::<String>("ping", ())).await??, "pong!".to_owned())?;
    same(&xbahn.order(json!({"do": "clients"})).await?["data"], &json!([true]))?;
    same(touched.swap(false, Ordering::SeqCst), true)?;
    // Also while a call of its own is under way.
    soon(client.call::<Value>("touch_all", ())).await??;
    same(touched.load(Ordering::SeqCst), true)?;
    xbahn.close().await
}

/// Keeps a number, and whether it was poked.
fn demo() -> Widget<(i64, bool)> {
    type Demo = WidgetRef<(i64, bool)>;
    Widget::new(|init| (init.get("num").unwrap_or(0), false))
        .expose("set_number", ["num"], async |it: Demo, (num,): (i64,)| {
            it.lock().0 = num;
            Ok::<_, String>(())
        })
        .expose("get_number", [], async |it: Demo, ()| Ok::<_, String>(it.lock().0))
        .expose("poked", [], async |it: Demo, ()| Ok::<_, String>(it.lock().1))
        .expose("poke", [], async |it: Demo, ()| {
            it.lock().1 = true;
            it.call::<Value>("slap", ()).await.map(drop)
        })
}

fn of_widget(id: &str, method: &str, args: Json) -> Json {
    json!({"do": "widget_call", "id": id, "method": method, "args": args})
}

async fn shared_here() -> Outcome {
    let (server, at) = listening(methods().widget("demo", demo())).await?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "attach", "at": at})).await?;
    xbahn.order(json!({"do": "widget", "id": "a", "kwargs": {"num": 7}})).await?;
    xbahn.order(json!({"do": "widget", "id": "b"})).await?;
    same(&xbahn.order(of_widget("a", "get_number", json!([]))).await?["data"], 7)?;
    xbahn.order(of_widget("a", "set_number", json!([123]))).await?;
    same(&xbahn.order(of_widget("b", "get_number", json!([]))).await?["data"], 0)?;
    let ours = Client::connect(server.url().twin()).await?;
    let a = soon(ours.attach("demo", "a").into_future()).await??;
    same(soon(a.call::<i64>("get_number", ())).await??, 123)?;
    // What the server has lost, xbahn's client attaches again.
    soon(a.detach()).await??;
    same(&xbahn.order(of_widget("a", "get_number", json!([]))).await?["data"], 7)?;
    xbahn.close().await
}

async fn shared_there() -> Outcome {
    let (xbahn, at) = served("plain").await?;
    let client = Client::connect(at).await?;
    let a = soon(client.attach("demo", "a").kwarg("num", 7).into_future()).await??;
    same(soon(a.call::<i64>("get_number", ())).await??, 7)?;
    soon(a.call::<Value>("set_number", (123,))).await??;
    let again = soon(client.attach("demo", "a").into_future()).await??;
    same(soon(again.call::<i64>("get_number", ())).await??, 123)?;
    xbahn.close().await
}

async fn poked_here() -> Outcome {
    let (server, at) = listening(methods().aware().widget("demo", demo())).await?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "attach", "at": at, "two_way": true})).await?;
    xbahn.order(json!({"do": "widget", "id": "a"})).await?;
    xbahn.order(of_widget("a", "poke", json!([]))).await?;
    same(&xbahn.order(of_widget("a", "slapped", json!([]))).await?["data"], true)?;
    same(&xbahn.order(of_widget("a", "poked", json!([]))).await?["data"], true)?;
    same(server.widgets::<(i64, bool)>("demo").members.len(), 1)?;
    xbahn.close().await
}

async fn poked_there() -> Outcome {
    let (xbahn, at) = served("aware").await?;
    let slapped = Widget::new(|_| false).expose("slap", [], async |it: WidgetRef<bool>, ()| {
        *it.lock() = true;
        Ok::<_, String>(())
    });
    let client = Client::new().widget("demo", slapped);
    let client = client.connect_with_responder(at, "zmq://127.0.0.1:0/rep").await?;
    let a = soon(client.attach("demo", "a").into_future()).await??;
    soon(a.call::<Value>("poke", ())).await??;
    same(a.local::<bool>().is_some_and(|it| *it.lock()), true)?;
    same(soon(a.call::<bool>("poked", ())).await??, true)?;
    xbahn.close().await
}

async fn their_engineer() -> Outcome {
    let server = methods()
        .command("status", Declared::new(), async |_| Ok::<_, String>("ok"))
        .command(
            "do_something",
            Declared::new().description("Do the task specified in [WHAT]").argument("what"),
            async |args: CommandArgs| {
                Ok::<_, String>(format!("did {}", args["what"].as_str().unwrap_or_default()))
            },
        )
        .command(
            "show",
            Declared::new().flag("--extra/--no-extra", "include extra info"),
            async |args: CommandArgs| Ok::<_, String>(args["extra"].as_bool() == Some(true)),
        );
    let (_server, at) = listening(server).await?;
    let engineer = python()?.with_file_name("engineer");
    let help = printed(&engineer, &[&at, "--help"]).await?;
    for line in ["  do_something  Do the task specified in [WHAT]", "  show", "  status"] {
        same(help.lines().any(|it| it.trim_end() == line), true)?;
    }
    for (args, result) in [
        (&["status"][..], "status> ok"),
        (&["do_something", "say hello"], "do_something> did say hello"),
        (&["show", "--extra"], "show> True"),
        (&["show"], "show> False"),
    ] {
        let said = printed(&engineer, &[&[&at[..]], args].concat()).await?;
        same(said, format!("{at}: {result}\n"))?;
    }
    Ok(())
}

async fn our_engineer() -> Outcome {
    let (xbahn, at) = served("plain").await?;
    let engineer = std::env::var_os("GLEIS_INTEROP_ENGINEER");
    let engineer = engineer.ok_or_else(|| Failure::new("GLEIS_INTEROP_ENGINEER is not set"))?;
    let engineer = PathBuf::from(engineer);
    let help = printed(&engineer, &[&at, "--help"]).await?;
    for line in ["  do_something  Do the task specified in [WHAT]", "  show", "  status"] {
        same(help.lines().any(|it| it == line), true)?;
    }
    for (args, result) in [
        (&["status"][..], "status> ok"),
        (&["do_something", "say hello"], "do_something> did say hello"),
        (&["show"], r#"show> ["Basic"]"#),
        (&["show", "--extra"], r#"show> ["Basic","Extra!!"]"#),
    ] {
        let said = printed(&engineer, &[&[&at[..]], args].concat()).await?;
        same(said, format!("{at}: {result}\n"))?;
    }
    xbahn.close().await
}

/// What a program prints that ends well.
async fn printed(program: &std::path::Path, args: &[&str]) -> Outcome<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    let output = spawn_blocking(move || command.output()).await??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(format!("{args:?}: {}: {said}", output.status)));
    }
    Ok(String::from_utf8(output.stdout)?)
}
