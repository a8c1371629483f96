//! Wrong use gets errors a person understands.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use gleis_naming::{BindError, ConnectError, NameClient, NameServer};
use gleis_transport::{LinkConfig, SocketType, listen};

use crate::world::{client, within};

#[tokio::test]
async fn nobody_there_is_told_within_the_time_given() {
    within(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("tcp://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = NameClient::connect(&at).within(Duration::from_millis(50)).await.unwrap_err();
        let expected = format!("could not locate the name server at {at} within 50ms");
        assert_eq!(error.to_string(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_silent_peer_is_no_name_server() {
    within(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("tcp://{}", listener.local_addr().unwrap());
        let error = NameClient::connect(&at).within(Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(error, ConnectError::NotLocated { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_socket_of_another_kind_is_refused_at_once() {
    within(async {
        for (kind, expected) in [
            (SocketType::Router, "refused: the peer is no name server"),
            (SocketType::Pub, "a DEALER socket cannot talk to a PUB socket"),
        ] {
            let config = Arc::new(LinkConfig::new(kind));
            let at = "tcp://127.0.0.1:0".parse().unwrap();
            let mut listener = listen(&at, &config).await.unwrap();
            let at = listener.endpoint().clone();
            let accepting = async {
                loop {
                    // A handshake that fails is one of the cases.
                    let _ = listener.accept().await;
                }
            };
            let connecting = NameClient::connect(&at).within(Duration::from_secs(3_600));
            let error = tokio::select! {
                res = connecting.into_future() => res.unwrap_err(),
                never = accepting => never,
            };
            assert_eq!(error.to_string(), format!("no name server at {at}"));
            let causes = causes(&error);
            assert!(causes.contains(expected), "{causes}");
        }
    })
    .await;
}

fn causes(error: &dyn Error) -> String {
    let mut res = error.to_string();
    let mut next = error.source();
    while let Some(it) = next {
        res = format!("{res}: {it}");
        next = it.source();
    }
    res
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    within(async {
        let at = format!("inproc://{}", gleis_core::Name::random());
        let endpoint = at.parse().unwrap();
        let (_client, server) =
            tokio::join!(client(&endpoint), NameServer::bind(&at).into_future());
        server.unwrap();
    })
    .await;
}

#[tokio::test]
async fn bad_addresses_are_told() {
    let error = NameServer::bind("nonsense").await.unwrap_err();
    assert!(matches!(error, BindError::Endpoint(_)), "{error}");
    let error = NameClient::connect("carrier-pigeon://roof").await.unwrap_err();
    assert!(matches!(error, ConnectError::Endpoint(_)), "{error}");
}

#[tokio::test]
async fn a_place_that_is_taken_is_told() {
    let first = NameServer::bind("tcp://127.0.0.1:0").await.unwrap();
    let error = NameServer::bind(first.endpoint()).await.unwrap_err();
    let expected = format!("cannot start a name server: {} is in use", first.endpoint());
    assert_eq!(causes(&error).get(..expected.len()), Some(&*expected), "{}", causes(&error));
}
