//! What a socket tells about its links.

use std::time::Duration;

use gleis_patterns::{AnyCodec, Event, OpenError, Publisher, Pull, Push};

use crate::support::{fresh, inproc, soon};

#[tokio::test]
async fn a_socket_tells_of_peers_that_come_and_go() {
    let pull = Pull::<u32>::bind(fresh("tcp")).await.unwrap();
    let mut events = pull.events();
    let at = pull.also_bind("tcp://127.0.0.1:0").await.unwrap();
    let push = Push::<u32>::connect(&at).await.unwrap();
    assert!(
        matches!(soon(events.recv()).await, Some(Event::Listening { endpoint }) if endpoint == at)
    );
    let Some(Event::Accepted { peer }) = soon(events.recv()).await else { panic!("nobody came") };
    drop(push);
    match soon(events.recv()).await {
        Some(Event::Disconnected { peer: gone, unsent: 0, .. }) => assert_eq!(gone, peer),
        other => panic!("{other:?}"),
    }
    drop(pull);
    assert!(soon(events.recv()).await.is_none());
}

#[tokio::test]
async fn a_refused_peer_and_a_stranger_are_told_with_a_reason() {
    let pull = Pull::<u32>::bind(fresh("tcp")).codec(AnyCodec::Json).await.unwrap();
    let mut events = pull.events();
    let publisher = Publisher::<u32>::connect(pull.endpoint());
    let error = soon(publisher).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect(_)), "{error:?}");
    match soon(events.recv()).await {
        Some(Event::HandshakeFailed { reason, .. }) => assert!(!reason.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let mut events = pull.events();
    for _ in 0..300 {
        pull.also_bind(inproc()).await.unwrap();
    }
    assert!(matches!(soon(events.recv()).await, Some(Event::Missed { events: 44 })));
    for _ in 0..256 {
        assert!(matches!(soon(events.recv()).await, Some(Event::Listening { .. })));
    }
}

#[tokio::test]
async fn wrong_use_is_told_at_once() {
    let error = Pull::<u32>::bind("carrier-pigeon://x").await.unwrap_err();
    assert!(matches!(error, OpenError::Endpoint(_)));
    let pull = Pull::<u32>::bind(fresh("tcp")).await.unwrap();
    let error = Pull::<u32>::bind(pull.endpoint()).await.unwrap_err();
    assert!(matches!(error, OpenError::Listen(_)));
    pull.close().await;
    assert!(matches!(pull.also_bind(inproc()).await, Err(OpenError::Closed)));
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_retried() {
    let pull = Pull::<u32>::bind(fresh("tcp")).await.unwrap();
    let at = pull.endpoint().clone();
    drop(pull);
    let push = Push::<u32>::connect(&at).connect_patience(Duration::ZERO).await.unwrap();
    let mut events = push.events();
    let event = soon(events.recv()).await;
    assert!(matches!(event, Some(Event::Retrying { .. } | Event::Connected { .. })), "{event:?}");
}
