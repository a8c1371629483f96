//! What every directory must do; each law is run by [`directory_suite!`](macro@crate::directory_suite).
#![expect(clippy::unwrap_used, reason = "laws say what they expect by unwrapping it")]

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use gleis_core::Name;
use gleis_naming::{Change, Directory, NamingError, Record, RegisterError, Watch};
use tokio::task::JoinSet;

/// Instantiates the suite in a module: `directory_suite!(memory, fresh_views().await)`.
///
/// The expression makes the [`Views`] of a fresh directory; every law gets one of its own.
#[macro_export]
macro_rules! directory_suite {
    ($name:ident, $fresh:expr) => {
        mod $name {
            use super::*;

            $crate::directory_suite!(@laws $fresh;
                a_registered_name_resolves_to_its_record
                a_live_name_is_refused_with_its_holder
                of_many_registrations_exactly_one_succeeds
                an_unregistered_name_is_free_again
                unregistering_nobody_is_no_error
                an_unknown_name_comes_with_those_that_look_alike
                a_list_shows_all_names_in_their_order
                a_record_that_is_too_large_is_refused
                a_watch_begins_with_the_present_state
                a_watch_tells_what_others_do
                a_slow_watcher_is_told_and_then_told_again
                watches_do_not_disturb_each_other
            );
        }
    };
    (@laws $fresh:expr; $($law:ident)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                $crate::wait::within(async {
                    $crate::directory_suite::$law($fresh).await;
                }).await;
            }
        )*
    };
}

/// Two ways to look at one directory, for example two clients of one server.
pub struct Views {
    one: Arc<dyn Directory>,
    other: Arc<dyn Directory>,
    _hold: Box<dyn Any + Send + Sync>,
}

impl Views {
    /// Two views; `hold` is kept as long as they are.
    pub fn new(
        one: Arc<dyn Directory>,
        other: Arc<dyn Directory>,
        hold: impl Any + Send + Sync,
    ) -> Self {
        Self { one, other, _hold: Box::new(hold) }
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}

/// What was registered is found, metadata included, from everywhere.
pub async fn a_registered_name_resolves_to_its_record(views: Views) {
    let record = record(7).with("kind", "PUSH").with("alias", "main");
    views.one.register(&name("Alice"), record.clone()).await.unwrap();
    for view in [&views.one, &views.other] {
        assert_eq!(view.resolve(&name("Alice")).await.unwrap(), record);
    }
}

/// A name has one bearer, whoever asks for it again.
pub async fn a_live_name_is_refused_with_its_holder(views: Views) {
    views.one.register(&name("Alice"), record(1)).await.unwrap();
    for view in [&views.one, &views.other] {
        let error = view.register(&name("Alice"), record(2)).await.unwrap_err();
        assert_eq!(error.to_string(), "the name `Alice` is taken by tcp://127.0.0.1:1");
    }
    assert_eq!(views.one.resolve(&name("Alice")).await.unwrap(), record(1));
}

/// Registration is atomic.
pub async fn of_many_registrations_exactly_one_succeeds(views: Views) {
    let mut attempts = JoinSet::new();
    for port in 1..=40 {
        let view = if port % 2 == 0 { views.one.clone() } else { views.other.clone() };
        attempts.spawn(async move { (port, view.register(&name("Alice"), record(port)).await) });
    }
    let mut winners = Vec::new();
    while let Some(attempt) = attempts.join_next().await {
        match attempt.unwrap() {
            (port, Ok(())) => winners.push(port),
            (_, Err(error)) => assert!(matches!(error, RegisterError::Taken { .. }), "{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(views.one.resolve(&name("Alice")).await.unwrap(), record(winners[0]));
}

/// Names are not used up.
pub async fn an_unregistered_name_is_free_again(views: Views) {
    views.one.register(&name("Alice"), record(1)).await.unwrap();
    views.one.unregister(&name("Alice")).await.unwrap();
    assert!(views.other.resolve(&name("Alice")).await.is_err());
    views.other.register(&name("Alice"), record(2)).await.unwrap();
    assert_eq!(views.one.resolve(&name("Alice")).await.unwrap(), record(2));
}

/// Whoever cleans up need not know whether somebody else did.
pub async fn unregistering_nobody_is_no_error(views: Views) {
    views.one.unregister(&name("Nobody")).await.unwrap();
    views.one.register(&name("Alice"), record(1)).await.unwrap();
    views.one.unregister(&name("Alice")).await.unwrap();
    views.one.unregister(&name("Alice")).await.unwrap();
}

/// A typing error gets help.
pub async fn an_unknown_name_comes_with_those_that_look_alike(views: Views) {
    for (port, it) in (1..).zip(["Alice", "Bob", "Carol"]) {
        views.other.register(&name(it), record(port)).await.unwrap();
    }
    let error = views.one.resolve(&name("Alcie")).await.unwrap_err();
    assert_eq!(error.to_string(), "nobody is called `Alcie`; did you mean `Alice`?");
    let error = views.one.resolve(&name("Xerxes")).await.unwrap_err();
    assert!(matches!(error, NamingError::Unknown { ref near, .. } if near.is_empty()), "{error}");
}

/// A list is whole, however long it is.
pub async fn a_list_shows_all_names_in_their_order(views: Views) {
    assert!(views.one.list().await.unwrap().is_empty());
    let mut expected = Vec::new();
    for port in 1..=300 {
        let entry =
            (name(&format!("worker-{port:03}")), record(port).with("text", "x".repeat(700)));
        views.other.register(&entry.0, entry.1.clone()).await.unwrap();
        expected.push(entry);
    }
    assert_eq!(views.one.list().await.unwrap(), expected);
}

/// Metadata is bounded.
pub async fn a_record_that_is_too_large_is_refused(views: Views) {
    let huge = record(1).with("text", "x".repeat(Record::MAX_METADATA));
    let error = views.one.register(&name("Alice"), huge).await.unwrap_err();
    assert!(matches!(error, RegisterError::TooLarge { .. }), "{error}");
    views.one.register(&name("Alice"), record(1)).await.unwrap();
}

/// Nobody has to list and watch, and miss what happens in between.
pub async fn a_watch_begins_with_the_present_state(views: Views) {
    for port in 1..=3 {
        views.one.register(&name(&format!("n{port}")), record(port)).await.unwrap();
    }
    for view in [&views.one, &views.other, &views.one] {
        let mut watch = view.watch().await.unwrap();
        let state = read_state(&mut watch).await;
        assert_eq!(state.into_keys().collect::<Vec<_>>(), ["n1", "n2", "n3"].map(name));
    }
}

/// News come in the order in which they happened.
pub async fn a_watch_tells_what_others_do(views: Views) {
    let mut watch = views.one.watch().await.unwrap();
    assert!(read_state(&mut watch).await.is_empty());
    let alice = name("Alice");
    for port in [1, 2] {
        views.other.register(&alice, record(port)).await.unwrap();
        views.other.unregister(&alice).await.unwrap();
    }
    for port in [1, 2] {
        let registered = Change::Registered { name: alice.clone(), record: record(port) };
        assert_eq!(watch.next().await, Some(registered));
        let unregistered = Change::Unregistered { name: alice.clone() };
        assert_eq!(watch.next().await, Some(unregistered));
    }
}

/// A watcher that does not look costs little, and knows when it looks that it missed something.
pub async fn a_slow_watcher_is_told_and_then_told_again(views: Views) {
    let (slow, mut quick) = (views.one.watch().await.unwrap(), views.one.watch().await.unwrap());
    let mut slow = slow;
    assert!(read_state(&mut slow).await.is_empty());
    let last = name("last");
    let (follow, tell) = (follow(&mut quick, &last), async {
        for port in 1..=1_000 {
            views.other.register(&name("Alice"), record(port)).await.unwrap();
            views.other.unregister(&name("Alice")).await.unwrap();
        }
        views.other.register(&last, record(1)).await.unwrap();
    });
    tokio::join!(follow, tell);
    assert_eq!(slow.next().await, Some(Change::Lagged));
    let state = read_state(&mut slow).await;
    assert_eq!(state, BTreeMap::from([(last, record(1))]));
}

/// Each watch is told everything, and its end is its own.
pub async fn watches_do_not_disturb_each_other(views: Views) {
    let mut watches = Vec::new();
    for _ in 0..5 {
        watches.push(views.one.watch().await.unwrap());
    }
    watches.truncate(3);
    views.other.register(&name("Alice"), record(1)).await.unwrap();
    for watch in &mut watches {
        follow(watch, &name("Alice")).await;
    }
}

/// Reads the present state off a watch that begins, or begins again.
///
/// # Panics
/// If the watch ends before the state is told.
pub async fn read_state(watch: &mut Watch) -> BTreeMap<Name, Record> {
    let mut state = BTreeMap::new();
    loop {
        match watch.next().await {
            Some(Change::Current) => return state,
            Some(Change::Registered { name, record }) => drop(state.insert(name, record)),
            Some(Change::Unregistered { name }) => drop(state.remove(&name)),
            other => panic!("{other:?} in the middle of the state"),
        }
    }
}

/// Reads changes until `name` is registered.
///
/// # Panics
/// If the watch ends before.
pub async fn follow(watch: &mut Watch, name: &Name) {
    loop {
        match watch.next().await {
            Some(Change::Registered { name: it, .. }) if it == *name => return,
            Some(_) => (),
            None => panic!("the watch ended before {name} came"),
        }
    }
}

/// The name `text`.
///
/// # Panics
/// If it is none.
pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The record of something at this port.
///
/// # Panics
/// Never: the endpoint is one.
pub fn record(port: u16) -> Record {
    Record::new(format!("tcp://127.0.0.1:{port}").parse().unwrap())
}
