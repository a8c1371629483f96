//! Links of the original xbahn against ours: messages, paths, topics and keys; and whether what was
//! recorded of it is still what it says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use gleis_rpc::{Client, Guard, Link, Message, RpcError, Server, Value};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_blocking;

use crate::outcome::{Failure, Outcome, same, soon};
use crate::program::{Origin, Program, python};
use crate::runner::Scenario;

/// What xbahn said when it was recorded.
const RECORDED: &str = include_str!("../../docs/wire-xbahn.md");
/// Where the programs are.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const KEY: &str = "open sesame";

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = vec![
        Scenario::new("xbahn still says what was recorded of it", recorded),
        Scenario::new("a link of xbahn sends to ours, by path", from_link),
        Scenario::new("our link sends to one of xbahn, by path", to_link),
        Scenario::new("a client of xbahn needs the key of our server", needs_our_key),
        Scenario::new("our client needs the key of a server of xbahn", needs_their_key),
    ];
    for (sender, receiver) in [("push", "pull"), ("pub", "sub")] {
        all.extend([
            Scenario::new(
                format!("{sender} of xbahn to our {receiver}, with a topic"),
                move || topic_from(sender, receiver),
            ),
            Scenario::new(
                format!("our {sender} to {receiver} of xbahn, with a topic"),
                move || topic_to(sender, receiver),
            ),
        ]);
    }
    all
}

async fn recorded() -> Outcome {
    let script = Path::new(FOLDER).join("xbahn_record.py");
    let mut command = Command::new(python()?);
    // Python need not write anything beside the sources.
    command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1").stderr(Stdio::null());
    let output = spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8(output.stdout)?;
    for (said, recorded) in said.lines().zip(RECORDED.lines()) {
        same(said, recorded)?;
    }
    same(said.lines().count(), RECORDED.lines().count())
}

/// What a link heard: the event, the path, the data, and the arguments.
struct Heard {
    _guards: Vec<Guard>,
    events: UnboundedReceiver<Json>,
}

/// The events that are written down on both sides.
const EVENTS: [&str; 4] = ["receive", "receive_address", "receive_address.usa", "receive_person"];

impl Heard {
    fn on(link: &Link, events: &'static [&str]) -> Self {
        let (heard, receiver) = unbounded_channel();
        let guard = |&event: &&'static str| {
            let heard = heard.clone();
            link.on(event, move |it| {
                let Message { args, data, kwargs, .. } = &*it.message;
                // Nobody listens any more when the scenario is over.
                let _ = heard.send(json!([event, it.message.path(), data, args, kwargs]));
                async {}
            })
        };
        Self { _guards: events.iter().map(guard).collect(), events: receiver }
    }

    async fn next(&mut self) -> Outcome<Json> {
        soon(self.events.recv()).await?.ok_or_else(|| Failure::new("the link is gone"))
    }
}

/// Messages of a link, and the events of [`EVENTS`] that they are, in order.
fn messages() -> Vec<(&'static str, Json, Vec<&'static str>)> {
    let usa = json!({"street": ["Another Street", 123, 1.5, null, true]});
    vec![
        ("person", json!("John Smith"), vec!["receive", "receive_person"]),
        ("address", json!("Straße 1"), vec!["receive", "receive_address"]),
        ("address.usa", usa, vec!["receive", "receive_address", "receive_address.usa"]),
        ("addressbook", json!(7), vec!["receive"]),
    ]
}

fn text(value: &Json) -> Outcome<String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("{value} is no text")))
}

fn value(json: &Json) -> Outcome<Value> {
    Ok(serde_json::from_value(json.clone())?)
}

async fn from_link() -> Outcome {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await?;
    let mut heard = Heard::on(&link, &EVENTS);
    let _answers = link.on("receive_ask", async |it| {
        let data = it.message.data.as_str().unwrap_or_default();
        // The other side says what it got.
        let _ = it.respond(Message::new(format!("Message '{data}' received!"))).await;
    });
    let url = link.url("main").ok_or_else(|| Failure::new("no wire"))?.twin();
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "connect", "url": url.to_string()})).await?;
    let asked = json!({
        "do": "ask", "path": "ask", "data": "Test", "args": ["an arg"], "kwargs": {"something": "extra"},
    });
    same(&xbahn.order(asked).await?["data"], "Message 'Test' received!")?;
    let event = json!(["receive", "ask", "Test", ["an arg"], {"something": "extra"}]);
    same(heard.next().await?, event)?;
    // Nobody answers these, and xbahn gets the null answer and goes on.
    for (path, data, events) in messages() {
        xbahn.order(json!({"do": "send", "path": path, "data": data})).await?;
        for event in events {
            same(heard.next().await?, json!([event, path, data, [], {}]))?;
        }
    }
    let answers = xbahn.order(json!({"do": "events", "count": 1 + messages().len()})).await?;
    same(&answers["data"][1], &json!(["receive", "", null, [], {}]))?;
    xbahn.close().await
}

async fn to_link() -> Outcome {
    let mut xbahn = Program::start(Origin::Xbahn)?;
    let order = json!({"do": "listen", "url": "zmq://127.0.0.1:0/rep", "answers": true});
    let link = Link::connect(text(&xbahn.order(order).await?["at"])?).await?;
    let message = Message::new("Test").arg("an arg").kwarg("something", "extra");
    let id = message.id().to_owned();
    let answer = soon(link.send_and_wait("ask", message)).await??;
    same(answer.data.as_str(), Some("Message 'Test' received!"))?;
    same((answer.response_id(), answer.path()), (Some(&id[..]), &*format!("xbahn.response.{id}")))?;
    let mut expected = vec![json!(["receive", "ask", "Test", ["an arg"], {"something": "extra"}])];
    for (path, data, events) in messages() {
        let answer = soon(link.send_and_wait(path, Message::new(value(&data)?))).await??;
        same((&answer.data, answer.response_id()), (&Value::Null, None))?;
        expected.extend(events.iter().map(|event| json!([event, path, data, [], {}])));
    }
    let events = xbahn.order(json!({"do": "events", "count": expected.len()})).await?;
    same(&events["data"], &Json::Array(expected))?;
    xbahn.close().await
}

async fn needs_our_key() -> Outcome {
    let server = Server::new()
        .key(KEY)
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .listen("zmq://127.0.0.1:0/rep")
        .await?;
    let at = server.url().twin().to_string();
    for key in [None, Some("open barley")] {
        let mut xbahn = Program::start(Origin::Xbahn)?;
        let why = xbahn.failure(json!({"do": "attach", "at": at, "key": key})).await?;
        same(why, "Authentication failed.")?;
        xbahn.close().await?;
    }
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "attach", "at": at, "key": KEY})).await?;
    let call = json!({"do": "call", "method": "multiply", "args": [7], "kwargs": {"b": 6}});
    same(&xbahn.order(call).await?["data"], 42)?;
    xbahn.close().await
}

async fn needs_their_key() -> Outcome {
    let mut xbahn = Program::start(Origin::Xbahn)?;
    let order = json!({"do": "serve", "kind": "plain", "key": KEY});
    let link = Link::connect(text(&xbahn.order(order).await?["at"])?).await?;
    let with = |key: &str| Client::new().key(key).on(link.clone());
    for client in [Client::on(link.clone()), with("open barley")] {
        match soon(client.call::<Value>("ping", ())).await? {
            Err(RpcError::Remote { text }) => same(text, "Authentication failed.")?,
            other => return Err(Failure::new(format!("{other:?}"))),
        }
    }
    let client = with(KEY);
    same(soon(client.call::<String>("ping", ())).await??, "pong!".to_owned())?;
    let (args, kwargs) = (json!([[1, {"two": 2}], "x"]), json!({"key": null}));
    let named: BTreeMap<String, Value> = serde_json::from_value(kwargs.clone())?;
    let ordered: Vec<Value> = serde_json::from_value(args.clone())?;
    let echo = soon(client.call_named::<Value>("echo", ordered, named)).await??;
    same(serde_json::to_value(echo)?, json!([args, kwargs]))?;
    xbahn.close().await
}

async fn topic_from(sender: &'static str, receiver: &'static str) -> Outcome {
    let link = Link::listen(format!("zmq://127.0.0.1:0/{receiver}/news")).await?;
    let mut heard = Heard::on(&link, &EVENTS);
    let url = link.url("main").ok_or_else(|| Failure::new("no wire"))?.twin();
    same(url.to_string().contains(sender), true)?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "connect", "url": url.to_string()})).await?;
    // A publication is lost until the subscription has arrived.
    let order = json!({"do": "send", "path": "person", "data": {"n": [1]}, "args": [2]});
    let first = async {
        loop {
            xbahn.order(order.clone()).await?;
            if let Ok(event) = tokio::time::timeout(ATTEMPT, heard.next()).await {
                return event;
            }
        }
    };
    let first = soon(first).await??;
    same(first, json!(["receive", "person", {"n": [1]}, [2], {}]))?;
    same(heard.next().await?, json!(["receive_person", "person", {"n": [1]}, [2], {}]))?;
    xbahn.close().await
}

async fn topic_to(sender: &'static str, receiver: &'static str) -> Outcome {
    let link = Link::listen(format!("zmq://127.0.0.1:0/{sender}/news")).await?;
    let url = link.url("main").ok_or_else(|| Failure::new("no wire"))?.twin();
    same(url.to_string().contains(receiver), true)?;
    let mut xbahn = Program::start(Origin::Xbahn)?;
    xbahn.order(json!({"do": "connect", "url": url.to_string()})).await?;
    let received = async {
        loop {
            link.send("person", Message::new(1i64).arg("x")).await?;
            let answer = xbahn.order(json!({"do": "events", "count": 0})).await?;
            if answer["data"][0].is_array() {
                return Outcome::Ok(answer["data"][0].clone());
            }
        }
    };
    same(soon(received).await??, json!(["receive", "person", 1, ["x"], {}]))?;
    xbahn.close().await
}

/// How long one publication may need; only decides how soon the next attempt is made.
const ATTEMPT: std::time::Duration = std::time::Duration::from_millis(20);
