//! What Python's xbahn was recorded to say, said to a server: it answers as xbahn does.

use bytes::Bytes;
use gleis_patterns::Requester;
use gleis_rpc::{Link, Message, Server, ServerBuilder};
use gleis_test::wait::within;
use serde_json::Value;

const RECORDED: &str = include_str!("../../../../docs/wire-xbahn.md");

/// The requests of a section and their answers, where they begin with `req`.
#[track_caller]
fn section(title: &str) -> Vec<(&'static str, Value)> {
    let head = format!("\n## {title}\n");
    let (_, text) = RECORDED.split_once(&head).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let marked = |mark| text.lines().filter_map(move |it| it.strip_prefix(mark));
    let answers = marked("req < ").map(|it| serde_json::from_str(it).unwrap());
    let pairs: Vec<_> = marked("req > ").zip(answers).collect();
    assert!(!pairs.is_empty(), "{title}");
    pairs
}

/// Asks as xbahn did; ids of answers are their own, and a key is not told to those who may not have it.
async fn check(link: &Link, talk: &[(&str, Value)]) {
    let endpoint = link.url("main").unwrap().endpoint;
    let asker = Requester::<Bytes, Bytes>::connect(endpoint).await.unwrap();
    for (request, recorded) in talk {
        let answer = within(asker.request(Bytes::copy_from_slice(request.as_bytes()))).await;
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        let said = [answer, recorded.clone()].map(|mut it| {
            let meta = it["meta"].as_object_mut().unwrap();
            assert!(meta.remove("id").is_some_and(|it| it.is_string()));
            meta.remove("auth");
            it
        });
        assert_eq!(said[0], said[1], "{request}");
    }
}

async fn server(builder: ServerBuilder) -> Server {
    let builder = builder
        .name("Plain")
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"));
    builder.listen("zmq://127.0.0.1:0/rep").await.unwrap()
}

#[tokio::test]
async fn recorded_messages_are_answered_as_by_xbahn() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let _answering = link.on("receive_ask", async |it| {
        let text = format!("Message '{}' received!", it.message.data.as_str().unwrap());
        it.respond(Message::new(text)).await.unwrap();
    });
    check(&link, &section("Messages")).await;
}

#[tokio::test]
async fn recorded_calls_are_answered_as_by_xbahn() {
    let server = server(Server::new()).await;
    // A method of any arguments is none of ours, and Python has its own words for missing ones.
    let is_ours = |(_, answer): &(&str, Value)| {
        let error = answer["meta"]["error"].as_str().unwrap_or_default();
        !answer["data"].is_array() && !error.contains("missing 1 required")
    };
    let talk: Vec<_> = section("Calls").into_iter().filter(is_ours).collect();
    assert_eq!(talk.len(), section("Calls").len() - 2);
    check(server.link(), &talk).await;
}

#[tokio::test]
async fn recorded_keys_are_answered_as_by_xbahn() {
    let server = server(Server::new().key("open sesame")).await;
    check(server.link(), &section("Keys")).await;
}
