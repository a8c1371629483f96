//! Servers that call their clients back: over the connection that there is, or in the way of xbahn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gleis_core::Value;
use gleis_rpc::{Call, Client, ClientBuilder, Link, Message, RpcError, Server, ServerBuilder};
use gleis_test::wait::{eventually, tasks_down_to, within};

type Count = Arc<AtomicU32>;

fn count(count: &Count) -> u32 {
    count.load(Ordering::SeqCst)
}

/// Touches each client that comes, and counts those that go.
fn touching(gone: &Count) -> ServerBuilder {
    let gone = gone.clone();
    Server::new()
        .aware()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose_with("whoami", [], async |call: Call, ()| {
            Ok::<_, String>(call.client().map(|it| it.id().to_owned()))
        })
        .on_new_client(async |client| {
            client.call::<Value>("touch", ("hello",)).await.unwrap();
        })
        .on_client_gone(move |_| {
            gone.fetch_add(1, Ordering::SeqCst);
            async {}
        })
}

/// Counts how often it is touched.
fn touched(touches: &Count) -> ClientBuilder {
    let touches = touches.clone();
    Client::new()
        .expose("touch", ["how"], move |(how,): (String,)| {
            assert_eq!(how, "hello");
            touches.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, String>(true) }
        })
        .expose("fail", [], async |()| Err::<(), _>("not now"))
        .expose("panic", [], async |()| -> Result<(), String> { panic!("as it should") })
        .expose("never", [], async |()| -> Result<(), String> { std::future::pending().await })
}

/// A client in both ways.
async fn both(server: &Server, client: impl Fn() -> ClientBuilder) -> [Client; 2] {
    let url = server.url().twin();
    let same = client().connect(url.clone()).await.unwrap();
    let responder = "zmq://127.0.0.1:0/rep";
    [same, client().connect_with_responder(url, responder).await.unwrap()]
}

#[tokio::test]
async fn a6_a_new_client_was_called_back_when_its_first_call_returns() {
    let gone = Count::default();
    let server = touching(&gone).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let touches = Count::default();
    for (n, client) in both(&server, || touched(&touches)).await.into_iter().enumerate() {
        assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
        assert_eq!(count(&touches), 1 + n as u32);
        within(client.call::<String>("ping", ())).await.unwrap();
        assert_eq!(count(&touches), 1 + n as u32);
        let id = client.id().await.unwrap().to_owned();
        let known = within(client.call::<Option<String>>("whoami", ())).await.unwrap();
        assert_eq!(known.as_deref(), Some(id.as_str()));
        assert_eq!(server.client(&id).unwrap().id(), id);
        within(client.close()).await;
        eventually(|| count(&gone) == 1 + n as u32).await;
        assert!(server.client(&id).is_none());
    }
}

#[tokio::test]
async fn xb_two_way_what_a_client_says_goes_back_to_the_server() {
    let server = touching(&Count::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let touches = Count::default();
    for client in both(&server, || touched(&touches)).await {
        within(client.call::<String>("ping", ())).await.unwrap();
        let back = server.client(client.id().await.unwrap()).unwrap();
        assert!(within(back.call::<bool>("touch", ("hello",))).await.unwrap());
        for (method, says) in [
            ("fail", "not now"),
            ("panic", "the handler panicked"),
            ("nothing", "action 'nothing' not exposed on API (Client)"),
        ] {
            let error = within(back.call::<Value>(method, ())).await.unwrap_err();
            assert_eq!(error.to_string(), says);
        }
        let hurried = back.clone().within(Duration::from_millis(30));
        let error = within(hurried.call::<Value>("never", ())).await.unwrap_err();
        assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
        // It is served on, also while a call never ends.
        assert!(within(back.call::<bool>("touch", ("hello",))).await.unwrap());
        assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
    }
}

#[tokio::test]
async fn a_client_that_exposes_nothing_is_served_and_not_known() {
    let server = touching(&Count::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::connect(server.url().twin()).await.unwrap();
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
    assert_eq!(within(client.call::<Option<String>>("whoami", ())).await.unwrap(), None);
    assert!(server.clients().is_empty());
    // Nor is one whose server calls nobody back.
    let plain = Server::new().expose("ping", [], async |()| Ok::<_, String>("pong!"));
    let plain = plain.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = touched(&Count::default()).connect(plain.url().twin()).await.unwrap();
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
    assert!(plain.clients().is_empty());
}

#[tokio::test]
async fn xb_inactivity_timeout_a_silent_client_is_forgotten_and_comes_again() {
    let gone = Count::default();
    let server = touching(&gone)
        .inactive_timeout(Duration::from_millis(250))
        // A machine that is busy must not make a living client look silent.
        .heartbeat(Duration::from_millis(400))
        .listen("zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    let touches = Count::default();
    let [same, other] = both(&server, || touched(&touches)).await;
    for client in [&same, &other] {
        within(client.call::<String>("ping", ())).await.unwrap();
    }
    // One that listens elsewhere is silent; one that fetches its calls never is.
    eventually(|| count(&gone) == 1).await;
    let ids: Vec<_> = server.clients().iter().map(|it| it.id().to_owned()).collect();
    assert_eq!(ids, [same.id().await.unwrap()]);
    assert_eq!(count(&touches), 2);
    within(other.call::<String>("ping", ())).await.unwrap();
    assert_eq!(count(&touches), 3);
    // Gone without a word.
    drop(same);
    eventually(|| server.clients().len() < 2 && 2 <= count(&gone)).await;
}

#[tokio::test]
async fn a_client_that_dies_during_a_call_back_is_an_error_in_time() {
    let server = touching(&Count::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    for client in both(&server, || touched(&Count::default())).await {
        within(client.call::<String>("ping", ())).await.unwrap();
        let back = server.client(client.id().await.unwrap()).unwrap();
        let back = back.within(Duration::from_millis(200));
        let call = tokio::spawn(async move { back.call::<Value>("never", ()).await });
        drop(client);
        let error = within(call).await.unwrap().unwrap_err();
        assert!(!matches!(error, RpcError::Remote { .. }), "{error}");
    }
    let client = Client::connect(server.url().twin()).await.unwrap();
    assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
}

#[tokio::test]
async fn a_remote_elsewhere_is_refused_and_nothing_is_opened() {
    let server = touching(&Count::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let link = Link::connect(server.url().twin()).await.unwrap();
    for (n, (remote, says)) in [
        ("connect->zmq://192.0.2.1:7051/req?transport=tcp", "not allowed"),
        ("connect->zmq://example.org:7051/req", "not allowed"),
        ("listen->zmq://127.0.0.1:7051/rep", "only connect->URL"),
        ("zmq://127.0.0.1:7051/req", "only connect->URL"),
        ("connect->zmq://127.0.0.1:7051/pub", "only a req can call"),
        ("connect->nonsense", "is not zmq://"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut message = Message::new("ping");
        message.meta.insert("client".to_owned(), Value::from(format!("stranger {n}")));
        message.meta.insert("remote".to_owned(), Value::from(remote));
        let error = within(link.send_and_wait("comm.call", message)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("remote ") && text.contains(says), "{remote}: {text}");
    }
    assert!(server.clients().is_empty());
}

#[tokio::test]
async fn a_key_is_asked_for_in_both_directions() {
    let gone = Count::default();
    let server = touching(&gone).key("open sesame").listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let touches = Count::default();
    for client in both(&server, || touched(&touches).key("open sesame")).await {
        within(client.call::<String>("ping", ())).await.unwrap();
    }
    assert_eq!(count(&touches), 2);
    for client in both(&server, || touched(&touches).key("open barley")).await {
        let error = within(client.call::<String>("ping", ())).await.unwrap_err();
        assert_eq!(error.to_string(), "Authentication failed.");
    }
    assert_eq!(server.clients().len(), 2);
    // Whoever calls a client must know the key as well.
    let responder = touched(&touches).key("open sesame");
    let responder = responder
        .connect_with_responder(server.url().twin(), "zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    let at = responder.link().url("responder").unwrap().twin();
    let stranger = Client::connect(at).await.unwrap();
    let error = within(stranger.call::<Value>("touch", ("hello",))).await.unwrap_err();
    assert_eq!(error.to_string(), "Authentication failed.");
}

#[tokio::test]
async fn an_error_may_be_heard_and_the_call_made_once_more() {
    let calls = Count::default();
    let counting = calls.clone();
    let server = Server::new().expose("flaky", ["good"], move |(good,): (u32,)| {
        let n = counting.fetch_add(1, Ordering::SeqCst);
        async move { if n < good { Err(format!("not yet: {n}")) } else { Ok(n) } }
    });
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::new().on_api_error(async |text| text.starts_with("not yet"));
    let client = client.connect(server.url().twin()).await.unwrap();
    assert_eq!(within(client.call::<u32>("flaky", (1,))).await.unwrap(), 1);
    let error = within(client.call::<u32>("flaky", (9,))).await.unwrap_err();
    assert_eq!(error.to_string(), "not yet: 3");
    assert_eq!(count(&calls), 4);
    let error = within(client.call::<u32>("nothing", ())).await.unwrap_err();
    assert!(error.to_string().contains("not exposed"), "{error}");
}

#[tokio::test]
async fn what_goes_out_and_comes_in_is_seen_by_hooks() {
    let server = Server::new()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .incoming(|message| match message.meta.get("seat") {
            Some(_) => Ok(()),
            None => Err("no seat".to_owned()),
        })
        .outgoing(|message| {
            message.meta.insert("row".to_owned(), Value::from(7));
        });
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::connect(server.url().twin()).await.unwrap();
    let error = within(client.call::<Value>("ping", ())).await.unwrap_err();
    assert_eq!(error.to_string(), "no seat");
    let client = Client::new().outgoing(|message| {
        message.meta.insert("seat".to_owned(), Value::from(3));
    });
    let client = client.connect(server.url().twin()).await.unwrap();
    let rows = Arc::new(AtomicU32::new(0));
    let seen = rows.clone();
    let _guard = client.link().on("response", move |received| {
        let row = received.message.meta.get("row").and_then(Value::as_u64).unwrap_or_default();
        seen.fetch_add(u32::try_from(row).unwrap(), Ordering::SeqCst);
        async {}
    });
    within(client.call::<String>("ping", ())).await.unwrap();
    // Once for the id, once for the call.
    assert_eq!(rows.load(Ordering::SeqCst), 14);
}

#[tokio::test]
async fn nothing_is_left_when_all_are_gone() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    {
        let server = touching(&Count::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
        let touches = Count::default();
        for client in both(&server, || touched(&touches)).await {
            within(client.call::<String>("ping", ())).await.unwrap();
        }
        let url = server.url().twin();
        let kept = touched(&touches).connect(url).await.unwrap();
        within(kept.call::<String>("ping", ())).await.unwrap();
        drop(server);
        // One whose server is gone goes too.
        drop(kept);
    }
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn many_clients_with_many_calls_in_flight_get_their_own_answers() {
    let server = Server::new()
        .aware()
        .expose("double", ["n"], async |(n,): (u64,)| Ok::<_, String>(n * 2))
        .listen("zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    let url = server.url().twin();
    let clients = (0..100_u64).map(|n| {
        let url = url.clone();
        async move {
            let client = Client::connect(url).await.unwrap();
            let calls = (0..8).map(|k| client.call::<u64>("double", (n * 8 + k,)));
            let answers = futures::future::join_all(calls).await;
            for (k, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.unwrap(), (n * 8 + k as u64) * 2);
            }
        }
    });
    within(futures::future::join_all(clients)).await;
    assert!(server.clients().is_empty());
}

#[tokio::test]
async fn a_newer_request_for_calls_ends_an_older_one_and_gets_the_calls() {
    let server = Server::new().aware().listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let link = Link::connect(server.url().twin()).await.unwrap();
    let ask = || {
        let link = link.clone();
        tokio::spawn(async move {
            let mut message = Message::new("next_call");
            message.meta.insert("client".to_owned(), Value::from("x"));
            message.meta.insert("back".to_owned(), Value::from(true));
            link.send_and_wait("comm.call", message).await.unwrap().data
        })
    };
    let older = ask();
    eventually(|| server.client("x").is_some()).await;
    let newer = ask();
    assert_eq!(within(older).await.unwrap(), Value::Null);
    let client = server.client("x").unwrap();
    let call = tokio::spawn(async move { client.call::<Value>("poke", ()).await });
    let Value::Map(fetched) = within(newer).await.unwrap() else {
        panic!("no call");
    };
    assert_eq!(fetched["data"], Value::from("poke"));
    call.abort();
}

#[tokio::test]
async fn more_clients_wait_for_calls_than_a_link_works_on_at_once() {
    let server = Server::new()
        .aware()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .heartbeat(Duration::from_secs(60))
        .listen("zmq://crowded/rep?transport=inproc")
        .await
        .unwrap();
    let mut clients = Vec::new();
    for _ in 0..300 {
        let client = Client::new().expose("poke", [], async |()| Ok::<_, String>(()));
        let client = client.connect(server.url().twin()).await.unwrap();
        assert_eq!(within(client.call::<String>("ping", ())).await.unwrap(), "pong!");
        clients.push(client);
    }
    for client in server.clients() {
        within(client.call::<()>("poke", ())).await.unwrap();
    }
    assert_eq!(server.clients().len(), clients.len());
}
