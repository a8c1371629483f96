//! What is worked on takes places, of which there are so many; what is said of it takes none.

use std::pin::Pin;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, poll, stream};
use gleis_rpc::{Call, Client, ClientRef, RpcError, Server, ServerBuilder, Streaming};
use gleis_test::wait::within;
use tokio::sync::{Semaphore, mpsc};

/// As many as one wire works on at once.
const OF_A_WIRE: u64 = 256;
/// As many as a client works on at once.
const OF_A_CLIENT: u64 = 64;

type Calling = Pin<Box<dyn Future<Output = Result<u64, RpcError>> + Send>>;

/// Says that work begins, and does not end it before there is a permit.
#[derive(Clone)]
struct Work {
    begun: mpsc::UnboundedSender<u64>,
    permits: Arc<Semaphore>,
}

impl Work {
    fn new() -> (Self, mpsc::UnboundedReceiver<u64>) {
        let (begun, heard) = mpsc::unbounded_channel();
        (Self { begun, permits: Arc::new(Semaphore::new(0)) }, heard)
    }

    fn on(&self, n: u64) -> BoxFuture<'static, Result<u64, String>> {
        let Self { begun, permits } = self.clone();
        async move {
            begun.send(n).map_err(|it| it.to_string())?;
            permits.acquire().await.map_err(|it| it.to_string())?.forget();
            Ok(n)
        }
        .boxed()
    }
}

fn patient(work: &Work) -> ServerBuilder {
    let work = work.clone();
    Server::new().expose("wait", ["n"], move |(n,): (u64,)| work.on(n)).expose_stream(
        "count",
        ["to"],
        async |(to,): (u64,)| Ok::<_, String>(Streaming::of(stream::iter(1..=to))),
    )
}

/// A call that is on its way.
async fn sent(calling: impl Future<Output = Result<u64, RpcError>> + Send + 'static) -> Calling {
    let mut calling: Calling = Box::pin(calling);
    assert!(poll!(&mut calling).is_pending());
    calling
}

async fn begin(client: &Client, n: u64) -> Calling {
    let client = client.clone();
    sent(async move { client.call("wait", (n,)).await }).await
}

async fn hear(heard: &mut mpsc::UnboundedReceiver<u64>, n: u64) -> Vec<u64> {
    let mut all = Vec::new();
    for _ in 0..n {
        all.push(within(heard.recv()).await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_call_is_given_up_though_all_places_are_taken() {
    let (work, mut heard) = Work::new();
    let (_server, client) = super::calls::both(patient(&work)).await;
    within(client.id()).await.unwrap();
    let mut calls = Vec::new();
    for n in 0..OF_A_WIRE {
        calls.push(begin(&client, n).await);
    }
    hear(&mut heard, OF_A_WIRE).await;
    // These wait for places. One is given up before it has one, and nobody works on it.
    let given_up = begin(&client, 1_000).await;
    calls.push(begin(&client, 1_001).await);
    drop(given_up);
    drop(calls.swap_remove(0));
    assert_eq!(hear(&mut heard, 1).await, [1_001]);
    work.permits.add_permits(calls.len());
    let answers = within(join_all(calls)).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn a_stream_is_read_though_all_places_are_taken() {
    let (work, mut heard) = Work::new();
    let (server, client) = super::calls::both(patient(&work)).await;
    let reader = Client::connect(server.url().twin()).await.unwrap().ahead(4);
    let mut numbers = within(reader.stream::<u64>("count", (100,))).await.unwrap();
    within(client.id()).await.unwrap();
    let mut calls = Vec::new();
    for n in 0..=OF_A_WIRE {
        calls.push(begin(&client, n).await);
    }
    hear(&mut heard, OF_A_WIRE).await;
    for n in 1..=100 {
        assert_eq!(within(numbers.next()).await.unwrap().unwrap(), n);
    }
    work.permits.add_permits(calls.len());
    assert!(within(join_all(calls)).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_waits_for_a_place_is_answered_in_the_order_in_which_it_came() {
    let (work, mut heard) = Work::new();
    let (_server, client) = super::calls::both(patient(&work)).await;
    within(client.id()).await.unwrap();
    let mut calls = Vec::new();
    for n in 0..OF_A_WIRE + 100 {
        calls.push(begin(&client, n).await);
    }
    hear(&mut heard, OF_A_WIRE).await;
    work.permits.add_permits(calls.len());
    assert!(within(join_all(calls)).await.iter().all(Result::is_ok));
    assert_eq!(hear(&mut heard, 100).await, (OF_A_WIRE..OF_A_WIRE + 100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_gives_up_a_call_of_its_server_though_all_its_places_are_taken() {
    let (work, mut heard) = Work::new();
    let (tell, mut met) = mpsc::unbounded_channel::<ClientRef>();
    let server = Server::new().expose_with("meet", [], move |call: Call, ()| {
        let met = call.client().cloned().ok_or("no client").map(|it| tell.send(it));
        async move { met?.map_err(|_| "nobody listens") }
    });
    let server = server.aware().listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let working = work.clone();
    let client = Client::new().expose("wait", ["n"], move |(n,): (u64,)| working.on(n));
    let client = client.connect(server.url().twin()).await.unwrap();
    within(client.call::<()>("meet", ())).await.unwrap();
    let back = within(met.recv()).await.unwrap();
    let call = |n: u64| {
        let back = back.clone();
        async move { back.call("wait", (n,)).await }
    };
    let mut calls = Vec::new();
    for n in 0..OF_A_CLIENT {
        calls.push(sent(call(n)).await);
    }
    hear(&mut heard, OF_A_CLIENT).await;
    calls.push(sent(call(1_000)).await);
    drop(calls.swap_remove(0));
    assert_eq!(hear(&mut heard, 1).await, [1_000]);
    work.permits.add_permits(calls.len());
    assert!(within(join_all(calls)).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_server_calls_its_clients_back_though_all_places_are_taken() {
    let server = Server::new().expose_with("relay", ["n"], async |call: Call, (n,): (u64,)| {
        let client = call.client().ok_or("no client")?;
        client.call::<u64>("echo", (n,)).await.map_err(|it| it.to_string())
    });
    let server = server.aware().listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::new().expose("echo", ["n"], async |(n,): (u64,)| Ok::<_, String>(n));
    let client = client.connect(server.url().twin()).await.unwrap();
    let calls = (0..2 * OF_A_WIRE).map(|n| client.call::<u64>("relay", (n,)));
    for (n, answer) in (0..).zip(within(join_all(calls)).await) {
        assert_eq!(answer.unwrap(), n);
    }
}
