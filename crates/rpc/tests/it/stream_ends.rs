//! How streams end: with their readers, their makers and their connections; and that nobody else ends them.

use std::time::Duration;

use futures::{StreamExt, stream};
use gleis_core::Value;
use gleis_rpc::{Client, Link, Message, RpcError, Server, Streaming};
use gleis_test::wait::{eventually, tasks_down_to, within};

use crate::streams::{Made, all, streams};

#[tokio::test]
async fn a_stream_that_is_dropped_is_dropped_where_it_is_made() {
    let made = Made::default();
    let (_server, client) = super::calls::both(streams(&made)).await;
    for method in ["wait", "count"] {
        let args = if method == "count" { vec![u64::MAX] } else { vec![] };
        let mut items = within(client.stream::<u64>(method, args)).await.unwrap();
        within(items.next()).await.unwrap().unwrap();
        assert_eq!(made.n_streams(), 1);
        drop(items);
        eventually(|| made.n_streams() == 0).await;
    }
    assert_eq!(within(client.call::<u64>("one", ())).await.unwrap(), 1);
}

#[tokio::test]
async fn a_client_that_vanishes_takes_its_streams_along() {
    let made = Made::default();
    let (server, client) = super::calls::both(streams(&made)).await;
    let other = Client::connect(server.url().twin()).await.unwrap();
    let mut kept = within(other.stream::<u64>("wait", ())).await.unwrap();
    let mut items = within(client.stream::<u64>("wait", ())).await.unwrap();
    within(items.next()).await.unwrap().unwrap();
    eventually(|| made.n_streams() == 2).await;
    client.link().disconnect().await;
    eventually(|| made.n_streams() == 1).await;
    let error = within(items.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. } | RpcError::Closed), "{error}");
    assert!(within(items.next()).await.is_none());
    assert_eq!(within(kept.next()).await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn a_server_that_dies_during_a_stream_is_an_error_and_no_end() {
    let made = Made::default();
    let (server, client) = super::calls::both(streams(&made)).await;
    let mut items = within(client.stream::<u64>("wait", ())).await.unwrap();
    within(items.next()).await.unwrap().unwrap();
    drop(server);
    let error = within(items.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. }), "{error}");
    assert!(within(items.next()).await.is_none());
    eventually(|| made.n_streams() == 0).await;
    // Or one whose link goes on.
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let server = streams(&made).on(link.clone());
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let mut items = within(client.stream::<u64>("wait", ())).await.unwrap();
    within(items.next()).await.unwrap().unwrap();
    drop(server);
    let error = within(items.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_asks_for_is_dropped_after_a_while_and_one_that_is_not_read_is_kept() {
    let made = Made::default();
    let server = streams(&made).listen("zmq://lease/rep?transport=inproc").await.unwrap();
    let client = Client::connect(server.url().twin()).await.unwrap();
    let mut items = client.clone().ahead(4).stream::<u64>("count", (100,)).await.unwrap();
    let mut quiet = client.stream::<u64>("wait", ()).await.unwrap();
    assert_eq!(quiet.next().await.unwrap().unwrap(), 7);
    // One that asks once and never again, as no client of ours does.
    let mut message = Message::new("wait");
    let said = [("within", 1_000.into()), ("credit", 64.into())];
    message.meta.extend(said.map(|(name, value): (&str, Value)| (name.to_owned(), value)));
    client.link().send_and_wait("comm.call", message).await.unwrap();
    assert_eq!(made.n_streams(), 3);
    // Not synchronisation: the clock is stopped, and this is what is tested.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(made.n_streams(), 2);
    for n in 0..100 {
        assert_eq!(items.next().await.unwrap().unwrap(), n);
    }
    assert!(items.next().await.is_none());
    drop(quiet);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_during_a_stream_is_an_error_in_time() {
    let link = Link::listen("zmq://silent/rep?transport=inproc").await.unwrap();
    link.on("receive", |received| async move {
        let name = received.message.data.as_str().unwrap_or_default();
        let answer = match name {
            "obtain_client_id" => {
                let mut answer = Message::new("$");
                let knows = Value::List(vec!["cancel_call".into(), "next_items".into()]);
                answer.meta.insert("knows".into(), knows);
                answer
            }
            "mute" => Message::new(received.message.id().to_owned()),
            _ => std::future::pending().await,
        };
        received.respond(answer).await.unwrap();
    })
    .keep();
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let mut items = client.stream::<u64>("mute", ()).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = items.next().await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    assert_eq!(start.elapsed().as_secs(), 10);
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn one_who_has_too_many_streams_open_is_told_so_and_others_are_not() {
    let made = Made::default();
    let (server, client) = super::calls::both(streams(&made).open_streams(3)).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(within(client.stream::<u64>("wait", ())).await.unwrap());
    }
    let error = within(client.stream::<u64>("wait", ())).await.unwrap_err();
    assert_eq!(error.to_string(), "too many open streams: 3 are allowed");
    let other = Client::connect(server.url().twin()).await.unwrap();
    drop(within(other.stream::<u64>("wait", ())).await.unwrap());
    open.pop();
    eventually(|| made.n_streams() == 2).await;
    drop(within(client.stream::<u64>("wait", ())).await.unwrap());
}

#[tokio::test]
async fn nobody_reads_or_ends_the_stream_of_another_and_nonsense_is_an_error() {
    let made = Made::default();
    let (server, _) = super::calls::both(streams(&made)).await;
    let link = Link::connect(server.url().twin()).await.unwrap();
    let other = Link::connect(server.url().twin()).await.unwrap();
    let mut message = Message::new("wait");
    message.meta.insert("credit".to_owned(), Value::from(5));
    let id = within(link.send_and_wait("comm.call", message)).await.unwrap().data;
    let ask = async |link: &Link, name: &str, args: &[Value]| {
        let message = Message { args: args.to_vec(), ..Message::new(name) };
        let answer = within(link.send_and_wait("comm.call", message)).await;
        answer.map(|it| it.data).map_err(|it| it.to_string())
    };
    let none = "there is no such stream (any more), or it is asked too often";
    let next = "next_items";
    assert_eq!(ask(&other, next, &[id.clone(), 5.into()]).await.unwrap_err(), none);
    assert_eq!(ask(&other, "cancel_call", std::slice::from_ref(&id)).await, Ok(false.into()));
    for nonsense in [&[][..], &[Value::Null], &[5.into(), 5.into()], &["x".into(), (-1).into()]] {
        assert_eq!(ask(&link, next, nonsense).await.unwrap_err(), none);
    }
    let items = ask(&link, next, &[id.clone(), u64::MAX.into()]).await.unwrap();
    assert_eq!(items.as_map().unwrap()["items"], Value::List(vec![7.into()]));
    assert_eq!(ask(&link, "cancel_call", std::slice::from_ref(&id)).await, Ok(true.into()));
    eventually(|| made.n_streams() == 0).await;
    assert_eq!(ask(&link, next, &[id, 5.into()]).await.unwrap_err(), none);
    // Without an id, or with one twice, there is no stream.
    for (id, is_one) in [("", false), ("twice", true), ("twice", false)] {
        let mut message = Message::new("wait");
        message.meta.insert("credit".to_owned(), Value::from("nonsense"));
        message.meta.insert("id".to_owned(), Value::from(id));
        let opened = within(link.send_and_wait("comm.call", message)).await;
        assert_eq!(opened.is_ok(), is_one);
        if let Err(error) = opened {
            assert_eq!(error.to_string(), "a stream needs an id of its own");
        }
    }
    assert_eq!(made.n_streams(), 1);
}

#[tokio::test]
async fn a_key_is_asked_for_with_each_request_for_items() {
    let (server, _) = super::calls::both(streams(&Made::default()).key("open sesame")).await;
    let client = Client::new().key("open sesame").connect(server.url().twin()).await.unwrap();
    let items = within(client.stream::<u64>("count", (100,))).await.unwrap();
    assert_eq!(all(items).await.len(), 100);
    let message = Message::new("next_items").arg("x").arg(1);
    let error = within(client.link().send_and_wait("comm.call", message)).await.unwrap_err();
    assert_eq!(error.to_string(), "Authentication failed.");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_stream_is_not_silent() {
    let server = streams(&Made::default())
        .inactive_timeout(Duration::from_secs(20))
        .listen("zmq://heard/rep?transport=inproc")
        .await
        .unwrap();
    let client = Client::new();
    let responder = "zmq://responder/rep?transport=inproc";
    let client = client.connect_with_responder(server.url().twin(), responder).await.unwrap();
    let items = client.stream::<u64>("wait", ()).await.unwrap();
    // Not synchronisation: the clock is stopped, and this is what is tested.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(server.clients().len(), 1);
    drop(items);
    // Not synchronisation: as above.
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(server.clients().len(), 0);
}

#[tokio::test]
async fn what_a_client_cannot_tell_is_an_error_that_says_so() {
    let server = Server::new().aware().listen("zmq://127.0.0.1:0/rep").await.unwrap();
    for elsewhere in [false, true] {
        let client = Client::new()
            .expose("nan", [], async |()| Ok::<_, String>(f64::NAN))
            .expose_stream("nans", [], async |()| {
                Ok::<_, String>(Streaming::of(stream::iter([f64::NAN])))
            });
        let url = server.url().twin();
        let client = match elsewhere {
            true => client.connect_with_responder(url, "zmq://127.0.0.1:0/rep").await.unwrap(),
            false => client.connect(url).await.unwrap(),
        };
        within(client.call::<Value>("nothing", ())).await.unwrap_err();
        let back = server.client(client.id().await.unwrap()).unwrap();
        let error = within(back.call::<f64>("nan", ())).await.unwrap_err();
        assert!(error.to_string().starts_with("the result cannot be told"), "{error}");
        let items = within(back.stream::<f64>("nans", ())).await.unwrap();
        let error = all(items).await.pop().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("the result cannot be told"), "{error}");
        within(client.close()).await;
    }
}

#[tokio::test]
async fn many_streams_of_many_clients_come_whole_and_leave_nothing() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let made = Made::default();
    {
        let (server, _) = super::calls::both(streams(&made)).await;
        let clients = (0..10).map(|_| {
            let url = server.url().twin();
            async move {
                let client = Client::connect(url).await.unwrap();
                let idle = (0..16).map(|_| client.stream::<u64>("wait", ()));
                let idle = futures::future::join_all(idle).await;
                let read = (0..8).map(async |n| {
                    let client = client.clone().ahead(1 + 9 * n);
                    all(client.stream::<u64>("count", (200,)).await.unwrap()).await
                });
                for items in futures::future::join_all(read).await {
                    assert_eq!(items.len(), 200);
                    assert!((0..).zip(items).all(|(n, it)| it.unwrap() == n));
                }
                idle.into_iter().for_each(|it| drop(it.unwrap()));
            }
        });
        within(futures::future::join_all(clients)).await;
        eventually(|| made.n_streams() == 0).await;
    }
    within(tasks_down_to(n_tasks)).await;
}

#[test]
fn what_is_dropped_without_a_runtime_is_told_all_the_same() {
    let made = Made::default();
    let here = tokio::runtime::Runtime::new().unwrap();
    let there = tokio::runtime::Runtime::new().unwrap();
    let server = there.block_on(streams(&made).listen("zmq://127.0.0.1:0/rep")).unwrap();
    let (items, call, client) = here.block_on(async {
        let client = Client::connect(server.url().twin()).await.unwrap();
        let mut items = within(client.stream::<u64>("wait", ())).await.unwrap();
        within(items.next()).await.unwrap().unwrap();
        let asking = client.clone();
        let mut call = Box::pin(async move { asking.call::<u64>("one", ()).await });
        let _ = futures::poll!(&mut call);
        (items, call, client)
    });
    drop((items, call));
    here.block_on(eventually(|| made.n_streams() == 0));
    drop(client);
}

#[tokio::test]
async fn a_hook_that_panics_ends_the_stream_for_its_reader() {
    let server = streams(&Made::default()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::new().outgoing(|message| {
        assert_ne!(message.data.as_str(), Some("next_items"), "no more");
    });
    let client = client.connect(server.url().twin()).await.unwrap();
    let mut items = within(client.stream::<u64>("count", (u64::MAX,))).await.unwrap();
    let error = loop {
        match within(items.next()).await.unwrap() {
            Ok(_) => (),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("a hook panicked"), "{error}");
    assert!(within(items.next()).await.is_none());
}

#[tokio::test]
async fn a_stream_of_one_of_several_servers_ends_with_an_error_and_not_in_silence() {
    let link = Link::listen("zmq://127.0.0.1:0/req").await.unwrap();
    let mut servers = Vec::new();
    for n in 0..2u64 {
        let server = Server::new()
            .expose("who", [], move |()| std::future::ready(Ok::<_, String>(n)))
            .expose_stream("count", [], async |()| {
                Ok::<_, String>(Streaming::of(stream::iter(0..1_000u64)))
            });
        let near = Link::connect(link.url("main").unwrap().twin()).await.unwrap();
        servers.push(server.on(near));
    }
    let client = Client::on(link);
    let mut last = within(client.call::<u64>("who", ())).await.unwrap();
    // Until both are there, and asked in turn.
    loop {
        let next = within(client.call::<u64>("who", ())).await.unwrap();
        if std::mem::replace(&mut last, next) != next {
            break;
        }
    }
    let mut numbers = within(client.stream::<u64>("count", ())).await.unwrap();
    let error = within(numbers.next()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("there is no such stream"), "{error}");
    assert!(within(numbers.next()).await.is_none());
}
