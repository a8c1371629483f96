//! Peers that are no gleis sockets, played by bare connections.

use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Publisher, Pull, Push, Replier, Requester, Subscriber};
use gleis_transport::{Control, Inbound, LinkConfig, Message, SocketType, listen};

use crate::support::{message, soon, stranger, text};

/// Sends `frames` as `kind` to a replier that answers as `answer` says; what comes back.
async fn ask(kind: SocketType, frames: &[&'static str], answer: Result<&str, &str>) -> String {
    let replier = Replier::<String, String>::bind("tcp://127.0.0.1:0")
        .codec(AnyCodec::Json)
        .await
        .expect("peers are there");
    let (sender, mut receiver) = stranger(kind, replier.endpoint()).await.split();
    sender.try_send(message(frames)).expect("peers are there");
    let (question, reply) = soon(replier.recv()).await.expect("peers are there");
    assert_eq!(question, "ask");
    match answer {
        Ok(value) => reply.send(value.to_owned()).await.expect("peers are there"),
        Err(text) => reply.fail(text).await.expect("peers are there"),
    }
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.expect("peers are there");
    text(batch)
}

#[tokio::test]
async fn a_foreign_req_is_answered_behind_its_own_envelope() {
    let answer = ask(SocketType::Req, &["", "\"ask\""], Ok("yes")).await;
    assert_eq!(answer, "|\"yes\"");
}

#[tokio::test]
async fn a_foreign_dealer_is_answered_the_way_it_asked() {
    let dealer = SocketType::Dealer;
    assert_eq!(ask(dealer, &["\"ask\""], Ok("yes")).await, "\"yes\"");
    assert_eq!(ask(dealer, &["a", "b", "", "\"ask\""], Ok("yes")).await, "a|b||\"yes\"");
}

#[tokio::test]
async fn a_foreign_peer_gets_an_empty_body_instead_of_an_error() {
    assert_eq!(ask(SocketType::Req, &["", "\"ask\""], Err("no")).await, "|");
}

#[tokio::test]
async fn a_foreign_rep_is_asked() {
    let config = Arc::new(LinkConfig::new(SocketType::Rep));
    let at = "tcp://127.0.0.1:0".parse().unwrap();
    let mut listener = soon(listen(&at, &config)).await.unwrap();
    let requester = Requester::<u32, u32>::connect(listener.endpoint()).codec(AnyCodec::Json);
    let (requester, accepted) =
        soon(futures::future::join(requester.into_future(), listener.accept())).await;
    let (sender, mut receiver) = accepted.unwrap().split();
    let requester = requester.unwrap();
    let answering = async {
        let mut batch = Vec::new();
        receiver.recv_many(&mut batch).await.unwrap();
        let Some(Inbound::Message(asked)) = batch.pop() else { panic!("no message") };
        assert_eq!(asked.head.iter().map(<[u8]>::len).collect::<Vec<_>>(), [8, 0]);
        assert_eq!(asked.body.to_bytes().unwrap(), "20");
        sender.try_send(Message::multipart(asked.head, "21")).unwrap();
    };
    let (answer, ()) = soon(futures::future::join(requester.request(20), answering)).await;
    assert_eq!(answer.unwrap(), 21);
}

#[tokio::test]
async fn foreign_pushes_and_pulls_speak_the_codec_of_the_socket() {
    let pull = Pull::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let pusher = stranger(SocketType::Push, pull.endpoint()).await;
    let (sender, _receiver) = pusher.split();
    sender.try_send(message(&["42"])).unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), 42);
    sender.try_send(message(&["4", "2"])).unwrap();
    assert!(soon(pull.recv()).await.is_err());
    sender.try_send(message(&["7"])).unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), 7);

    let push = Push::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let (_sender, mut receiver) = stranger(SocketType::Pull, push.endpoint()).await.split();
    soon(push.send(42)).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "42");
}

#[tokio::test]
async fn a_foreign_subscriber_gets_topic_and_body() {
    let publisher =
        Publisher::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let (sender, mut receiver) = stranger(SocketType::Sub, publisher.endpoint()).await.split();
    sender.control(Control::Subscribe(Bytes::from_static(b"eu."))).unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish("us.ny", 1).await.unwrap();
    publisher.publish("eu.de", 2).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "eu.de|2");
}

#[tokio::test]
async fn the_single_frame_of_a_foreign_publisher_begins_with_its_topic() {
    let it = Subscriber::<Bytes>::bind("tcp://127.0.0.1:0").subscribe("eu.").await.unwrap();
    let (sender, mut receiver) = stranger(SocketType::Pub, it.endpoint()).await.split();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert!(matches!(&batch[..], [Inbound::Control(Control::Subscribe(it))] if it == "eu."));
    sender.try_send(message(&["us.ny 1"])).unwrap();
    sender.try_send(message(&["eu.de 2"])).unwrap();
    let publication = soon(it.recv()).await.unwrap();
    assert_eq!((&publication.topic[..], &publication.message[..]), (&b""[..], &b"eu.de 2"[..]));
    assert_eq!(it.stats().received.dropped.unwanted, 1);
}
