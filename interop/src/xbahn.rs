//! The real xbahn of Python calls a server, and is called by a client.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use gleis_rpc::{Client, RpcError, Server};
use tokio::task::spawn_blocking;

use crate::outcome::{Failure, Outcome, same, soon};
use crate::runner::Scenario;

const SCRIPT: &str = include_str!("xbahn.py");

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("a client of xbahn calls our server".to_owned(), calls_us),
        Scenario::new("our client calls a server of xbahn".to_owned(), calls_them),
    ]
}

fn python(part: &str, url: &str) -> Outcome<Command> {
    let python = std::env::var("GLEIS_INTEROP_PYTHON")?;
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT, part, url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

async fn calls_us() -> Outcome {
    let server = Server::new()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"))
        .listen("zmq://127.0.0.1:0/rep")
        .await?;
    let mut client = python("client", &server.url().twin().to_string())?;
    let output = spawn_blocking(move || client.output()).await??;
    let said = String::from_utf8(output.stdout)?;
    let expected = "pong!\n42\n42\naction 'nothing' not exposed on API (Server)\nAbandon ship!\n";
    same(&said[..], expected)
}

async fn calls_them() -> Outcome {
    let mut server = python("server", "zmq://127.0.0.1:0/rep")?.spawn()?;
    let stdout = server.stdout.take().ok_or_else(|| Failure::new("no output"))?;
    let line = spawn_blocking(move || BufReader::new(stdout).lines().next()).await?;
    let at = line.ok_or_else(|| Failure::new("the server of xbahn ended"))??;
    let client = Client::connect(format!("{}/req", at.replace("tcp://", "zmq://"))).await?;
    let called = async {
        same(soon(client.call::<String>("ping", ())).await??, "pong!".to_owned())?;
        same(soon(client.call::<i64>("multiply", (7, 6))).await??, 42)?;
        for (method, text) in
            [("fail", "Abandon ship!"), ("nothing", "action 'nothing' not exposed on API (Server)")]
        {
            match soon(client.call::<gleis_rpc::Value>(method, ())).await? {
                Err(RpcError::Remote { text: said }) => same(&said[..], text)?,
                other => return Err(Failure::new(format!("{method}: {other:?}"))),
            }
        }
        Ok(())
    };
    let called = called.await;
    // Its input ends, and with it the server.
    drop(server.stdin.take());
    spawn_blocking(move || server.wait()).await??;
    called
}
