//! The hub, as those see it who run it.

use std::time::Duration;

use gleis_broker::{ClientError, InvalidMessage, MessageClient, MessageServer};
use gleis_test::wait::within;
use serde_json::json;
use tokio::time::timeout;

use crate::{message, sent, server};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn many_clients_each_get_all_messages_of_all_others_in_the_order_of_each() {
    let server = server().await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(MessageClient::connect(&server).await.unwrap());
    }
    for n in 0..50 {
        for (at, client) in clients.iter().enumerate() {
            client.send_message(&json!({"type": "n", "n": n, "from": at})).await.unwrap();
        }
    }
    for (at, client) in clients.iter().enumerate() {
        let mut next = [0; 8];
        for _ in 0..7 * 50 {
            let message = within(client.recv()).await.unwrap();
            let from = message.value()["from"].as_u64().unwrap() as usize;
            assert_eq!(message.value()["n"], next[from]);
            next[from] += 1;
        }
        next[at] += 50;
        assert_eq!(next, [50; 8]);
    }
    let stats = server.stats();
    assert_eq!((stats.received, stats.forwarded, stats.subscribers), (400, 400, 8));
}

#[tokio::test]
async fn a_message_that_is_too_long_harms_nobody_else() {
    let server = MessageServer::bind().max_message(1_000).await.unwrap();
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    let long = json!({"type": "long", "text": "x".repeat(2_000)});
    match server.send_message(&long).await {
        Err(ClientError::Invalid(InvalidMessage::TooLong { limit: 1_000, .. })) => (),
        other => panic!("{other:?}"),
    }
    alice.send_message(&long).await.unwrap();
    bob.send_message(&message(1)).await.unwrap();
    assert_eq!(within(alice.recv()).await.unwrap(), sent(1));
    // Alice makes a new connection; what she sends before she knows that the old one is over is lost.
    let again = async {
        loop {
            alice.send_message(&message(2)).await.unwrap();
            if let Ok(received) = timeout(ATTEMPT, bob.recv()).await {
                return received.unwrap();
            }
        }
    };
    assert_eq!(within(again).await, sent(2));
}

#[tokio::test]
async fn whoever_does_not_receive_delays_nobody_and_is_told() {
    let server = MessageServer::bind().backlog(16).await.unwrap();
    let mut slow = server.messages();
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    for n in 0..20 {
        alice.send_message(&message(n)).await.unwrap();
        assert_eq!(within(bob.recv()).await.unwrap(), sent(n));
    }
    assert!(matches!(slow.recv().await, Err(ClientError::Gap { missed: 4 })));
    assert_eq!(slow.recv().await.unwrap(), sent(4));
}

#[tokio::test]
async fn after_a_shutdown_all_that_wait_are_told() {
    let server = server().await;
    let mut heard = server.messages();
    server.shutdown().await;
    assert!(matches!(within(heard.recv()).await, Err(ClientError::Closed)));
}

#[tokio::test]
async fn subscribers_that_speak_do_not_stop_the_hub() {
    let server = server().await;
    let loud =
        gleis_patterns::XSub::<gleis_patterns::Multipart>::connect(server.broadcast_address())
            .subscribe("")
            .await
            .unwrap();
    for n in 0..3_000u32 {
        loud.send(gleis_patterns::Multipart::new([n.to_be_bytes().to_vec()])).await.unwrap();
    }
    let alice = MessageClient::connect(&server).await.unwrap();
    let bob = MessageClient::connect(&server).await.unwrap();
    alice.send_message(&message(1)).await.unwrap();
    assert_eq!(within(bob.recv()).await.unwrap(), sent(1));
}
