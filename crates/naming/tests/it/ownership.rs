//! Whose a name is, and when it goes.

use std::time::Duration;

use gleis_naming::{Change, Directory, Limits, NameServer, NamingError, RegisterError};

use crate::world::{client, eventually, name, places, read_state, record, server, within};

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn only_the_one_who_registered_a_name_may_unregister_it() {
    within(async {
        let server = server(LONG).await;
        let (alice, bob) = (client(server.endpoint()).await, client(server.endpoint()).await);
        alice.register(&name("Alice"), record(1)).await.unwrap();
        let error = bob.unregister(&name("Alice")).await.unwrap_err();
        assert!(matches!(error, NamingError::NotHeld { .. }), "{error}");
        assert_eq!(alice.resolve(&name("Alice")).await.unwrap(), record(1));
        // The process of the server is the master of the house.
        server.directory().unregister(&name("Alice")).await.unwrap();
        assert!(bob.resolve(&name("Alice")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn the_names_of_a_dropped_client_go_at_once() {
    for place in places() {
        within(async {
            let server = NameServer::bind(&place).grace(LONG).await.unwrap();
            let mut watch = server.directory().watch().await.unwrap();
            let alice = client(server.endpoint()).await;
            alice.register(&name("Alice"), record(1)).await.unwrap();
            read_state(&mut watch).await;
            drop(alice);
            while watch.next().await != Some(Change::Unregistered { name: name("Alice") }) {}
            eventually(|| server.n_clients() == 0).await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_dropped_registration_leaves_no_name() {
    within(async {
        let server = server(LONG).await;
        let alice = client(server.endpoint()).await;
        let (who, what) = (name("Alice"), record(1));
        for _ in 0..100 {
            let mut attempt = Box::pin(alice.register(&who, what.clone()));
            assert!(futures::poll!(attempt.as_mut()).is_pending());
            drop(attempt);
        }
        // Answered in order: whatever came before has been dealt with.
        assert!(alice.list().await.unwrap().is_empty());
        alice.register(&who, what).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_client_gets_no_more_names_than_allowed() {
    within(async {
        let limits = Limits { names: 5, names_per_client: 3, ..Limits::default() };
        let server = NameServer::bind("tcp://127.0.0.1:0").limits(limits).await.unwrap();
        let (greedy, other) = (client(server.endpoint()).await, client(server.endpoint()).await);
        let mut refused = Vec::new();
        for (who, prefix) in [(&greedy, "g"), (&other, "o")] {
            for port in 1..=4 {
                match who.register(&name(&format!("{prefix}{port}")), record(port)).await {
                    Ok(()) => (),
                    Err(RegisterError::Full { limit, .. }) => refused.push((prefix, port, limit)),
                    Err(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(refused, [("g", 4, 3), ("o", 3, 5), ("o", 4, 5)]);
    })
    .await;
}

#[tokio::test]
async fn all_records_together_are_bounded() {
    within(async {
        let limits = Limits { bytes: 4_096, ..Limits::default() };
        let server = NameServer::bind("tcp://127.0.0.1:0").limits(limits).await.unwrap();
        let alice = client(server.endpoint()).await;
        let large = record(1).with("text", "x".repeat(3_000));
        alice.register(&name("Alice"), large.clone()).await.unwrap();
        let error = alice.register(&name("Bob"), large.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "no room for more than 4096 bytes");
        alice.unregister(&name("Alice")).await.unwrap();
        alice.register(&name("Bob"), large).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn more_watches_than_allowed_are_refused() {
    within(async {
        let limits = Limits { watches: 1, ..Limits::default() };
        let server = NameServer::bind("tcp://127.0.0.1:0").limits(limits).await.unwrap();
        let (one, other) = (client(server.endpoint()).await, client(server.endpoint()).await);
        // The watches of one client cost the server one.
        let _watches = (one.watch().await.unwrap(), one.watch().await.unwrap());
        let error = other.watch().await.unwrap_err();
        assert_eq!(error.to_string(), "too many watches in progress, the limit is 1");
        drop(one);
        eventually(|| server.n_clients() == 1).await;
        other.watch().await.unwrap();
    })
    .await;
}
