//! Foreign REQ sockets that call a server, in the JSON that Python's xbahn writes.

use bytes::Bytes;
use gleis_rpc::{Link, Server};
use serde_json::{Value, json};

use crate::foreign::{Engine, Foreign};
use crate::outcome::{Outcome, same};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let scenario = |engine: Engine| {
        let name = engine.name();
        Scenario::new(format!("REQ of {name} calls a server in the JSON of xbahn"), move || {
            calls(engine)
        })
    };
    Engine::ALL.map(scenario).into()
}

async fn calls(engine: Engine) -> Outcome {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await?;
    let server = Server::new()
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"))
        .on(link);
    let mut req = Foreign::at(engine, "REQ", &server.url().endpoint.to_string()).await?;
    let call = |id: &str, method: &str, args: Value, kwargs: Value| {
        let meta = json!({"id": id, "path": "comm.call", "client": null});
        json!({"meta": meta, "data": method, "args": args, "kwargs": kwargs})
    };
    for (asked, data, error) in [
        (call("A", "obtain_client_id", json!([]), json!({})), json!("$"), None),
        (call("B", "multiply", json!([7, 6]), json!({})), json!(42), None),
        (call("C", "multiply", json!([7]), json!({"b": 6})), json!(42), None),
        (call("D", "fail", json!([]), json!({})), json!(null), Some("Abandon ship!")),
        (
            call("E", "nothing", json!([]), json!({})),
            json!(null),
            Some("action 'nothing' not exposed on API (Server)"),
        ),
    ] {
        req.send(&[vec![Bytes::from(asked.to_string())]]).await?;
        let answer = req.recv(1).await?.concat().concat();
        let answer: Value = serde_json::from_slice(&answer)?;
        same(&answer["data"], &data)?;
        same(&answer["meta"]["response_id"], &asked["meta"]["id"])?;
        same(answer["meta"]["error"].as_str(), error)?;
    }
    // What nobody answers gets the null answer; what is no message an error.
    for (text, error) in [
        (json!({"meta": {"id": "F", "path": "nowhere"}, "data": 1}).to_string(), false),
        ("nonsense".to_owned(), true),
    ] {
        req.send(&[vec![Bytes::from(text)]]).await?;
        let answer: Value = serde_json::from_slice(&req.recv(1).await?.concat().concat())?;
        same(answer["meta"]["error"].is_string(), error)?;
        same(&answer["data"], &Value::Null)?;
    }
    Ok(())
}
