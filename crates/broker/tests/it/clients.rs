//! Clients, as those see them who write applications.

use std::time::Duration;

use futures::StreamExt;
use gleis_broker::{
    Addresses, BlockingMessageClient, ClientError, GenericMessageClient, InvalidMessage, Json,
    MessageClient, MessageHandler, PassiveMessageClient,
};
use gleis_test::wait::within;
use serde_json::json;
use tokio::sync::mpsc;

use crate::{message, sent, server};

#[tokio::test]
async fn either_address_may_be_missing() {
    let server = server().await;
    let Addresses { broadcast, receive } = Addresses::from(&server);
    let listens = MessageClient::connect(Addresses { broadcast, receive: None }).await.unwrap();
    let sends = MessageClient::connect(Addresses { broadcast: None, receive }).await.unwrap();
    let idle = MessageClient::connect(Addresses::default()).await.unwrap();
    sends.send_message(&message(1)).await.unwrap();
    assert_eq!(within(listens.recv()).await.unwrap(), sent(1));
    for client in [&listens, &idle] {
        let res = client.send_message(&message(1)).await;
        assert!(matches!(res, Err(ClientError::NoReceiveAddress)));
    }
    for client in [&sends, &idle] {
        assert!(matches!(client.recv().await, Err(ClientError::NoBroadcastAddress)));
    }
}

#[test]
fn addresses_are_read_as_programs_are_told_them() {
    let both = Addresses::from_args("tcp://127.0.0.1:1", "tcp://127.0.0.1:2").unwrap();
    assert!(both.broadcast.is_some() && both.receive.is_some());
    assert_eq!(Addresses::from_args("-1", "-1").unwrap(), Addresses::default());
    assert!(Addresses::from_args("tcp://nonsense:x", "-1").is_err());
}

#[tokio::test]
async fn what_is_no_message_is_not_sent() {
    let server = server().await;
    let client = MessageClient::connect(&server).await.unwrap();
    for (wrong, says) in [
        (json!({"subject": 1}), "a message needs a \"type\", which is a string"),
        (json!({"type": 1}), "a message needs a \"type\", which is a string"),
        (json!([1]), "a message is a JSON object, not a list"),
        (json!(null), "a message is a JSON object, not null"),
    ] {
        match client.send_message(&wrong).await {
            Err(ClientError::Invalid(error)) => assert_eq!(error.to_string(), says),
            other => panic!("{other:?}"),
        }
    }
    // A passive or generic client sends any object.
    let passive = PassiveMessageClient::connect(&server).await.unwrap();
    passive.send_message(&json!({"subject": 1})).await.unwrap();
    let generic = GenericMessageClient::connect(async |_| (), &server).await.unwrap();
    let res = generic.send_json_message("{nonsense").await;
    assert!(matches!(res, Err(ClientError::Invalid(InvalidMessage::NotJson(_)))));
    assert_eq!(within(client.recv()).await.unwrap().value()["subject"], 1);
    assert_eq!(server.stats().invalid, 0);
}

#[tokio::test]
async fn messages_are_a_stream_until_the_client_is_closed() {
    let server = server().await;
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    for n in 0..100 {
        alice.send_message(&message(n)).await.unwrap();
    }
    {
        let mut stream = std::pin::pin!(bob.stream());
        for n in 0..100 {
            assert_eq!(within(stream.next()).await.unwrap().unwrap(), sent(n));
        }
        bob.close().await;
        assert!(within(stream.next()).await.is_none());
    }
    assert!(matches!(bob.recv().await, Err(ClientError::Closed)));
    assert!(matches!(bob.send_message(&message(1)).await, Err(ClientError::Closed)));
}

struct Texts(mpsc::Sender<String>);

impl MessageHandler for Texts {
    async fn handle_new_message(&mut self, _: Json) {
        panic!("it has a handler of texts");
    }

    async fn handle_json_message(&mut self, message: Json) {
        self.0.send(message.text().to_owned()).await.unwrap();
    }
}

#[tokio::test]
async fn a_handler_of_texts_gets_them_as_they_were_sent() {
    let server = server().await;
    let (tell, mut told) = mpsc::channel(10);
    let client = GenericMessageClient::connect(Texts(tell), &server).await.unwrap();
    let text = "{ \"b\" : 1,  \"a\":2}";
    client.send_json_message(text).await.unwrap();
    assert_eq!(within(told.recv()).await.unwrap(), text);
}

#[tokio::test]
async fn a_handler_that_panics_costs_one_message() {
    let server = server().await;
    let (tell, mut told) = mpsc::channel(10);
    let handler = move |it: Json| {
        assert_ne!(it, sent(1), "as it should");
        let tell = tell.clone();
        async move {
            assert_ne!(it, sent(2), "as it should");
            tell.send(it).await.unwrap();
        }
    };
    let client = GenericMessageClient::connect_without_bounce(handler, &server).await.unwrap();
    let alice = MessageClient::connect(&server).await.unwrap();
    // It does not come back.
    client.send_message(&message(9)).await.unwrap();
    for n in [2, 3] {
        alice.send_message(&message(n)).await.unwrap();
    }
    assert_eq!(within(told.recv()).await.unwrap(), sent(3));
}

#[tokio::test]
async fn a_client_without_a_hub_says_so() {
    let server = server().await;
    let at = Addresses::from(&server);
    server.shutdown().await;
    tokio::time::pause();
    match MessageClient::connect(at).await {
        Err(ClientError::Open(_)) => (),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_blocking_client_needs_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(server());
    let alice = BlockingMessageClient::connect(&server).unwrap();
    let bob = BlockingMessageClient::connect(&server).unwrap();
    alice.send_message(&message(1)).unwrap();
    assert_eq!(bob.get_message().unwrap(), sent(1));
    let nothing = bob.get_message_within(Duration::from_millis(10));
    assert!(matches!(nothing, Err(ClientError::TimedOut(_))));
    runtime.block_on(async {
        assert!(matches!(bob.get_message(), Err(ClientError::Async)));
        assert!(matches!(BlockingMessageClient::connect(&server), Err(ClientError::Async)));
        // It may be dropped here.
        drop(bob);
    });
    assert_eq!(alice.close().unwrap(), 0);
}
