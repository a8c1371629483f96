//! SSSN's channels: A11 to A16, in this process and served over each transport.

use std::time::{Duration, Instant};

use futures::future::join_all;
use gleis_channels::{
    ChannelMessage, Content, Correlated, CorrelatedChannel, PassthroughChannel, ReadChannel,
    RemoteChannel, ServedChannel, request_via_channel,
};
use gleis_test::wait::PATIENCE;
use gleis_transport::TaskGuard;
use serde::{Deserialize, Serialize};

use crate::support::{SCHEMES, fresh, soon, until};

#[derive(Debug, Deserialize, Serialize)]
struct Numbers {
    a: f64,
    b: f64,
}

#[derive(Debug, Deserialize, Serialize)]
struct ComputeRequest {
    a: f64,
    b: f64,
    #[serde(default = "addition")]
    operation: String,
}

fn addition() -> String {
    "add".to_owned()
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct ComputeResponse {
    result: f64,
    error: Option<String>,
}

fn compute(request: &Content) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let request: ComputeRequest = request.read()?;
    match request.operation.as_str() {
        "add" => Ok(request.a + request.b),
        "mul" => Ok(request.a * request.b),
        other => Err(format!("Unknown operation: {other}").into()),
    }
}

/// Two channels of this process, the same as others see them, and somebody who answers.
struct World {
    requests: PassthroughChannel,
    responses: PassthroughChannel,
    _responder: TaskGuard,
    served: Vec<ServedChannel>,
}

/// How the requester sees the channels.
enum View {
    Here(PassthroughChannel, PassthroughChannel),
    There(RemoteChannel, RemoteChannel),
}

impl View {
    async fn call(&self, content: Content, timeout: Duration) -> Option<ChannelMessage> {
        let sender = "client";
        let reply = match self {
            Self::Here(to, from) => via(to, from, sender, content, timeout).await,
            Self::There(to, from) => via(to, from, sender, content, timeout).await,
        };
        reply.unwrap()
    }
}

async fn via(
    to: &impl Correlated,
    from: &impl Correlated,
    sender: &str,
    content: Content,
    timeout: Duration,
) -> Result<Option<ChannelMessage>, gleis_channels::RemoteError> {
    request_via_channel(to, from, sender, content, timeout).await
}

/// Answers requests in batches of `batch`, the latest first.
async fn respond(requests: PassthroughChannel, responses: PassthroughChannel, batch: usize) {
    let mut waiting = Vec::new();
    while let Ok(some) = requests.next("compute-service", 10).await {
        waiting.extend(some);
        if waiting.len() < batch {
            continue;
        }
        for request in waiting.drain(..).rev() {
            let response = match compute(&request.content) {
                Ok(result) => ComputeResponse { result, error: None },
                Err(error) => ComputeResponse { result: 0.0, error: Some(error.to_string()) },
            };
            let content = Content::new(&response).unwrap();
            responses.write(request.reply("compute-service", content)).unwrap();
        }
    }
}

impl World {
    fn new(batch: usize) -> Self {
        let requests = PassthroughChannel::new("compute-request", "Compute Request").start();
        let responses = PassthroughChannel::new("compute-response", "Compute Response").start();
        let _responder = TaskGuard::spawn(respond(requests.clone(), responses.clone(), batch));
        Self { requests, responses, _responder, served: Vec::new() }
    }

    /// The channels as seen in this process, and over each transport.
    async fn views(&mut self) -> Vec<View> {
        let mut views = vec![View::Here(self.requests.clone(), self.responses.clone())];
        for scheme in SCHEMES {
            views.push(self.served(scheme).await);
        }
        views
    }

    async fn served(&mut self, scheme: &str) -> View {
        let to = ServedChannel::bind(fresh(scheme), &self.requests).await.unwrap();
        let from = ServedChannel::bind(fresh(scheme), &self.responses).await.unwrap();
        let connect = |at: &ServedChannel| RemoteChannel::connect(at.endpoint().clone());
        let view = View::There(connect(&to).await.unwrap(), connect(&from).await.unwrap());
        self.served.extend([to, from]);
        view
    }
}

fn numbers(a: u32, b: u32) -> Content {
    Content::new(&Numbers { a: a.into(), b: b.into() }).unwrap()
}

fn result(reply: Option<ChannelMessage>) -> ComputeResponse {
    reply.expect("a reply").content.read().unwrap()
}

#[tokio::test]
async fn a11_seven_and_thirty_five_are_forty_two_without_polling() {
    let mut world = World::new(1);
    let view = View::Here(world.requests.clone(), world.responses.clone());
    check_a11(&view).await;
    for scheme in SCHEMES {
        check_a11(&world.served(scheme).await).await;
    }
}

async fn check_a11(view: &View) {
    let reply = soon(view.call(numbers(7, 35), PATIENCE)).await;
    let reply = reply.expect("a reply");
    assert_eq!(reply.content.get("result").and_then(|it| it.as_f64()), Some(42.0));
    assert_eq!(
        (reply.sender.as_str(), reply.recipient.as_deref()),
        ("compute-service", Some("client"))
    );
}

#[tokio::test(start_paused = true)]
async fn a11_the_reply_comes_at_once() {
    let world = World::new(1);
    let view = View::Here(world.requests.clone(), world.responses.clone());
    let begin = tokio::time::Instant::now();
    result(view.call(numbers(7, 35), Duration::from_secs(30)).await);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a12_without_a_responder_there_is_no_reply_when_the_time_is_over() {
    let silent = || PassthroughChannel::new("silent", "Silent").start();
    let view = View::Here(silent(), silent());
    for timeout in [200, 1, 700, 1_000_000_000].map(Duration::from_millis) {
        let begin = tokio::time::Instant::now();
        assert!(view.call(numbers(7, 35), timeout).await.is_none());
        let took = begin.elapsed();
        assert!(timeout <= took && took <= timeout + Duration::from_millis(1), "{took:?}");
    }
    let View::Here(_, responses) = view else { unreachable!() };
    assert_eq!(responses.waiting(), 0);
}

#[tokio::test]
async fn a12_neither_is_there_one_from_another_process() {
    for scheme in SCHEMES {
        let silent = PassthroughChannel::new("silent", "Silent").start();
        let served = ServedChannel::bind(fresh(scheme), &silent).await.unwrap();
        let remote = RemoteChannel::connect(served.endpoint().clone()).await.unwrap();
        let view = View::There(remote.clone(), remote);
        let begin = Instant::now();
        assert!(soon(view.call(numbers(7, 35), Duration::from_millis(200))).await.is_none());
        assert!(Duration::from_millis(200) <= begin.elapsed());
        // Who waits no more is not on the list, there either.
        until(|| silent.waiting() == 0).await;
    }
}

/// The loop of the seed, by hand.
async fn call(world: &World, payload: Content) -> Option<Content> {
    let correlation = "by-hand";
    let request = ChannelMessage::new("client-a", payload)
        .correlation_id(correlation)
        .reply_to(world.responses.id());
    world.requests.write(request).unwrap();
    let mut last: Option<String> = None;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let messages = world.responses.read("client-a", 20, last.as_deref()).unwrap();
        for message in messages {
            assert_ne!(last.as_ref(), Some(&message.id), "after is exclusive");
            if message.correlation_id.as_deref() == Some(correlation) {
                return Some(message.content.clone());
            }
            last = Some(message.id.clone());
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn a13_the_loop_by_hand_works() {
    let world = World::new(1);
    for n in 0..50 {
        world.responses.write(ChannelMessage::new("somebody", n)).unwrap();
    }
    let response: ComputeResponse = call(&world, numbers(7, 35)).await.unwrap().read().unwrap();
    assert_eq!(response.result, 42.0);
}

#[tokio::test]
async fn a13_the_loop_by_hand_works_from_another_process() {
    for scheme in SCHEMES {
        let mut world = World::new(1);
        let View::There(to, from) = world.served(scheme).await else { unreachable!() };
        let request = ChannelMessage::new("client-a", numbers(7, 35)).correlation_id("by-hand");
        to.write(request).await.unwrap();
        let found = soon(async {
            let mut last: Option<String> = None;
            loop {
                for message in from.read("client-a", 20, last.as_deref()).await.unwrap() {
                    if message.correlation_id.as_deref() == Some("by-hand") {
                        return message;
                    }
                    last = Some(message.id);
                }
            }
        });
        assert_eq!(result(Some(found.await)).result, 42.0);
    }
}

#[tokio::test]
async fn a14_typed_requests_are_computed_or_refused_and_the_responder_survives() {
    let mut world = World::new(1);
    for view in world.views().await {
        let ask = async |content: Content| result(soon(view.call(content, PATIENCE)).await);
        let typed = |operation: &str| {
            let operation = operation.to_owned();
            Content::new(&ComputeRequest { a: 6.0, b: 7.0, operation }).unwrap()
        };
        assert_eq!(ask(typed("add")).await, ComputeResponse { result: 13.0, error: None });
        assert_eq!(ask(typed("mul")).await, ComputeResponse { result: 42.0, error: None });
        let unknown = ask(typed("pow")).await;
        assert_eq!(unknown.error.as_deref(), Some("Unknown operation: pow"));
        let incomplete = Content::new(&std::collections::BTreeMap::from([("a", 1.0)])).unwrap();
        let incomplete = ask(incomplete).await;
        assert_eq!(incomplete.error.as_deref(), Some("missing field `b`"));
        assert_eq!(ask(numbers(1, 2)).await.result, 3.0);
    }
}

async fn check_concurrent(view: &View, n: u32) {
    let calls = (0..n).map(|i| view.call(numbers(i, 2 * i), PATIENCE));
    let responses = soon(join_all(calls)).await;
    for (i, response) in responses.into_iter().enumerate() {
        assert_eq!(result(response).result, 3.0 * i as f64);
    }
}

#[tokio::test]
async fn a15_ten_concurrent_requests_of_one_sender_each_get_their_own_reply() {
    for batch in [1, 10] {
        let mut world = World::new(batch);
        let view = View::Here(world.requests.clone(), world.responses.clone());
        check_concurrent(&view, 10).await;
        for scheme in SCHEMES {
            check_concurrent(&world.served(scheme).await, 10).await;
        }
        assert_eq!(world.responses.waiting(), 0);
    }
}

#[tokio::test]
async fn a15_and_so_do_five_hundred_answered_in_reverse() {
    let mut world = World::new(500);
    let view = View::Here(world.requests.clone(), world.responses.clone());
    check_concurrent(&view, 500).await;
    for scheme in SCHEMES {
        check_concurrent(&world.served(scheme).await, 500).await;
    }
    assert_eq!(world.responses.waiting(), 0);
}

#[tokio::test]
async fn a16_a_backlog_delays_no_reply_and_no_cursor_moves() {
    let mut world = World::new(1);
    for n in 0..10_000 {
        world.responses.write(ChannelMessage::new("somebody", n)).unwrap();
    }
    let first = world.responses.read("client", 1, None).unwrap();
    for view in world.views().await {
        assert_eq!(result(soon(view.call(numbers(7, 35), PATIENCE)).await).result, 42.0);
    }
    let second = world.responses.read("client", 1, None).unwrap();
    let number = |it: &[std::sync::Arc<ChannelMessage>]| it[0].content.data().as_i64();
    assert_eq!((number(&first), number(&second)), (Some(0), Some(1)));
    // The reply stays where it was written.
    assert!(10_000 < world.responses.stats().kept);
}
