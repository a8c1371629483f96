//! Connections that are lost, and come back or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::Name;
use gleis_naming::{Change, Directory, NameClient, NamingError, Record, RegisterError};
use gleis_test::wait::PATIENCE;
use tokio::task::JoinSet;

use crate::world::{Cable, client, eventually, follow, name, read_state, record, server, within};

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn the_names_of_a_lost_client_go_after_a_grace() {
    within(async {
        let server = server(Duration::from_millis(20)).await;
        let mut cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        alice.register(&name("Alice"), record(1)).await.unwrap();
        let mut watch = server.directory().watch().await.unwrap();
        assert_eq!(read_state(&mut watch).await.len(), 1);
        cable.cut().await;
        assert_eq!(watch.next().await, Some(Change::Unregistered { name: name("Alice") }));
        eventually(|| server.n_clients() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_comes_back_in_time_has_never_been_away() {
    within(async {
        let server = server(LONG).await;
        let cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        let mut watch = server.directory().watch().await.unwrap();
        read_state(&mut watch).await;
        alice.register(&name("Alice"), record(1)).await.unwrap();
        for port in 1..=5 {
            cable.shake();
            // Only a client that is connected again can register.
            alice.register(&name(&format!("n{port}")), record(port)).await.unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < 6 {
            match watch.next().await {
                Some(Change::Registered { name, .. }) => seen.push(name.to_string()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["Alice", "n1", "n2", "n3", "n4", "n5"]);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_comes_back_late_registers_its_names_again() {
    within(async {
        let server = server(Duration::ZERO).await;
        let cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        for port in 1..=200 {
            alice.register(&name(&format!("n{port}")), record(port)).await.unwrap();
        }
        cable.shake();
        assert_eq!(alice.list().await.unwrap().len(), 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shaky_line_loses_neither_names_nor_requests() {
    within(async {
        let server = server(LONG).await;
        let cable = Cable::to(&server).await;
        let connecting = NameClient::connect(&cable.endpoint).within(PATIENCE);
        let alice = Arc::new(connecting.request_timeout(PATIENCE).await.unwrap());
        let mut watch = alice.watch().await.unwrap();
        read_state(&mut watch).await;
        let mut work = JoinSet::new();
        for task in 0..4_u16 {
            let alice = alice.clone();
            work.spawn(async move {
                for round in 0..50 {
                    let who = name(&format!("t{task}-{round}"));
                    alice.register(&who, record(task + 1)).await.unwrap();
                    assert_eq!(alice.resolve(&who).await.unwrap(), record(task + 1));
                    if round % 2 == 0 {
                        alice.unregister(&who).await.unwrap();
                    }
                }
            });
        }
        let shaking = async {
            for _ in 0..50 {
                // Not synchronisation: gives them something to lose.
                tokio::time::sleep(Duration::from_millis(10)).await;
                cable.shake();
            }
        };
        tokio::join!(shaking, async {
            while work.join_next().await.transpose().unwrap().is_some() {}
        });
        let names: BTreeMap<Name, Record> = alice.list().await.unwrap().into_iter().collect();
        assert_eq!(names.len(), 4 * 25);
        let mut told = BTreeMap::new();
        while told != names {
            match watch.next().await {
                Some(Change::Lagged) => told.clear(),
                Some(Change::Registered { name, record }) => drop(told.insert(name, record)),
                Some(Change::Unregistered { name }) => drop(told.remove(&name)),
                Some(_) => (),
                None => panic!("the watch ended at {told:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_that_somebody_else_took_meanwhile_stays_lost() {
    within(async {
        let server = server(Duration::ZERO).await;
        let mut cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        alice.register(&name("Alice"), record(1)).await.unwrap();
        let mut news = alice.watch().await.unwrap();
        follow(&mut news, &name("Alice")).await;
        cable.cut().await;
        let directory = server.directory();
        while directory.register(&name("Alice"), record(2)).await.is_err() {
            tokio::task::yield_now().await;
        }
        cable.mend().await;
        let taken = Change::Registered { name: name("Alice"), record: record(2) };
        while news.next().await.as_ref() != Some(&taken) {}
        assert_eq!(alice.resolve(&name("Alice")).await.unwrap(), record(2));
        let error = alice.unregister(&name("Alice")).await.unwrap_err();
        assert!(matches!(error, NamingError::NotHeld { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_name_given_up_while_away_is_not_taken_again() {
    within(async {
        let server = server(LONG).await;
        let mut cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        for who in ["Alice", "Bob"] {
            alice.register(&name(who), record(1)).await.unwrap();
        }
        cable.cut().await;
        let who = name("Alice");
        let mut given_up = Box::pin(alice.unregister(&who));
        assert!(futures::poll!(given_up.as_mut()).is_pending());
        drop(given_up);
        cable.mend().await;
        let names = alice.list().await.unwrap();
        assert_eq!(names, [(name("Bob"), record(1))]);
    })
    .await;
}

#[tokio::test]
async fn a_name_given_up_while_coming_back_is_not_kept() {
    within(async {
        let server = server(LONG).await;
        let cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        let who = name("Alice");
        for moment in 0..100 {
            alice.register(&who, record(1)).await.unwrap();
            cable.shake();
            // Some of these moments are between the renewal of the name and its answer.
            for _ in 0..moment * 8 {
                tokio::task::yield_now().await;
            }
            let mut given_up = Box::pin(alice.unregister(&who));
            let _ = futures::poll!(given_up.as_mut());
            if moment % 2 == 1 {
                // The client is back before anybody looks at the request again.
                alice.list().await.unwrap();
            }
            drop(given_up);
            assert_eq!(alice.list().await.unwrap(), [], "at moment {moment}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_watch_whose_answer_was_left_lying_over_a_loss_still_tells() {
    within(async {
        let server = server(LONG).await;
        let cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        let mut watching = Box::pin(alice.watch());
        assert!(futures::poll!(watching.as_mut()).is_pending());
        // What was asked before has been answered, too.
        alice.list().await.unwrap();
        cable.shake();
        // Only a client that is connected again can register.
        alice.register(&name("Alice"), record(1)).await.unwrap();
        let mut watch = watching.await.unwrap();
        follow(&mut watch, &name("Alice")).await;
    })
    .await;
}

#[tokio::test]
async fn a_watch_tells_after_a_loss_only_what_changed() {
    within(async {
        let server = server(LONG).await;
        let mut cable = Cable::to(&server).await;
        let directory = server.directory();
        for who in ["Alice", "Bob"] {
            directory.register(&name(who), record(1)).await.unwrap();
        }
        let watcher = client(&cable.endpoint).await;
        let mut watch = watcher.watch().await.unwrap();
        assert_eq!(read_state(&mut watch).await.len(), 2);
        cable.cut().await;
        directory.unregister(&name("Bob")).await.unwrap();
        directory.register(&name("Carol"), record(3)).await.unwrap();
        cable.mend().await;
        let carol = Change::Registered { name: name("Carol"), record: record(3) };
        assert_eq!(watch.next().await, Some(carol));
        assert_eq!(watch.next().await, Some(Change::Unregistered { name: name("Bob") }));
    })
    .await;
}

#[tokio::test]
async fn a_request_waits_for_the_server_to_be_reachable_but_not_for_ever() {
    within(async {
        let server = server(LONG).await;
        let mut cable = Cable::to(&server).await;
        let connecting = NameClient::connect(&cable.endpoint).within(PATIENCE);
        let alice = connecting.request_timeout(Duration::from_millis(100)).await.unwrap();
        cable.cut().await;
        let error = alice.resolve(&name("Alice")).await.unwrap_err();
        let expected = format!("the name server at {} cannot be reached", cable.endpoint);
        // A moment may pass before the client knows.
        let late = format!("the name server at {} did not answer in time", cable.endpoint);
        assert!([expected, late].contains(&error.to_string()), "{error}");
        let error = alice.register(&name("Alice"), record(1)).await.unwrap_err();
        assert!(matches!(error, RegisterError::Naming(NamingError::Unreachable { .. })), "{error}");
    })
    .await;
}
