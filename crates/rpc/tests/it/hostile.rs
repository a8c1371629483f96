//! What is no message, and those who are gone: a clear error to the right party, and everybody else is
//! served on.

use std::time::Duration;

use bytes::Bytes;
use gleis_core::Value;
use gleis_patterns::{Replier, Requester};
use gleis_rpc::{Client, Link, Message, RpcError, Server};
use gleis_test::wait::within;

async fn server() -> Server {
    let server = Server::new().expose("ping", [], async |()| Ok::<_, String>("pong!"));
    server.listen("zmq://127.0.0.1:0/rep").await.unwrap()
}

#[tokio::test]
async fn a10_a_malformed_message_is_answered_with_an_error_and_the_server_goes_on() {
    let server = server().await;
    let endpoint = server.url().endpoint;
    let stranger = Requester::<Bytes, Bytes>::connect(endpoint).await.unwrap();
    for (text, says) in [
        ("", "invalid message"),
        ("nonsense", "invalid message"),
        ("[]", "invalid message"),
        (r#"{"meta":{"path":"a..b"}}"#, "invalid message"),
        (r#"{"meta":{"id":"A","path":"comm.call"},"data":3}"#, "not exposed"),
        (
            r#"{"meta":{"id":"A","path":"comm.call.widgets.x.y.z"},"data":"ping"}"#,
            "Widget instance not found on server",
        ),
    ] {
        let answer = within(stranger.request(Bytes::from(text))).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["meta"]["error"].as_str().unwrap().contains(says), "{text}: {answer}");
    }
    // Neither a function nor a widget stands there.
    for below in ["x", "widgets", "widgets.x", "widgets.a.b.c.d"] {
        let path = format!("comm.call.{below}");
        let text = serde_json::json!({"meta": {"path": path}, "data": "ping"}).to_string();
        let answer = within(stranger.request(Bytes::from(text))).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["meta"]["error"].is_string(), "{below}: {answer}");
    }
    // Without a path, or without meta, nobody is meant.
    for text in ["{}", r#"{"data":"ping"}"#] {
        let answer = within(stranger.request(Bytes::from(text))).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["data"].is_null() && answer["meta"].get("error").is_none(), "{answer}");
    }
    let client = Client::connect(server.url().twin()).await.unwrap();
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
}

#[tokio::test]
async fn a10_a_server_that_dies_during_a_call_is_an_error_of_that_call() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    link.on("receive", move |received| {
        let tell = tell.clone();
        async move { tell.send(received).await.unwrap() }
    })
    .keep();
    let client = Link::connect(link.url("main").unwrap().twin()).await.unwrap();
    let asking = tokio::spawn(async move { client.send_and_wait("a", Message::new(1i64)).await });
    let received = within(told.recv()).await.unwrap();
    drop(link);
    let error = within(asking).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. }), "{error}");
    drop(received);
}

#[tokio::test]
async fn an_answer_that_is_no_message_is_an_error_of_the_call() {
    let replier = Replier::<Bytes, Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
    let url = format!("{}/req", replier.endpoint().to_string().replace("tcp", "zmq"));
    let serving = tokio::spawn(async move {
        for text in ["nonsense", "{}", "{}"] {
            let (_, reply) = replier.recv().await.unwrap();
            reply.send(Bytes::from(text)).await.unwrap();
        }
        replier.close().await;
    });
    let client = Client::connect(url).await.unwrap();
    let error = within(client.call::<Value>("x", ())).await.unwrap_err();
    assert!(matches!(error, RpcError::Message(_)), "{error}");
    assert_eq!(within(client.call::<Value>("x", ())).await.unwrap(), Value::Null);
    within(serving).await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_an_error_in_time() {
    let gone = server().await;
    let url = gone.url().twin();
    drop(gone);
    let client = Client::connect(url).await.unwrap().within(Duration::from_millis(50));
    let error = within(client.call::<Value>("ping", ())).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. } | RpcError::Unreachable { .. }), "{error}");
}
