//! Both channels as agents have them: asynchronous request-reply and synced publish-subscribe.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{Addr, AgentRef, AgentState, Context, Kind, Node, OpenError, Result, agent};
use gleis_test::wait::{eventually, within};
use tokio::sync::{Semaphore, mpsc};

use crate::support::Listener;

const MOMENT: Duration = Duration::from_millis(30);

/// Answers once the test lets it.
struct Gated {
    gate: Arc<Semaphore>,
    taken: Vec<String>,
}

#[agent]
impl Gated {
    async fn answer(&mut self, _: &Context<Self>, text: String) -> Result<String> {
        self.taken.push(text.clone());
        self.gate.acquire().await?.forget();
        Ok(format!("x{text}"))
    }

    async fn answer_early(&mut self, cx: &Context<Self>, text: String) -> Result {
        cx.reply(&format!("x{text}")).await?;
        self.gate.acquire().await?.forget();
        self.taken.push(text);
        Ok(())
    }

    fn answer_at_once(&mut self, mut text: String) -> String {
        text.insert(0, 'x');
        text
    }
}

async fn gated(node: &Node, name: &str) -> (AgentRef<Gated>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let gated = Gated { gate: gate.clone(), taken: Vec::new() };
    (node.run_agent(name, gated).await.unwrap(), gate)
}

async fn client(node: &Node) -> (AgentRef<Listener>, mpsc::UnboundedReceiver<String>) {
    let (listener, hears) = Listener::new();
    (node.run_agent("client", listener).await.unwrap(), hears)
}

async fn heard(hears: &mut mpsc::UnboundedReceiver<String>) -> String {
    within(hears.recv()).await.unwrap()
}

#[tokio::test]
async fn asr01_replies_come_as_servers_answer_and_the_client_is_never_blocked() {
    let node = Node::local();
    let (one, gate_one) = gated(&node, "one").await;
    let (two, gate_two) = gated(&node, "two").await;
    let (client, mut hears) = client(&node).await;
    for (server, alias) in [(&one, "to one"), (&two, "to two")] {
        let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer).await.unwrap();
        client.connect(addr, Listener::hear).alias(alias).await.unwrap();
    }
    client.context().ask("to one", "foo".to_owned()).await.unwrap();
    client.context().ask("to one", "bar".to_owned()).await.unwrap();
    client.context().ask("to two", "qux".to_owned()).await.unwrap();
    // It is free for other things.
    client.with(|it, _| it.heard.send("free".to_owned()).unwrap()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "free");
    for (gate, expect) in [(gate_two, "xqux"), (gate_one.clone(), "xfoo"), (gate_one, "xbar")] {
        gate.add_permits(1);
        assert_eq!(heard(&mut hears).await, expect);
    }
    let taken = one.with(|it, _| it.taken.clone()).await.unwrap();
    assert_eq!(taken, ["foo", "bar"]);
}

#[tokio::test]
async fn asr02_an_early_reply_arrives_before_the_rest_of_the_work_is_done() {
    let node = Node::local();
    let (server, gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer_early).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    client.context().ask("out", "foo".to_owned()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "xfoo");
    gate.add_permits(1);
    let taken = server.with(|it, _| it.taken.clone()).await.unwrap();
    assert_eq!(taken, ["foo"]);
}

#[tokio::test]
async fn asr03_a_reply_that_nobody_waits_for_runs_no_handler() {
    let node = Node::local();
    let (server, gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    // Without `on_error` there is a warning.
    client.context().ask("out", "late".to_owned()).within(MOMENT).await.unwrap();
    let lost = client.context().ask("out", "later".to_owned()).within(MOMENT);
    lost.on_error(|it: &mut Listener| it.heard.send("lost".to_owned()).unwrap()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "lost");
    gate.add_permits(10);
    client.context().ask("out", "in time".to_owned()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "xin time");
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn asr04_a_reply_in_time_is_handled_and_nothing_is_lost() {
    let node = Node::local();
    let (server, gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    let ask = client.context().ask("out", "foo".to_owned()).within(Duration::from_secs(20));
    ask.on_error(|it: &mut Listener| it.heard.send("lost".to_owned()).unwrap()).await.unwrap();
    gate.add_permits(1);
    assert_eq!(heard(&mut hears).await, "xfoo");
}

#[tokio::test]
async fn asr05_asr06_without_a_reply_in_time_on_error_runs_once() {
    let node = Node::local();
    let (server, gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    let ask = client.context().ask("out", "foo".to_owned()).within(MOMENT);
    let ask = ask.on_error(async |it: &mut Listener, cx: &Context<Listener>| {
        it.heard.send(format!("{} waited in vain", cx.name())).unwrap();
    });
    ask.await.unwrap();
    assert_eq!(heard(&mut hears).await, "client waited in vain");
    gate.add_permits(2);
    client.context().ask("out", "bar".to_owned()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "xbar");
    assert!(hears.try_recv().is_err());
    assert_eq!(client.state(), AgentState::Running);
}

#[tokio::test]
async fn ash01_syh01_a_channel_that_answers_needs_a_handler() {
    let node = Node::local();
    let (server, _gate) = gated(&node, "server").await;
    for (kind, expect) in
        [(Kind::AsyncRep, "ASYNC_REP needs a handler"), (Kind::SyncPub, "SYNC_PUB needs a handler")]
    {
        let error = server.bind(kind, "in").await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        let bind = server.bind(kind, "in").handler(Gated::answer).handler(Gated::answer);
        assert!(matches!(bind.await, Err(OpenError::OneHandler { .. })));
    }
    assert!(!server.context().has_socket("in"));
}

#[tokio::test]
async fn a_channel_is_bound_by_those_who_answer() {
    let node = Node::local();
    let (server, _gate) = gated(&node, "server").await;
    for (kind, expect) in [
        (Kind::AsyncReq, "ASYNC_REQ is connected, not bound"),
        (Kind::SyncSub, "SYNC_SUB is connected, not bound"),
    ] {
        let error = server.bind(kind, "in").await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        let to = Addr::new("tcp://127.0.0.1:1".parse().unwrap(), kind);
        let error = server.connect(to, Gated::answer).await.unwrap_err();
        assert!(error.to_string().ends_with("is bound, not connected"), "{error}");
    }
}

#[tokio::test]
async fn ash02_ash03_ash04_handlers_of_requests_and_replies_have_all_shapes() {
    type Cx = Context<Listener>;
    let node = Node::local();
    let (server, _gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let bind = |alias: &str| server.bind(Kind::AsyncRep, alias);
    let addrs = [
        bind("method").handler(Gated::answer_at_once).await.unwrap(),
        bind("closure").handler(|_: &mut Gated, text: String| format!("x{text}")).await.unwrap(),
        bind("async")
            .handler(async |_: &mut Gated, text: String| format!("x{text}"))
            .await
            .unwrap(),
    ];
    for addr in addrs {
        let connect = |alias: &str| client.connect_as(addr.clone(), alias);
        connect("method").handler(Listener::hear).await.unwrap();
        let closure = |it: &mut Listener, text: String| it.heard.send(text).unwrap();
        connect("closure").handler(closure).await.unwrap();
        connect("async")
            .handler(async |it: &mut Listener, _: &Cx, text: String| it.heard.send(text).unwrap())
            .await
            .unwrap();
        connect("bare").await.unwrap();
        for alias in ["method", "closure", "async"] {
            client.context().ask(alias, "at connect".to_owned()).await.unwrap();
            assert_eq!(heard(&mut hears).await, "xat connect");
            let own = client.context().ask(alias, "own".to_owned());
            own.handler(|it: &mut Listener, text: String| {
                it.heard.send(format!("own {text}")).unwrap();
            })
            .await
            .unwrap();
            assert_eq!(heard(&mut hears).await, "own xown");
        }
        let error = client.context().ask("bare", "nowhere".to_owned()).await.unwrap_err();
        let gleis_agent::RequestError::Channel { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.to_string(), "no handler for the answer");
        let ask = || client.context().ask("bare", "per ask".to_owned());
        ask().handler(Listener::hear).await.unwrap();
        assert_eq!(heard(&mut hears).await, "xper ask");
        ask().handler(closure).await.unwrap();
        assert_eq!(heard(&mut hears).await, "xper ask");
        assert_eq!(
            within(client.context().request::<String>("bare", "awaited".to_owned())).await.unwrap(),
            "xawaited"
        );
        client.context().close_all().await;
    }
}

#[tokio::test]
async fn a_handler_that_fails_is_an_error_to_the_one_who_asked() {
    let node = Node::local();
    let (server, _gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let fail = |_: &mut Gated, text: String| Err::<String, _>(format!("{text} is too much"));
    let addr = server.bind(Kind::AsyncRep, "in").handler(fail).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    let ask = client.context().ask("out", "7".to_owned());
    ask.on_error(|it: &mut Listener| it.heard.send("failed".to_owned()).unwrap()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "failed");
    eventually(|| matches!(server.state(), AgentState::Failed(_))).await;
    assert_eq!(client.state(), AgentState::Running);
}

#[tokio::test]
async fn a_message_of_another_type_is_an_error_to_the_one_who_asked() {
    let node = Node::local();
    let (server, _gate) = gated(&node, "server").await;
    let (client, mut hears) = client(&node).await;
    let addr = server.bind(Kind::AsyncRep, "in").handler(Gated::answer_at_once).await.unwrap();
    client.connect(addr, Listener::hear).alias("out").await.unwrap();
    let ask = client.context().ask("out", u8::MAX);
    ask.on_error(|it: &mut Listener| it.heard.send("refused".to_owned()).unwrap()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "refused");
    client.context().ask("out", "foo".to_owned()).await.unwrap();
    assert_eq!(heard(&mut hears).await, "xfoo");
}
