//! What the description of Braviz promises.

use gleis_broker::{
    Addresses, ClientError, GenericMessageClient, Json, MessageClient, PassiveMessageClient,
};
use gleis_patterns::{Endpoint, Push};
use gleis_test::wait::within;
use tokio::sync::mpsc;

use crate::{message, sent, server};

#[tokio::test]
async fn a17_others_get_a_message_its_sender_does_not_and_a_generic_client_gets_its_own() {
    let server = server().await;
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    let (tell, mut told) = mpsc::channel(10);
    let handler = move |it: Json| {
        let tell = tell.clone();
        async move { tell.send(it).await.unwrap() }
    };
    let generic = GenericMessageClient::connect(handler, &server).await.unwrap();
    alice.send_message(&message(1)).await.unwrap();
    assert_eq!(within(bob.recv()).await.unwrap(), sent(1));
    assert_eq!(within(told.recv()).await.unwrap(), sent(1));
    generic.send_message(&message(2)).await.unwrap();
    assert_eq!(within(told.recv()).await.unwrap(), sent(2));
    // It is the first that Alice hears.
    assert_eq!(within(alice.recv()).await.unwrap(), sent(2));
}

#[tokio::test]
async fn a18_what_comes_while_the_server_is_paused_arrives_nowhere() {
    let server = server().await;
    let mut heard = server.messages();
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    server.pause(true);
    alice.send_message(&message(1)).await.unwrap();
    gleis_test::wait::eventually(|| server.stats().ignored == 1).await;
    // The server's own messages pass.
    server.send_message(&message(3)).await.unwrap();
    server.pause(false);
    alice.send_message(&message(2)).await.unwrap();
    assert_eq!(within(bob.recv()).await.unwrap(), sent(3));
    assert_eq!(within(bob.recv()).await.unwrap(), sent(2));
    assert_eq!(within(heard.recv()).await.unwrap(), sent(2));
}

#[tokio::test]
async fn a19_the_number_of_the_last_message_grows() {
    let server = server().await;
    let passive = PassiveMessageClient::connect(&server).await.unwrap();
    let alice = MessageClient::connect(&server).await.unwrap();
    assert_eq!(passive.get_last_message(), (0, None));
    for n in 1..=3 {
        alice.send_message(&message(n)).await.unwrap();
        assert_eq!(within(passive.after(n - 1)).await, (n, Some(sent(n))));
    }
    // What it sends itself is the last message, and does not count again when it comes back.
    passive.send_message(&message(4)).await.unwrap();
    assert_eq!(passive.get_last_message(), (4, Some(sent(4))));
    assert_eq!(within(alice.recv()).await.unwrap(), sent(4));
    alice.send_message(&message(4)).await.unwrap();
    assert_eq!(within(passive.after(4)).await, (5, Some(sent(4))));
}

#[tokio::test]
async fn a20_own_messages_never_come_back_and_equal_ones_of_others_always_arrive() {
    let server = server().await;
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    for n in [1, 2, 1] {
        alice.send_message(&message(n)).await.unwrap();
    }
    for n in [1, 2, 1] {
        assert_eq!(within(bob.recv()).await.unwrap(), sent(n));
    }
    // One of Alice's that never comes back makes no difference.
    server.pause(true);
    alice.send_message(&message(3)).await.unwrap();
    gleis_test::wait::eventually(|| server.stats().ignored == 1).await;
    server.pause(false);
    for n in [1, 3] {
        bob.send_message(&message(n)).await.unwrap();
    }
    for n in [1, 3] {
        assert_eq!(within(alice.recv()).await.unwrap(), sent(n));
    }
}

#[tokio::test]
async fn a23_what_is_no_json_is_dropped_and_the_broker_lives() {
    let server = server().await;
    let mut heard = server.messages();
    let bob = MessageClient::connect(&server).await.unwrap();
    let push = Push::<bytes::Bytes>::connect(server.receive_address()).await.unwrap();
    let deep = "[".repeat(100_000);
    for wrong in ["", "{", "nonsense", "[1]", "3", "null", "\"{}\"", "{\"a\":}", "\u{0}", &deep] {
        push.send(bytes::Bytes::copy_from_slice(wrong.as_bytes())).await.unwrap();
    }
    push.send(bytes::Bytes::from_static(b"\xff\xfe")).await.unwrap();
    push.send(bytes::Bytes::from_static(b" {\"type\": \"x\"} \n")).await.unwrap();
    let message = within(bob.recv()).await.unwrap();
    // As it was sent.
    assert_eq!(&message.bytes()[..], b" {\"type\": \"x\"} \n");
    assert_eq!(message.text(), "{\"type\": \"x\"}");
    assert_eq!(within(heard.recv()).await.unwrap(), message);
    let stats = server.stats();
    assert_eq!((stats.received, stats.invalid, stats.forwarded), (12, 11, 1));
}

#[tokio::test]
async fn a24_a_local_server_is_local_and_its_addresses_are_told() {
    let server = server().await;
    let (out, sink) = (server.broadcast_address(), server.receive_address());
    assert_ne!(out, sink);
    for at in [out, sink] {
        assert!(at.to_string().starts_with("tcp://127.0.0.1:"), "{at}");
    }
    // Another interface of this machine: all of 127/8 leads here, but nobody listens there.
    let elsewhere: Endpoint = sink.to_string().replace("127.0.0.1", "127.0.0.2").parse().unwrap();
    let at = Addresses { broadcast: None, receive: Some(elsewhere) };
    let refused = tokio::time::timeout(std::time::Duration::from_millis(200), async {
        MessageClient::connect(at).await
    });
    assert!(!matches!(refused.await, Ok(Ok(_))));
    let wide = gleis_broker::MessageServer::bind().local_only(false).advertise("example.org");
    let wide = wide.await.unwrap();
    assert!(wide.receive_address().to_string().starts_with("tcp://example.org:"));
    let port = wide.receive_address().to_string().rsplit_once(':').unwrap().1.to_owned();
    let at = format!("tcp://127.0.0.2:{port}").parse().unwrap();
    let at = Addresses { broadcast: None, receive: Some(at) };
    let client = MessageClient::connect(at).await.unwrap();
    client.send_message(&message(1)).await.unwrap();
    assert!(matches!(client.recv().await, Err(ClientError::NoBroadcastAddress)));
}
