//! Calls by name.

use std::collections::BTreeMap;
use std::time::Duration;

use gleis_core::Value;
use gleis_rpc::{Argument, Client, Link, Method, RpcError, Server, ServerBuilder};
use gleis_test::wait::within;

fn calculator() -> ServerBuilder {
    Server::new()
        .name("Calculator")
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"))
        .expose("panic", [], async |()| -> Result<(), String> { panic!("as it should") })
        .expose("late", ["ms"], async |(ms,): (u64,)| {
            // Not synchronisation: the time is what the caller asks for.
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok::<_, String>(ms)
        })
}

pub(crate) async fn both(server: ServerBuilder) -> (Server, Client) {
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::connect(server.url().twin()).await.unwrap();
    (server, client)
}

fn says(error: &RpcError) -> String {
    match error {
        RpcError::Remote { text } => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a5_what_is_exposed_is_called_and_its_errors_are_told() {
    let (_server, client) = both(calculator()).await;
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
    assert_eq!(within(client.call::<i64>("multiply", (7, 6))).await.unwrap(), 42);
    let error = within(client.call::<Value>("nothing", ())).await.unwrap_err();
    assert_eq!(says(&error), "action 'nothing' not exposed on API (Calculator)");
    let error = within(client.call::<Value>("fail", ())).await.unwrap_err();
    assert_eq!(says(&error), "Abandon ship!");
    let error = within(client.call::<Value>("panic", ())).await.unwrap_err();
    assert_eq!(says(&error), "the handler panicked");
    let error = within(client.call::<String>("multiply", (7, 6))).await.unwrap_err();
    assert!(matches!(error, RpcError::Answer { .. }), "{error}");
}

#[tokio::test]
async fn arguments_are_given_in_order_or_by_name() {
    let (_server, client) = both(calculator()).await;
    let named = |names: &[(&str, i64)]| -> BTreeMap<String, Value> {
        names.iter().map(|it| (it.0.to_owned(), Value::from(it.1))).collect()
    };
    let multiply = async |args: Vec<Value>, kwargs| {
        within(client.call_named::<i64>("multiply", args, kwargs)).await
    };
    assert_eq!(multiply(vec![], named(&[("b", 6), ("a", 7)])).await.unwrap(), 42);
    assert_eq!(multiply(vec![7i64.into()], named(&[("b", 6)])).await.unwrap(), 42);
    for (args, kwargs, text) in [
        (vec![7i64], named(&[]), "multiply lacks the argument 'b'"),
        (vec![7, 6, 5], named(&[]), "multiply takes 2 arguments and got 3"),
        (vec![7, 6], named(&[("a", 1)]), "multiply got twice the argument 'a'"),
        (vec![7], named(&[("c", 1)]), "multiply does not take the argument 'c'"),
    ] {
        let args = args.into_iter().map(Value::from).collect();
        assert_eq!(says(&multiply(args, kwargs).await.unwrap_err()), text);
    }
    let error = multiply(vec!["x".into(), 6i64.into()], named(&[])).await.unwrap_err();
    assert!(says(&error).starts_with("wrong arguments"), "{error}");
}

#[tokio::test]
async fn several_servers_share_a_link_by_path() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let ping = |what: &'static str| {
        Server::new().expose("ping", [], move |()| async move { Ok::<_, String>(what) })
    };
    let _one = ping("one").path("one").on(link.clone());
    let _two = ping("two").path("two").on(link.clone());
    let link = Link::connect(link.url("main").unwrap().twin()).await.unwrap();
    for path in ["one", "two"] {
        let client = Client::new().path(path).on(link.clone());
        assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), path);
    }
    // Nobody is called there: the null answer.
    let nobody = Client::new().path("three").on(link);
    assert_eq!(within(nobody.call::<Value>("ping", ())).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn a_key_is_asked_for_before_anything_else() {
    let (server, client) = both(calculator().key("a secret key")).await;
    for method in ["ping", "nothing", "describe", "obtain_client_id"] {
        let other = Client::new().key("another key").on(client.link().clone());
        for client in [client.clone(), other] {
            let error = within(client.call::<Value>(method, ())).await.unwrap_err();
            assert_eq!(says(&error), "Authentication failed.");
        }
    }
    for n in 0..1_000 {
        let client = Client::new().key(format!("guess {n}")).on(client.link().clone());
        within(client.call::<Value>("ping", ())).await.unwrap_err();
    }
    let client = Client::new().key("a secret key").on(client.link().clone());
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
    drop(server);
}

#[tokio::test]
async fn a_server_describes_itself() {
    let (_server, client) = both(calculator()).await;
    let description = within(client.describe()).await.unwrap();
    assert_eq!(description.name, "Calculator");
    let methods = description.methods;
    let names: Vec<_> = methods.iter().map(|it| &it.name[..]).collect();
    assert_eq!(names, ["fail", "late", "multiply", "panic", "ping"]);
    let arguments = ["a", "b"].map(|it| Argument::new(it, "")).to_vec();
    let multiply = Method { arguments, name: "multiply".into(), ..Method::default() };
    assert_eq!(methods[2], multiply);
}

#[tokio::test]
async fn a_slow_call_holds_up_nobody_and_ends_in_time() {
    let (_server, client) = both(calculator()).await;
    let slow = client.clone().within(Duration::from_millis(50));
    let slow = tokio::spawn(async move { slow.call::<u64>("late", (60_000,)).await });
    for _ in 0..100 {
        assert_eq!(within(client.call::<i64>("multiply", (7, 6))).await.unwrap(), 42);
    }
    let error = within(slow).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    assert_eq!(error.to_string(), "timeout of 50ms exceeded for send(comm.call)");
}

#[tokio::test]
async fn many_clients_with_many_calls_each_get_their_own_answers() {
    let (server, _) = both(calculator()).await;
    let mut calling = tokio::task::JoinSet::new();
    for n in 0..50i64 {
        let url = server.url().twin();
        calling.spawn(async move {
            let client = Client::connect(url).await.unwrap();
            let calls = (0..8).map(|m| client.call::<i64>("multiply", (n, m)));
            let answers = futures::future::try_join_all(calls).await.unwrap();
            assert_eq!(answers, (0..8).map(|m| n * m).collect::<Vec<_>>());
        });
    }
    for done in within(calling.join_all()).await {
        let () = done;
    }
}
