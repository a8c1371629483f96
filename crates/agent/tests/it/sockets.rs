//! Sockets by alias: all six kinds, handlers of all shapes, and what is refused.

use std::time::Duration;

use bytes::Bytes;
use gleis_agent::{
    Addr, AgentRef, AgentState, AnyCodec, Context, Kind, Node, OpenError, RequestError, Result,
    agent,
};
use gleis_patterns::{Pull, Push, Requester};
use gleis_test::wait::{eventually, within};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::support::Listener;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Job {
    id: u32,
    text: String,
}

/// Without anything of its own.
struct Plain;

#[agent]
impl Plain {
    async fn square(&mut self, _: &Context<Self>, n: u32) -> u64 {
        u64::from(n) * u64::from(n)
    }

    async fn refuse(&mut self, _: &Context<Self>, n: u32) -> Result<u64> {
        Err(format!("{n} is too much"))?
    }
}

struct Two {
    _node: Node,
    alice: AgentRef<Plain>,
    bob: AgentRef<Listener>,
    hears: mpsc::UnboundedReceiver<String>,
}

async fn two() -> Two {
    let node = Node::local();
    let alice = node.run_agent("Alice", Plain).await.unwrap();
    let (listener, hears) = Listener::new();
    let bob = node.run_agent("Bob", listener).await.unwrap();
    Two { _node: node, alice, bob, hears }
}

#[tokio::test]
async fn push_and_pull_work_whoever_binds() {
    let mut it = two().await;
    let addr = it.bob.bind(Kind::Pull, "in").handler(Listener::hear).await.unwrap();
    it.alice.connect_as(addr, "out").await.unwrap();
    it.alice.send("out", "one".to_owned()).await.unwrap();
    assert_eq!(within(it.hears.recv()).await.unwrap(), "one");
}

#[tokio::test]
async fn agt19_publications_reach_those_who_subscribed() {
    let mut it = two().await;
    let addr = it.alice.bind(Kind::Pub, "news").await.unwrap();
    it.bob.connect(addr, Listener::hear).subscribe("eu.").alias("news").await.unwrap();
    // A publisher drops what nobody has subscribed to yet.
    let heard = within(async {
        loop {
            it.alice.publish("news", "us.ny", "no".to_owned()).await.unwrap();
            it.alice.publish("news", "eu.de", "yes".to_owned()).await.unwrap();
            tokio::select! {
                heard = it.hears.recv() => return heard,
                // Not synchronisation: only keeps the publishing from burning a core.
                () = tokio::time::sleep(Duration::from_millis(5)) => (),
            }
        }
    });
    assert_eq!(heard.await.unwrap(), "yes");
}

#[tokio::test]
async fn a_request_is_answered_by_what_the_handler_returns() {
    let it = two().await;
    let addr = it.alice.bind(Kind::Rep, "square").handler(Plain::square).await.unwrap();
    it.bob.connect_as(addr, "square").await.unwrap();
    let answer = it.bob.with(|_, cx| cx.clone()).await.unwrap();
    assert_eq!(answer.request::<u64>("square", 7_u32).await.unwrap(), 49);
}

#[tokio::test]
async fn a_handler_that_fails_tells_the_requester_and_stops_the_agent() {
    let it = two().await;
    let addr = it.alice.bind(Kind::Rep, "refuse").handler(Plain::refuse).await.unwrap();
    it.bob.connect_as(addr, "refuse").await.unwrap();
    let cx = it.bob.with(|_, cx| cx.clone()).await.unwrap();
    let error = within(cx.request::<u64>("refuse", 7_u32)).await.unwrap_err();
    let RequestError::Socket { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.to_string(), "7 is too much");
    within(eventually(|| matches!(it.alice.state(), AgentState::Failed(_)))).await;
}

#[tokio::test]
async fn a_message_of_another_type_is_dropped_and_the_next_one_handled() {
    let mut it = two().await;
    let addr = it.alice.bind(Kind::Push, "out").codec(AnyCodec::Json).await.unwrap();
    it.bob.connect(addr, Listener::hear).await.unwrap();
    it.alice.send("out", 7_u32).await.unwrap();
    it.alice.send("out", "text".to_owned()).await.unwrap();
    assert_eq!(within(it.hears.recv()).await.unwrap(), "text");
    assert_eq!(it.bob.state(), AgentState::Running);
}

#[tokio::test]
async fn closures_of_all_shapes_are_handlers() {
    type Cx = Context<Listener>;
    fn tell(it: &Listener, n: u32, job: &Job) {
        it.heard.send(format!("{n}: {}", job.text)).unwrap();
    }
    let mut it = two().await;
    let news = it.alice.bind(Kind::Pub, "out").await.unwrap();
    let news = || news.clone();
    let bob = &it.bob;
    let text = "captured".to_owned();
    bob.connect(news(), |it: &mut Listener, job: Job| tell(it, 0, &job)).await.unwrap();
    bob.connect(news(), |it: &mut Listener, _: &Cx, job: Job| {
        tell(it, 1, &job);
    })
    .await
    .unwrap();
    bob.connect(news(), async |it: &mut Listener, job: Job| {
        tell(it, 2, &job);
        Ok::<_, String>(())
    })
    .await
    .unwrap();
    bob.connect(news(), async |it: &mut Listener, _: &Cx, job: Job| {
        tell(it, 3, &job);
    })
    .await
    .unwrap();
    bob.connect(news(), move |it: &mut Listener, mut job: Job| {
        job.text.clone_from(&text);
        tell(it, 4, &job);
        async { Ok::<_, String>(()) }
    })
    .await
    .unwrap();

    let job = Job { id: 1, text: "work".to_owned() };
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 5 {
        // A publisher drops what nobody has subscribed to yet.
        it.alice.send("out", job.clone()).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(5), it.hears.recv());
        seen.extend(heard.await.ok().flatten());
    }
    let seen: Vec<_> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen, ["0: work", "1: work", "2: work", "3: work", "4: captured"]);
}

#[tokio::test]
async fn messages_are_handled_in_order_and_one_at_a_time() {
    struct Slow {
        at_work: bool,
        seen: Vec<u32>,
    }
    #[agent]
    impl Slow {
        async fn work(&mut self, _: &Context<Self>, n: u32) {
            assert!(!std::mem::replace(&mut self.at_work, true));
            tokio::task::yield_now().await;
            self.at_work = false;
            self.seen.push(n);
        }
    }
    let it = two().await;
    let slow = Node::local();
    let slow = (slow.run_agent("slow", Slow { at_work: false, seen: Vec::new() }).mailbox(1), slow);
    let (slow, _node) = (slow.0.await.unwrap(), slow.1);
    let addr = it.alice.bind(Kind::Push, "out").await.unwrap();
    slow.connect(addr, Slow::work).await.unwrap();
    for n in 0..500_u32 {
        it.alice.send("out", n).await.unwrap();
    }
    let all: Vec<u32> = (0..500).collect();
    let seen = async {
        loop {
            let seen = slow.with(|it, _| it.seen.clone()).await.unwrap();
            if seen.len() == all.len() {
                return seen;
            }
        }
    };
    assert_eq!(within(seen).await, all);
}

#[tokio::test]
async fn a_message_can_be_waited_for() {
    let it = two().await;
    let addr = it.alice.bind(Kind::Pull, "in").await.unwrap();
    it.bob.connect_as(addr, "out").await.unwrap();
    it.bob.send("out", 42_u32).await.unwrap();
    let cx = it.alice.with(|_, cx| cx.clone()).await.unwrap();
    assert_eq!(within(cx.recv::<u32>("in")).await.unwrap(), 42);
}

#[tokio::test]
async fn typed_sockets_understand_agents_and_the_other_way_round() {
    let mut it = two().await;
    let job = Job { id: 3, text: "work".to_owned() };
    let addr = it.alice.bind(Kind::Push, "out").await.unwrap();
    let pull = Pull::<Job>::connect(&addr.endpoint).await.unwrap();
    it.alice.send("out", job.clone()).await.unwrap();
    assert_eq!(within(pull.recv()).await.unwrap(), job);

    let push = Push::<String>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let addr = Addr::new(push.endpoint().clone(), Kind::Push).with_codec("json");
    it.bob.connect(addr, Listener::hear).await.unwrap();
    push.send("hello".to_owned()).await.unwrap();
    assert_eq!(within(it.hears.recv()).await.unwrap(), "hello");

    let addr = it.alice.bind(Kind::Rep, "square").handler(Plain::square).await.unwrap();
    let asks = Requester::<u32, u64>::connect(&addr.endpoint).await.unwrap();
    assert_eq!(within(async { asks.request(9).await }).await.unwrap(), 81);
}

#[tokio::test]
async fn raw_and_json_are_bare_on_the_wire() {
    let it = two().await;
    let addr = it.alice.bind(Kind::Push, "json").codec(AnyCodec::Json).await.unwrap();
    let pull = Pull::<Bytes>::connect(&addr.endpoint).codec(named("json")).await.unwrap();
    it.alice.send("json", Job { id: 1, text: "x".to_owned() }).await.unwrap();
    assert_eq!(within(pull.recv()).await.unwrap(), r#"{"id":1,"text":"x"}"#);

    let addr = it.alice.bind(Kind::Push, "raw").codec(AnyCodec::Raw).await.unwrap();
    let pull = Pull::<Bytes>::connect(&addr.endpoint).await.unwrap();
    it.alice.send("raw", Bytes::from_static(b"as it is")).await.unwrap();
    assert_eq!(within(pull.recv()).await.unwrap(), "as it is");
}

/// Bytes as they are, under the name of another codec: what is on the wire.
fn named(name: &'static str) -> AnyCodec {
    #[derive(Debug)]
    struct Named(&'static str);

    impl gleis_codec::Codec for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn encode_dyn(
            &self,
            value: &dyn erased_serde::Serialize,
            limits: &gleis_codec::Limits,
            out: &mut bytes::BytesMut,
        ) -> Result<(), gleis_codec::Fault> {
            AnyCodec::Raw.as_dyn().encode_dyn(value, limits, out)
        }

        fn decode_dyn(
            &self,
            bytes: &[u8],
            limits: &gleis_codec::Limits,
            visit: &mut dyn FnMut(
                &mut dyn erased_serde::Deserializer<'_>,
            ) -> Result<(), erased_serde::Error>,
        ) -> Result<(), gleis_codec::Fault> {
            AnyCodec::Raw.as_dyn().decode_dyn(bytes, limits, visit)
        }
    }

    AnyCodec::Custom(std::sync::Arc::new(Named(name)))
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let it = two().await;
    let text = |error: OpenError| error.to_string();
    it.alice.bind(Kind::Push, "main").await.unwrap();
    let error = it.alice.bind(Kind::Push, "main").await.unwrap_err();
    assert_eq!(text(error), "there is a socket `main` already");
    let error = it.alice.bind(Kind::Rep, "rep").await.unwrap_err();
    assert_eq!(text(error), "REP needs a handler");
    let error = it.alice.bind(Kind::Push, "p").handler(Plain::square).await.unwrap_err();
    assert_eq!(text(error), "PUSH receives nothing, so it takes no handler");
    let error = it.alice.bind(Kind::Push, "p").at("tpc://127.0.0.1:0").await.unwrap_err();
    assert_eq!(text(error), "cannot bind `p`");
    let addr = it.alice.addr("main").await.unwrap().with_codec("yaml");
    let error = it.bob.connect(addr, Listener::hear).await.unwrap_err();
    let expect = "no built-in codec is called `yaml`; there is ";
    assert!(error.to_string().starts_with(expect), "{error}");
    it.alice.bind(Kind::Push, "p").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let it = two().await;
    it.alice.bind(Kind::Push, "main").await.unwrap();
    it.alice.bind(Kind::Rep, "square").handler(Plain::square).await.unwrap();
    let error = it.alice.send("mian", 1).await.unwrap_err().to_string();
    assert_eq!(error, "no socket `mian`; did you mean `main`?");
    let error = it.alice.send("square", 1).await.unwrap_err().to_string();
    assert_eq!(error, "`square` is REP, which cannot send");
    let error = it.alice.publish("main", "", 1).await.unwrap_err().to_string();
    assert_eq!(error, "`main` is PUSH, which cannot publish");
    let error = it.alice.addr("mian").await.unwrap_err().to_string();
    assert_eq!(error, "`Alice` has no socket `mian`; did you mean `main`?");
}

#[tokio::test]
async fn a_closed_socket_is_gone_and_its_alias_free() {
    let it = two().await;
    it.alice.bind(Kind::Push, "main").await.unwrap();
    assert_eq!(it.alice.close("main").await.unwrap(), 0);
    assert!(it.alice.send("main", 1).await.is_err());
    it.alice.bind(Kind::Pull, "main").await.unwrap();
}

#[tokio::test]
async fn an_address_passes_through_serde() {
    let it = two().await;
    let addr = it.alice.bind(Kind::Push, "main").await.unwrap();
    let limits = gleis_codec::Limits::default();
    for codec in [AnyCodec::Json, AnyCodec::Bincode] {
        let bytes = codec.encode(&addr, &limits).unwrap();
        assert_eq!(codec.decode::<Addr>(&bytes, &limits).unwrap(), addr);
    }
}
