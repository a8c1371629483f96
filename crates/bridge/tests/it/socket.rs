//! WebSocket, both ways.

use futures::{SinkExt, StreamExt};
use gleis_bridge::{Bridge, BridgeLimits};
use gleis_broker::MessageServer;
use gleis_test::wait::within;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{World, text};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(world: &World, query: &str) -> Socket {
    let url = format!("ws://{}/ws{query}", world.bridge.local_addr());
    within(connect_async(url)).await.unwrap().0
}

async fn next(socket: &mut Socket) -> String {
    loop {
        match within(socket.next()).await.expect("open").unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => (),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn texts_go_both_ways_as_they_are() {
    let world = World::new().await;
    let mut socket = open(&world, "").await;
    // It is a waiter before it gets anything.
    world.send([1], 1).await;
    assert_eq!(next(&mut socket).await, text(1));
    socket.send(Message::text("{\"type\":  \"ready\"}")).await.unwrap();
    assert_eq!(within(world.application.recv()).await.unwrap().text(), "{\"type\":  \"ready\"}");
    // The bridge is one application for all its pages.
    assert_eq!(next(&mut socket).await, "{\"type\":  \"ready\"}");
    socket.send(Message::text("nonsense")).await.unwrap();
    let error: Value = serde_json::from_str(&next(&mut socket).await).unwrap();
    assert!(error["error"].as_str().unwrap().contains("invalid"), "{error}");
}

#[tokio::test]
async fn whoever_has_a_cursor_gets_what_is_behind_it_with_cursors() {
    let world = World::new().await;
    let start = world.http().get("/messages").await.json()["cursor"].as_str().unwrap().to_owned();
    world.send(1..=50, 50).await;
    let mut at = start;
    for n in 1..=50 {
        let mut socket = open(&world, &format!("?after={at}&format=json")).await;
        let message: Value = serde_json::from_str(&next(&mut socket).await).unwrap();
        assert_eq!(message["message"], json!({"type": "n", "n": n}));
        at = message["cursor"].as_str().unwrap().to_owned();
    }
    let mut socket = open(&world, "?after=1:1").await;
    let gap: Value = serde_json::from_str(&next(&mut socket).await).unwrap();
    assert_eq!(gap, json!({"gap": {"missed": null}}));
}

#[tokio::test]
async fn a_flood_and_what_is_too_long_end_the_connection_and_nobody_elses() {
    let mut limits = BridgeLimits::default();
    (limits.rate, limits.body) = (20, 1_000);
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).await.unwrap();
    let world = World::with(hub, bridge).await;
    let mut honest = open(&world, "").await;
    for say in [Message::text("x".repeat(2_000)), Message::binary(b"x".to_vec())] {
        let mut socket = open(&world, "").await;
        socket.send(say).await.unwrap();
        ended(&mut socket).await;
    }
    let mut flood = open(&world, "").await;
    let flooding = async {
        loop {
            if flood.send(Message::text("{\"type\":\"flood\"}")).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(flooding).await;
    world.application.send_message(&json!({"type": "honest"})).await.unwrap();
    while next(&mut honest).await != "{\"type\":\"honest\"}" {}
}

/// Waits until the other side ends it.
async fn ended(socket: &mut Socket) {
    loop {
        match within(socket.next()).await {
            None | Some(Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))) => return,
            Some(_) => (),
        }
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_gets_no_socket() {
    let world = World::new().await;
    let headers = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", "http://evil.example"),
    ];
    let http = world.http();
    let head = http.head("GET", "/ws", &headers);
    assert_eq!(
        http.raw(head.replace("Upgrade\r\n", "Upgrade, close\r\n").as_bytes()).await.status,
        403
    );
}
