//! How a name server ends.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use gleis_naming::{Change, Directory, NameServer, NamingError, RegisterError, ShutdownReport};
use gleis_transport::Options;

use crate::world::{
    Cable, client, eventually, name, places, read_state, record, tasks_down_to, within,
};

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_shutdown_waits_until_everybody_has_left() {
    for place in places() {
        within(async {
            let server = NameServer::bind(&place).grace(LONG).await.unwrap();
            let alice = client(server.endpoint()).await;
            alice.register(&name("Alice"), record(1)).await.unwrap();
            let mut watch = alice.watch().await.unwrap();
            read_state_of_one(&mut watch).await;
            let agent = async {
                let told = watch.next().await;
                assert!(matches!(told, Some(Change::Closing { grace }) if Duration::ZERO < grace));
                let error = alice.register(&name("Late"), record(2)).await.unwrap_err();
                assert!(matches!(error, RegisterError::Closing), "{error}");
                alice.unregister(&name("Alice")).await.unwrap();
            };
            let (report, ()) = tokio::join!(server.shutdown(LONG), agent);
            assert_eq!(report, ShutdownReport::default());
            assert_eq!(watch.next().await, Some(Change::Unregistered { name: name("Alice") }));
            assert_eq!(watch.next().await, None);
            let error = alice.resolve(&name("Alice")).await.unwrap_err();
            assert!(matches!(error, NamingError::Closed), "{error}");
        })
        .await;
    }
}

async fn read_state_of_one(watch: &mut gleis_naming::Watch) {
    assert_eq!(read_state(watch).await.len(), 1);
}

#[tokio::test]
async fn a_client_without_names_learns_that_the_server_has_closed() {
    for place in places() {
        within(async {
            let server = NameServer::bind(&place).await.unwrap();
            let (idle, watcher) =
                (client(server.endpoint()).await, client(server.endpoint()).await);
            let mut watch = watcher.watch().await.unwrap();
            assert!(read_state(&mut watch).await.is_empty());
            server.shutdown(LONG).await;
            assert!(matches!(watch.next().await, Some(Change::Closing { .. })));
            assert_eq!(watch.next().await, None);
            let error = idle.list().await.unwrap_err();
            assert!(matches!(error, NamingError::Closed), "{error}");
            let error = watcher.watch().await.unwrap_err();
            assert!(matches!(error, NamingError::Closed), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_shutdown_ends_although_somebody_stays() {
    within(async {
        let server = NameServer::bind("ipc://*").await.unwrap();
        let alice = client(server.endpoint()).await;
        for who in ["Bob", "Alice"] {
            alice.register(&name(who), record(1)).await.unwrap();
        }
        let report = server.shutdown(Duration::from_millis(10)).await;
        assert_eq!(report.stayed, [name("Alice"), name("Bob")]);
        assert_eq!(server.shutdown(LONG).await, report);
    })
    .await;
}

#[tokio::test]
async fn a_server_closes_as_soon_as_its_clients_have_heard_of_it() {
    for place in places() {
        within(async {
            let mut options = Options::default();
            options.linger = LONG;
            let server = NameServer::bind(&place).options(options).await.unwrap();
            let idle = client(server.endpoint()).await;
            let watcher = client(server.endpoint()).await;
            let _watch = watcher.watch().await.unwrap();
            server.shutdown(Duration::ZERO).await;
            let error = idle.list().await.unwrap_err();
            assert!(matches!(error, NamingError::Closed), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_watch_that_begins_while_the_server_closes_is_told_both() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").await.unwrap();
        let (early, late) = (client(server.endpoint()).await, client(server.endpoint()).await);
        late.register(&name("Alice"), record(1)).await.unwrap();
        let mut watch = early.watch().await.unwrap();
        let agent = async {
            while !matches!(watch.next().await, Some(Change::Closing { .. })) {}
            // The server tells everybody at once; an answer shows that it has.
            while late.register(&name("Late"), record(2)).await.is_ok() {}
            let mut watch = late.watch().await.unwrap();
            let mut told = Vec::new();
            while !told.contains(&Change::Current) {
                told.extend(watch.next().await);
            }
            assert!(told.iter().any(|it| matches!(it, Change::Closing { .. })), "{told:?}");
            assert!(told.contains(&Change::Registered { name: name("Alice"), record: record(1) }));
            late.unregister(&name("Alice")).await.unwrap();
        };
        let (report, ()) = tokio::join!(server.shutdown(LONG), agent);
        assert!(report.stayed.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_second_shutdown_may_shorten_the_first() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").await.unwrap();
        server.directory().register(&name("Alice"), record(1)).await.unwrap();
        let patient = server.shutdown(LONG);
        let (first, second) = tokio::join!(patient, server.shutdown(Duration::ZERO));
        assert_eq!(first.stayed, [name("Alice")]);
        assert_eq!(first, second);
    })
    .await;
}

#[tokio::test]
async fn a_client_may_end_the_server_with_everybody() {
    for place in places() {
        within(async {
            let server = NameServer::bind(&place).await.unwrap();
            server.directory().register(&name("Alice"), record(1)).await.unwrap();
            let boss = client(server.endpoint()).await;
            let report = boss.shutdown_server(Duration::from_millis(10)).await.unwrap();
            assert_eq!(report.stayed, [name("Alice")]);
            assert_eq!(server.closed().await, report);
            let error = boss.shutdown_server(Duration::ZERO).await.unwrap_err();
            assert!(matches!(error, NamingError::Closed), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn the_names_of_the_dead_do_not_hold_up_a_shutdown() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").grace(LONG).await.unwrap();
        let cable = Cable::to(&server).await;
        let alice = client(&cable.endpoint).await;
        alice.register(&name("Alice"), record(1)).await.unwrap();
        let mut cable = cable;
        cable.cut().await;
        let report = server.shutdown(LONG).await;
        assert!(report.stayed.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_dropped_server_ends_the_watches_of_its_directory() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").await.unwrap();
        let directory = server.directory();
        let watch = directory.watch().await.unwrap();
        drop(server);
        assert_eq!(watch.collect::<Vec<_>>().await, []);
        let error = directory.register(&name("Alice"), record(1)).await.unwrap_err();
        assert!(matches!(error, RegisterError::Naming(NamingError::Closed)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_new_server_at_the_old_place_is_found_again() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").await.unwrap();
        let at = server.endpoint().clone();
        let alice = client(&at).await;
        alice.register(&name("Alice"), record(1)).await.unwrap();
        server.shutdown(Duration::ZERO).await;
        drop(server);
        let server = NameServer::bind(&at).await.unwrap();
        let mut watch = server.directory().watch().await.unwrap();
        crate::world::follow(&mut watch, &name("Alice")).await;
        assert_eq!(alice.resolve(&name("Alice")).await.unwrap(), record(1));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_behind() {
    for place in places() {
        within(async {
            let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            let server = NameServer::bind(&place).await.unwrap();
            let mut clients = Vec::new();
            for port in 1..=5 {
                let client = Arc::new(client(server.endpoint()).await);
                client.register(&name(&format!("n{port}")), record(port)).await.unwrap();
                client.watch().await.unwrap();
                clients.push(client);
            }
            assert_eq!(server.n_clients(), 5);
            server.shutdown(Duration::ZERO).await;
            eventually(|| server.is_closed()).await;
            assert_eq!(server.n_clients(), 0);
            let socket = server.endpoint().to_string();
            drop((clients, server));
            tasks_down_to(before).await;
            if let Some(path) = socket.strip_prefix("ipc://") {
                assert!(!std::path::Path::new(path).exists());
            }
        })
        .await;
    }
}

#[tokio::test]
async fn who_has_less_time_than_was_said_hears_of_it() {
    for place in places() {
        within(async {
            let server = NameServer::bind(&place).await.unwrap();
            let alice = client(server.endpoint()).await;
            alice.register(&name("Alice"), record(1)).await.unwrap();
            let mut watches =
                [alice.watch().await.unwrap(), server.directory().watch().await.unwrap()];
            for watch in &mut watches {
                read_state_of_one(watch).await;
            }
            let hurried = Duration::from_secs(600);
            let agent = async {
                for watch in &mut watches {
                    let Some(Change::Closing { grace }) = watch.next().await else {
                        panic!("it closes");
                    };
                    assert!(hurried < grace);
                }
                let shorten = server.shutdown(hurried);
                let hears = async {
                    for watch in &mut watches {
                        let Some(Change::Closing { grace }) = watch.next().await else {
                            panic!("it closes sooner");
                        };
                        assert!(Duration::ZERO < grace && grace <= hurried);
                    }
                    // One with more patience changes nothing.
                    let patient = server.shutdown(LONG);
                    let who = name("Alice");
                    let leave = alice.unregister(&who);
                    tokio::join!(biased; patient, leave).1.unwrap();
                };
                tokio::join!(biased; shorten, hears);
            };
            tokio::join!(biased; server.shutdown(LONG), agent);
            for watch in &mut watches {
                assert_eq!(watch.next().await, Some(Change::Unregistered { name: name("Alice") }));
            }
        })
        .await;
    }
}

#[tokio::test]
async fn who_is_lost_while_the_server_closes_is_named() {
    within(async {
        let server = NameServer::bind("tcp://127.0.0.1:0").grace(LONG).await.unwrap();
        let polite = client(server.endpoint()).await;
        polite.register(&name("Polite"), record(1)).await.unwrap();
        let mut cable = Cable::to(&server).await;
        let lost = client(&cable.endpoint).await;
        lost.register(&name("Lost"), record(3)).await.unwrap();
        let leave = async {
            while polite.register(&name("Late"), record(2)).await.is_ok() {}
            polite.unregister(&name("Polite")).await.unwrap();
            cable.cut().await;
        };
        let (report, ()) = tokio::join!(biased; server.shutdown(LONG), leave);
        assert_eq!(report, ShutdownReport { stayed: Vec::new(), forced: vec![name("Lost")] });
    })
    .await;
}
