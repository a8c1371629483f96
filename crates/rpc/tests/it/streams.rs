//! Streams: what comes, when, and in whose hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use gleis_core::Value;
use gleis_rpc::{Call, Client, Link, Message, RpcError, Server, ServerBuilder, Streaming};
use gleis_test::wait::{eventually, within};
use tokio::sync::{mpsc, watch};

/// How many items a method has made, and how many streams of it are there.
#[derive(Clone, Default)]
pub(crate) struct Made(Arc<[AtomicUsize; 2]>);

impl Made {
    pub(crate) fn n_items(&self) -> usize {
        self.0[0].load(Ordering::SeqCst)
    }

    pub(crate) fn n_streams(&self) -> usize {
        self.0[1].load(Ordering::SeqCst)
    }
}

/// A stream that is there until it is dropped.
struct Here(Made);

impl Here {
    fn new(made: &Made) -> Self {
        made.0[1].fetch_add(1, Ordering::SeqCst);
        Self(made.clone())
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.0[1].fetch_sub(1, Ordering::SeqCst);
    }
}

fn counting(made: &Made, to: u64) -> Streaming<u64> {
    let here = Here::new(made);
    Streaming::of(stream::iter(0..to).inspect(move |_| {
        here.0.0[0].fetch_add(1, Ordering::SeqCst);
    }))
}

pub(crate) fn streams(made: &Made) -> ServerBuilder {
    let [counted, waiting] = [made.clone(), made.clone()];
    Server::new()
        .expose("one", [], async |()| Ok::<_, String>(1))
        .expose_stream("count", ["to"], move |(to,): (u64,)| {
            let counted = counted.clone();
            async move { Ok::<_, String>(counting(&counted, to)) }
        })
        .expose_stream("wait", [], move |()| {
            let here = Here::new(&waiting);
            async move {
                let never = stream::pending::<u64>().inspect(move |_| {
                    let _ = &here;
                });
                Ok::<_, String>(Streaming::of(stream::iter([7]).chain(never)))
            }
        })
        .expose_stream("fail", ["at"], async |(at,): (u64,)| {
            let items = stream::iter(0..).map(move |n: u64| match n.cmp(&at) {
                std::cmp::Ordering::Less => Ok(n),
                _ => Err(format!("no {n}")),
            });
            Ok::<_, String>(Streaming::new(items))
        })
        .expose_stream("refuse", [], async |()| Err::<Streaming<u64>, _>("not today"))
        .expose_stream("panic", [], async |()| {
            let items = stream::iter(0..).map(|n: u64| match n {
                0..3 => n,
                _ => panic!("as it should"),
            });
            Ok::<_, String>(Streaming::of(items))
        })
        .expose_stream("nan", [], async |()| {
            Ok::<_, String>(Streaming::of(stream::iter([f64::NAN])))
        })
}

pub(crate) async fn all<T: Send + 'static>(items: Streaming<T>) -> Vec<Result<T, RpcError>> {
    within(items.collect()).await
}

#[tokio::test]
async fn everything_comes_in_order_and_then_the_end() {
    let made = Made::default();
    let (_server, client) = super::calls::both(streams(&made)).await;
    for (ahead, to) in [(64, 0), (64, 1), (64, 64), (64, 10_000), (1, 100), (0, 3), (9_999, 5_000)]
    {
        let client = client.clone().ahead(ahead);
        let items = within(client.stream::<u64>("count", (to,))).await.unwrap();
        let items: Result<Vec<_>, _> = all(items).await.into_iter().collect();
        assert_eq!(items.unwrap(), (0..to).collect::<Vec<_>>());
    }
    eventually(|| made.n_streams() == 0).await;
}

#[tokio::test]
async fn what_a_stream_gives_may_be_an_error_that_is_its_end() {
    let (_server, client) = super::calls::both(streams(&Made::default())).await;
    for (method, at, says) in [("fail", 100, "no 100"), ("panic", 3, "the handler panicked")] {
        let args = if method == "fail" { vec![at] } else { vec![] };
        let items = within(client.stream::<u64>(method, args)).await.unwrap();
        let mut items = all(items).await;
        let error = items.pop().unwrap().unwrap_err();
        assert_eq!(error.to_string(), says);
        let items: Result<Vec<_>, _> = items.into_iter().collect();
        assert_eq!(items.unwrap(), (0..at).collect::<Vec<_>>());
    }
    let items = within(client.stream::<f64>("nan", ())).await.unwrap();
    let error = all(items).await.pop().unwrap().unwrap_err();
    assert!(error.to_string().starts_with("the result cannot be told"), "{error}");
    let items = within(client.stream::<String>("count", (2,))).await.unwrap();
    let errors = all(items).await;
    assert!(matches!(errors[0], Err(RpcError::Answer { .. })), "{errors:?}");
}

#[tokio::test]
async fn nothing_comes_after_an_item_of_another_type_and_nothing_more_is_made() {
    let made = Made::default();
    let waiting = made.clone();
    let server = Server::new().expose_stream("mixed", [], move |()| {
        let here = Here::new(&waiting);
        let never = stream::pending().inspect(move |_| {
            let _ = &here;
        });
        let items = stream::iter([Value::from(1), "two".into(), 3.into()]).chain(never);
        async move { Ok::<_, String>(Streaming::of(items)) }
    });
    let (_server, client) = super::calls::both(server).await;
    let mut items = within(client.stream::<u64>("mixed", ())).await.unwrap();
    assert_eq!(within(items.next()).await.unwrap().unwrap(), 1);
    let error = within(items.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, RpcError::Answer { .. }), "{error}");
    assert!(within(items.next()).await.is_none());
    eventually(|| made.n_streams() == 0).await;
}

#[tokio::test]
async fn what_gives_no_stream_and_what_does_are_told_apart() {
    let made = Made::default();
    let (_server, client) = super::calls::both(streams(&made)).await;
    let says = |error: RpcError| error.to_string();
    let error = within(client.call::<Value>("count", (3,))).await.unwrap_err();
    assert_eq!(says(error), "count gives a stream: call it as one");
    for (method, text) in [
        ("one", "one gives no stream"),
        ("refuse", "not today"),
        ("nothing", "action 'nothing' not exposed on API (Server)"),
        ("count", "count lacks the argument 'to'"),
        ("describe", "the result of describe is of another type: no stream"),
    ] {
        let error = within(client.stream::<Value>(method, ())).await.unwrap_err();
        assert_eq!(says(error), text);
    }
    assert_eq!((made.n_items(), made.n_streams()), (0, 0));
    let methods = within(client.describe()).await.unwrap().methods;
    let streams: Vec<_> = methods.iter().filter(|it| it.streams).map(|it| &it.name[..]).collect();
    assert_eq!(streams, ["count", "fail", "nan", "panic", "refuse", "wait"]);
}

#[tokio::test]
async fn a_slow_reader_stops_who_makes_the_items() {
    let made = Made::default();
    let (_server, client) = super::calls::both(streams(&made)).await;
    let mut items = within(client.clone().ahead(8).stream::<u64>("count", (1_000,))).await.unwrap();
    eventually(|| made.n_items() == 8).await;
    for n in 0..500 {
        assert_eq!(within(items.next()).await.unwrap().unwrap(), n);
        // What was read, and what may be ahead of it.
        assert!(made.n_items() <= n as usize + 1 + 8, "{} after {n}", made.n_items());
        // It is served on meanwhile.
        if n % 100 == 0 {
            assert_eq!(within(client.call::<u64>("one", ())).await.unwrap(), 1);
        }
    }
    eventually(|| 500 <= made.n_items()).await;
    assert!(made.n_items() <= 508);
}

#[tokio::test]
async fn large_items_wait_where_they_are_made() {
    const SIZE: usize = 200_000;
    let made = Made::default();
    let counted = made.clone();
    let server = Server::new().expose_stream("large", [], move |()| {
        let counted = counted.clone();
        async move {
            let items = counting(&counted, 60).map(|n| n.map(|_| "x".repeat(SIZE)));
            Ok::<_, String>(Streaming::new(items))
        }
    });
    let (_server, client) = super::calls::both(server).await;
    let items = within(client.stream::<String>("large", ())).await.unwrap();
    // A MiB on each side and what is on its way, though there is credit for all.
    eventually(|| 5 <= made.n_items()).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(made.n_items() < 20, "{}", made.n_items());
    }
    let items = all(items).await;
    assert_eq!(items.len(), 60);
    assert!(items.into_iter().all(|it| it.unwrap().len() == SIZE));
}

#[tokio::test]
async fn what_comes_rarely_comes_at_once() {
    let (tell, told) = watch::channel(0);
    let server = Server::new().expose_stream("changes", [], move |()| {
        let told = told.clone();
        async move {
            let changes = stream::unfold(told, async |mut told| {
                told.changed().await.ok()?;
                let n = *told.borrow_and_update();
                Some((n, told))
            });
            Ok::<_, String>(Streaming::of(changes))
        }
    });
    let (_server, client) = super::calls::both(server).await;
    let mut items = within(client.stream::<u64>("changes", ())).await.unwrap();
    for n in 1..50 {
        tell.send(n).unwrap();
        assert_eq!(within(items.next()).await.unwrap().unwrap(), n);
    }
    drop(tell);
    assert!(within(items.next()).await.is_none());
    assert!(within(items.next()).await.is_none());
}

#[tokio::test]
async fn a_server_reads_the_streams_of_its_clients() {
    let made = Made::default();
    let server = Server::new()
        .aware()
        .expose_stream_with("relay", ["method"], async |call: Call, (method,): (String,)| {
            let client = call.client().unwrap().clone().ahead(4);
            let args = if method == "count" { vec![1_000] } else { vec![] };
            client.stream::<u64>(&method, args).await
        })
        .listen("zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    for elsewhere in [false, true] {
        let (counted, waiting) = (made.clone(), made.clone());
        let client = Client::new()
            .expose("ping", [], async |()| Ok::<_, String>("pong"))
            .expose_stream("count", ["to"], move |(to,): (u64,)| {
                let counted = counted.clone();
                async move { Ok::<_, String>(counting(&counted, to)) }
            })
            .expose_stream("wait", [], move |()| {
                let here = Here::new(&waiting);
                let never = stream::pending::<u64>().inspect(move |_| {
                    let _ = &here;
                });
                async move { Ok::<_, String>(Streaming::of(stream::iter([7]).chain(never))) }
            });
        let url = server.url().twin();
        let client = match elsewhere {
            true => client.connect_with_responder(url, "zmq://127.0.0.1:0/rep").await.unwrap(),
            false => client.connect(url).await.unwrap(),
        };
        // Through the server and back to the one who asks.
        let items = within(client.stream::<u64>("relay", ("count",))).await.unwrap();
        let items: Result<Vec<_>, _> = all(items).await.into_iter().collect();
        assert_eq!(items.unwrap(), (0..1_000).collect::<Vec<_>>());
        let mut items = within(client.stream::<u64>("relay", ("wait",))).await.unwrap();
        assert_eq!(within(items.next()).await.unwrap().unwrap(), 7);
        let back = server.client(client.id().await.unwrap()).unwrap();
        assert_eq!(within(back.call::<String>("ping", ())).await.unwrap(), "pong");
        let error = within(back.stream::<u64>("ping", ())).await.unwrap_err();
        assert_eq!(error.to_string(), "ping gives no stream");
        // It is dropped here, so there, so here.
        drop(items);
        eventually(|| made.n_streams() == 0).await;
        within(client.close()).await;
    }
}

#[tokio::test]
async fn a_server_of_xbahn_is_not_asked_for_streams() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let (tell, mut told) = mpsc::channel(4);
    link.on("receive", move |received| {
        let tell = tell.clone();
        async move {
            tell.send(received.message.data.clone()).await.unwrap();
            received.respond(Message::new("$")).await.unwrap();
        }
    })
    .keep();
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let error = within(client.stream::<u64>("count", (3,))).await.unwrap_err();
    assert_eq!(error.to_string(), "the other side knows no streams");
    assert_eq!(within(told.recv()).await.unwrap(), Value::from("obtain_client_id"));
    assert!(told.try_recv().is_err());
}
