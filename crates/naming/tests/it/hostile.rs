//! Peers that mean harm, or do not know better.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_naming::{Directory, NameServer};
use gleis_transport::{Connection, Inbound, LinkConfig, Message, SocketType, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{client, eventually, name, record, server, tasks_down_to, within};

async fn stranger(at: &Endpoint, kind: SocketType) -> Connection {
    connect(at, &Arc::new(LinkConfig::new(kind))).await.unwrap()
}

/// Sends one message and returns the answer to it.
async fn ask(connection: Connection, message: Message) -> Message {
    let (sender, mut receiver) = connection.split();
    sender.send(message).await.unwrap();
    let mut batch = Vec::new();
    receiver.recv_many(&mut batch).await.unwrap();
    match batch.swap_remove(0) {
        Inbound::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body.to_bytes().unwrap()).into_owned()
}

#[tokio::test]
async fn an_undecodable_request_is_answered_with_what_is_wrong() {
    within(async {
        let server = server(Duration::ZERO).await;
        let head = vec![Bytes::from_static(b"whatever"), Bytes::new()];
        let peer = stranger(server.endpoint(), SocketType::Dealer).await;
        let answer = ask(peer, Message::multipart(head.clone(), "hello?")).await;
        assert_eq!(answer.head.clone().into_vec(), head);
        assert!(text(&answer).contains("cannot decode 6 bytes of msgpack"), "{}", text(&answer));
    })
    .await;
}

#[tokio::test]
async fn a_request_without_envelope_is_answered_too() {
    within(async {
        let server = server(Duration::ZERO).await;
        let peer = stranger(server.endpoint(), SocketType::Dealer).await;
        let answer = ask(peer, Message::single("hello?")).await;
        assert!(text(&answer).contains("no empty frame"), "{}", text(&answer));
    })
    .await;
}

#[tokio::test]
async fn a_foreign_req_socket_may_ask() {
    within(async {
        let server = server(Duration::ZERO).await;
        server.directory().register(&name("Alice"), record(7)).await.unwrap();
        let peer = stranger(server.endpoint(), SocketType::Req).await;
        // {"resolve": {"name": "Alice"}}
        let question = Bytes::from_static(b"\x81\xa7resolve\x81\xa4name\xa5Alice");
        let answer = ask(peer, Message::multipart(vec![Bytes::new()], question)).await;
        assert_eq!(answer.head.clone().into_vec(), [Bytes::new()]);
        assert!(text(&answer).contains("tcp://127.0.0.1:7"), "{}", text(&answer));
    })
    .await;
}

#[tokio::test]
async fn a_bad_name_in_a_request_is_no_name() {
    within(async {
        let server = server(Duration::ZERO).await;
        let peer = stranger(server.endpoint(), SocketType::Dealer).await;
        let question = Bytes::from_static(b"\x81\xa7resolve\x81\xa4name\xa3a/b");
        let head = vec![Bytes::from_static(b"1"), Bytes::new()];
        let answer = ask(peer, Message::multipart(head, question)).await;
        assert!(text(&answer).contains("name contains '/'"), "{}", text(&answer));
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_never_reads_delays_nobody() {
    within(async {
        let server = server(Duration::ZERO).await;
        let alice = client(server.endpoint()).await;
        for port in 1..=100 {
            let entry = record(port).with("text", "x".repeat(1_000));
            alice.register(&name(&format!("n{port}")), entry).await.unwrap();
        }
        let (sender, _receiver) = stranger(server.endpoint(), SocketType::Dealer).await.split();
        let question = Bytes::from_static(b"\x81\xa4list\x81\xa5after\xc0");
        let head = vec![Bytes::from_static(b"1"), Bytes::new()];
        let message = Message::multipart(head, question);
        // Far more answers than all queues between the two can hold.
        let mut asked = 0;
        while asked < 20_000 && sender.try_send(message.clone()).is_ok() {
            asked += 1;
            tokio::task::consume_budget().await;
        }
        for port in 1..=100 {
            assert!(alice.resolve(&name(&format!("n{port}"))).await.is_ok());
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_its_connection_only() {
    within(async {
        let server = server(Duration::ZERO).await;
        let alice = client(server.endpoint()).await;
        let (sender, mut receiver) = stranger(server.endpoint(), SocketType::Dealer).await.split();
        sender.send(Message::single(vec![0; 1 << 20])).await.unwrap();
        assert!(receiver.recv_many(&mut Vec::new()).await.is_err());
        assert!(alice.list().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn strangers_that_speak_another_protocol_leave_nothing() {
    within(async {
        let server = server(Duration::ZERO).await;
        let alice = client(server.endpoint()).await;
        let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let at = server.endpoint().to_string();
        for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4_096], &[0; 64]] {
            let mut stream = TcpStream::connect(at.strip_prefix("tcp://").unwrap()).await.unwrap();
            let _ = stream.write_all(said).await;
            // Until the server hangs up, with or without a word.
            while stream.read(&mut [0; 64]).await.is_ok_and(|it| 0 < it) {}
        }
        assert!(alice.list().await.unwrap().is_empty());
        eventually(|| server.n_clients() == 1).await;
        tasks_down_to(before).await;
    })
    .await;
}

#[tokio::test]
async fn more_clients_than_allowed_are_refused() {
    within(async {
        let limits = gleis_naming::Limits { clients: 2, ..Default::default() };
        let server = NameServer::bind("tcp://127.0.0.1:0").limits(limits).await.unwrap();
        let _first = client(server.endpoint()).await;
        let second = client(server.endpoint()).await;
        let connecting = gleis_naming::NameClient::connect(server.endpoint());
        assert!(connecting.within(Duration::from_millis(200)).await.is_err());
        drop(second);
        client(server.endpoint()).await;
    })
    .await;
}
