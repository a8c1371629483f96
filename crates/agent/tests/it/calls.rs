//! Calls by type and by name.

use gleis_agent::{CallError, Value};
use gleis_test::wait::within;

use crate::support::{CounterCalls, counter};

#[tokio::test]
async fn a_typed_call_answers_what_the_method_returns() {
    let (_node, counter) = counter().await;
    assert_eq!(counter.add(2).await.unwrap(), 2);
    assert_eq!(counter.add(40).await.unwrap(), 42);
    assert_eq!(counter.total().await.unwrap(), 42);
}

#[tokio::test]
async fn a_call_by_name_answers_the_same() {
    let (_node, counter) = counter().await;
    assert_eq!(counter.call::<u64>("add", (2,)).await.unwrap(), 2);
    assert_eq!(counter.call::<u64>("add", [40]).await.unwrap(), 42);
    assert_eq!(counter.call::<Value>("total", ()).await.unwrap(), Value::from(42_u64));
}

#[tokio::test]
async fn an_unknown_method_names_those_that_look_alike() {
    let (_node, counter) = counter().await;
    let error = counter.call::<u64>("totl", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "`counter` has no method `totl`; did you mean `total`?");
    let error = counter.call::<u64>("something", ()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`counter` has no method `something`; there is `add`, `total`, `divide`, `burst` and `linger_on`"
    );
}

#[tokio::test]
async fn wrong_arguments_are_named_with_what_the_method_takes() {
    let (_node, counter) = counter().await;
    let error = counter.call::<u64>("add", (1, 2)).await.unwrap_err();
    assert_eq!(error.to_string(), "`add` takes (more: u64): 2 given");
    let error = counter.call::<u64>("add", ("one",)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("`add` takes (more: u64): `more` is no u64: "), "{text}");
    assert_eq!(counter.total().await.unwrap(), 0);
}

#[tokio::test]
async fn an_answer_of_another_type_is_an_error_of_the_caller() {
    let (_node, counter) = counter().await;
    let error = counter.call::<String>("add", (1,)).await.unwrap_err();
    assert!(matches!(error, CallError::Answer { .. }), "{error}");
    assert_eq!(counter.total().await.unwrap(), 1);
}

#[tokio::test]
async fn an_error_of_a_method_goes_to_its_caller_and_the_agent_goes_on() {
    let (_node, counter) = counter().await;
    let error = counter.divide(0).await.unwrap_err();
    assert_eq!(error.to_string(), "`divide` of `counter` failed: division by zero");
    assert_eq!(counter.add(1).await.unwrap(), 1);
}

#[tokio::test]
async fn calls_of_many_are_done_one_at_a_time() {
    let (_node, counter) = counter().await;
    let calls = (0..100).map(|_| counter.add(1));
    let mut totals: Vec<u64> = within(futures::future::try_join_all(calls)).await.unwrap();
    totals.sort_unstable();
    assert_eq!(totals, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_state_can_be_looked_at_between_two_messages() {
    let (_node, counter) = counter().await;
    counter.with(|it, _| it.n = 7).await.unwrap();
    assert_eq!(
        counter.with(|it, cx| format!("{} {}", cx.name(), it.n)).await.unwrap(),
        "counter 7"
    );
}
