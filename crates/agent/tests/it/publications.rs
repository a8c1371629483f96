//! Publications with topics, from `Pub` and from `SyncPub`: who gets what, and in which order.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    Addr, AgentRef, AnyCodec, Context, EarlyReplyError, Kind, Node, Result, SubscribeError, agent,
};
use gleis_test::wait::{eventually, within};
use tokio::sync::{Semaphore, mpsc};

const READY: Duration = Duration::from_secs(20);

/// Publishes numbers one after the other, each under the topic it is told.
struct Source {
    next: i64,
    gate: Arc<Semaphore>,
}

impl Source {
    fn new(next: i64) -> Self {
        Self { next, gate: Arc::new(Semaphore::new(1)) }
    }
}

#[agent]
impl Source {
    /// Publishes the next number under each of these topics.
    #[method]
    async fn tick(&mut self, cx: &Context<Self>, topics: Vec<Vec<u8>>) -> Result<i64> {
        for topic in topics {
            cx.publish("out", topic, self.next).await?;
        }
        self.next += 1;
        Ok(self.next)
    }

    /// Takes the one permit that there is, and then waits for another one.
    #[method]
    async fn wait(&mut self) -> Result {
        self.gate.acquire().await?.forget();
        self.gate.acquire().await?.forget();
        Ok(())
    }

    async fn answer(&mut self, _: &Context<Self>, _: String) -> i64 {
        self.next
    }

    async fn answer_early(&mut self, cx: &Context<Self>, _: String) -> Result {
        cx.reply(&self.next).await?;
        cx.publish("out", "early", self.next).await?;
        Ok(())
    }
}

/// Tells a test what it hears, and as what.
struct Sink {
    heard: mpsc::UnboundedSender<(&'static str, i64)>,
}

#[agent]
impl Sink {
    async fn plain(&mut self, _: &Context<Self>, n: i64) {
        self.hear("plain", n);
    }

    async fn negate(&mut self, _: &Context<Self>, n: i64) {
        self.hear("negated", -n);
    }

    async fn reply(&mut self, _: &Context<Self>, n: i64) {
        self.hear("reply", n);
    }
}

impl Sink {
    fn hear(&self, how: &'static str, n: i64) {
        // The test may be over.
        let _ = self.heard.send((how, n));
    }
}

type Hears = mpsc::UnboundedReceiver<(&'static str, i64)>;

async fn source(node: &Node, kind: Kind) -> (AgentRef<Source>, Addr) {
    let source = node.run_agent("source", Source::new(1)).await.unwrap();
    let bind = source.bind(kind, "out");
    let addr = match kind {
        Kind::SyncPub => bind.handler(Source::answer).await,
        _ => bind.await,
    };
    (source, addr.unwrap())
}

async fn sink(node: &Node) -> (AgentRef<Sink>, Hears) {
    let (heard, hears) = mpsc::unbounded_channel();
    (node.run_agent("", Sink { heard }).await.unwrap(), hears)
}

fn topics(topics: &[&str]) -> Vec<Vec<u8>> {
    topics.iter().map(|it| it.as_bytes().to_vec()).collect()
}

/// Ticks until something of the tick that came last, or a later one, is heard as `how`; returns what was
/// heard as anything until then.
async fn tick_until(
    source: &AgentRef<Source>,
    under: &[&str],
    hears: &mut Hears,
    how: &str,
) -> Vec<(&'static str, i64)> {
    let first = source.with(|it, _| it.next).await.unwrap();
    let mut all = Vec::new();
    loop {
        source.tick(topics(under)).await.unwrap();
        // Not synchronisation: publications that nobody has subscribed to yet are lost, so there are more.
        while let Ok(heard) = tokio::time::timeout(Duration::from_millis(5), hears.recv()).await {
            let (as_what, n) = heard.unwrap();
            all.push((as_what, n));
            if as_what == how && first <= n.abs() {
                return all;
            }
        }
    }
}

#[tokio::test]
async fn syn01_what_was_unsubscribed_is_not_handled_any_more() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        let connect = sink.connect_as(addr, "in").ready(READY);
        connect.on("odd", Sink::plain).on("even", Sink::negate).await.unwrap();
        within(tick_until(&source, &["odd", "even"], &mut hears, "plain")).await;
        within(tick_until(&source, &["odd", "even"], &mut hears, "negated")).await;
        sink.context().unsubscribe("in", "odd").unwrap();
        let first = source.with(|it, _| it.next).await.unwrap();
        for _ in 0..3 {
            let heard = within(tick_until(&source, &["odd", "even"], &mut hears, "negated")).await;
            assert!(!heard.iter().any(|&(how, n)| how == "plain" && first <= n), "{heard:?}");
        }
        let error = sink.context().unsubscribe("in", "odd").unwrap_err();
        assert!(matches!(error, SubscribeError::NotSubscribed { .. }));
        assert_eq!(error.to_string(), "`in` has not subscribed to `odd`");
    }
}

#[tokio::test]
async fn syn02_several_topics_are_unsubscribed_and_the_others_stay() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        let connect = sink.connect_as(addr, "in").ready(READY).on("zero", Sink::negate);
        connect.on("one", Sink::plain).on("two", Sink::negate).await.unwrap();
        sink.context().unsubscribe("in", "zero").unwrap();
        sink.context().unsubscribe("in", "two").unwrap();
        let heard = within(tick_until(&source, &["zero", "one", "two"], &mut hears, "plain")).await;
        assert!(heard.iter().all(|(how, _)| *how == "plain"), "{heard:?}");
    }
}

#[tokio::test]
async fn syn03_topics_are_subscribed_to_while_it_runs() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        sink.connect(addr, Sink::plain).alias("in").ready(READY).await.unwrap();
        within(tick_until(&source, &["any"], &mut hears, "plain")).await;
        sink.context().unsubscribe("in", "").unwrap();
        sink.context().subscribe("in", "negate", Sink::negate).unwrap();
        sink.context().subscribe("in", b"normal", Sink::plain).unwrap();
        let all = ["negate", "normal", "other"];
        within(tick_until(&source, &all, &mut hears, "negated")).await;
        within(tick_until(&source, &all, &mut hears, "plain")).await;
        let first = source.with(|it, _| it.next).await.unwrap();
        let mut heard = within(tick_until(&source, &all, &mut hears, "negated")).await;
        heard.extend(within(tick_until(&source, &all, &mut hears, "plain")).await);
        heard.retain(|(_, n)| first <= n.abs());
        for pair in heard.chunks_exact(2) {
            assert_eq!((pair[0].0, pair[1].0), ("negated", "plain"), "{heard:?}");
            assert_eq!(-pair[0].1, pair[1].1, "{heard:?}");
        }
    }
}

#[tokio::test]
async fn syn04_subscribing_again_replaces_the_handler_of_that_topic_alone() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        let connect = sink.connect_as(addr, "in").ready(READY);
        connect.on("a", Sink::negate).on("b", Sink::plain).await.unwrap();
        within(tick_until(&source, &["a", "b"], &mut hears, "plain")).await;
        sink.context().subscribe("in", "b", Sink::reply).unwrap();
        let first = source.with(|it, _| it.next).await.unwrap();
        let heard = within(tick_until(&source, &["a", "b"], &mut hears, "reply")).await;
        assert!(heard.iter().all(|&(how, n)| how != "plain" || n < first), "{heard:?}");
        assert!(heard.iter().any(|(how, _)| *how == "negated"), "{heard:?}");
    }
}

#[tokio::test]
async fn syn05_what_was_unsubscribed_can_be_subscribed_again() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        let connect = sink.connect_as(addr, "in").ready(READY);
        connect.on("a", Sink::negate).on("b", Sink::plain).await.unwrap();
        sink.context().unsubscribe("in", "a").unwrap();
        let heard = within(tick_until(&source, &["a", "b"], &mut hears, "plain")).await;
        assert!(heard.iter().all(|(how, _)| *how == "plain"), "{heard:?}");
        sink.context().subscribe("in", "a", Sink::negate).unwrap();
        within(tick_until(&source, &["a", "b"], &mut hears, "negated")).await;
        within(tick_until(&source, &["a", "b"], &mut hears, "plain")).await;
    }
}

#[tokio::test]
async fn syn06_one_handler_gets_all_topics_in_the_order_of_publishing() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (sink, mut hears) = sink(&node).await;
        sink.connect(addr.clone(), Sink::plain).alias("in").ready(READY).await.unwrap();
        assert_eq!(sink.context().addr("in").unwrap().kind, kind.twin());
        for n in 1..=50 {
            let topic = [&b"positive"[..], b"negative", b"\xeb"][n % 3];
            source.tick(vec![topic.to_vec()]).await.unwrap();
        }
        for n in 1..=50 {
            assert_eq!(within(hears.recv()).await.unwrap(), ("plain", n));
        }
    }
}

#[tokio::test]
async fn syn07_handlers_of_topics_get_these_without_gaps_and_in_order() {
    for kind in [Kind::Pub, Kind::SyncPub] {
        let node = Node::local();
        let (source, addr) = source(&node, kind).await;
        let (both, mut hears_both) = sink(&node).await;
        let connect = both.connect_as(addr.clone(), "in").ready(READY);
        connect.on("positive", Sink::plain).on("negative", Sink::negate).await.unwrap();
        let (one, mut hears_one) = sink(&node).await;
        one.connect_as(addr.clone(), "in").ready(READY).on("positive", Sink::plain).await.unwrap();
        let (bytes, mut hears_bytes) = sink(&node).await;
        bytes.connect_as(addr, "in").ready(READY).on(b"\xeb", Sink::reply).await.unwrap();
        let under = vec![b"positive".to_vec(), b"negative".to_vec(), b"\xeb".to_vec()];
        for _ in 0..50 {
            source.tick(under.clone()).await.unwrap();
        }
        for n in 1..=50 {
            assert_eq!(within(hears_both.recv()).await.unwrap(), ("plain", n));
            assert_eq!(within(hears_both.recv()).await.unwrap(), ("negated", -n));
            assert_eq!(within(hears_one.recv()).await.unwrap(), ("plain", n));
            assert_eq!(within(hears_bytes.recv()).await.unwrap(), ("reply", n));
        }
        assert!(hears_one.try_recv().is_err());
        assert!(hears_bytes.try_recv().is_err());
    }
}

#[tokio::test]
async fn syn08_a_reply_stands_where_it_was_given_and_only_the_requester_sees_it() {
    let node = Node::local();
    let (source, addr) = source(&node, Kind::SyncPub).await;
    let (active, mut hears) = sink(&node).await;
    active.connect(addr.clone(), Sink::plain).alias("in").ready(READY).await.unwrap();
    let (passive, mut hears_too) = sink(&node).await;
    passive.connect(addr, Sink::plain).ready(READY).await.unwrap();
    for n in 1..=100 {
        source.tick(topics(&["any"])).await.unwrap();
        if n == 50 {
            active.context().ask("in", "where".to_owned()).handler(Sink::reply).await.unwrap();
        }
    }
    let (mut expect, mut n_replies) = (1, 0);
    while expect <= 100 || n_replies < 1 {
        match within(hears.recv()).await.unwrap() {
            ("reply", next) => {
                assert_eq!(next, expect);
                n_replies += 1;
            }
            (_, n) => {
                assert_eq!(n, expect);
                expect += 1;
            }
        }
    }
    for n in 1..=100 {
        assert_eq!(within(hears_too.recv()).await.unwrap(), ("plain", n));
    }
    assert!(hears_too.try_recv().is_err());
}

#[tokio::test]
async fn syn08_an_early_reply_stands_before_what_is_published_after_it() {
    let node = Node::local();
    let source = node.run_agent("source", Source::new(1)).await.unwrap();
    let bind = source.bind(Kind::SyncPub, "out").handler(Source::answer_early);
    let addr = bind.await.unwrap();
    let (sink, mut hears) = sink(&node).await;
    sink.connect(addr, Sink::plain).alias("in").ready(READY).await.unwrap();
    for n in 1..=20 {
        sink.context().ask("in", String::new()).handler(Sink::reply).await.unwrap();
        assert_eq!(within(hears.recv()).await.unwrap(), ("reply", n));
        assert_eq!(within(hears.recv()).await.unwrap(), ("plain", n));
        source.tick(Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn syn09_without_a_reply_in_time_on_error_runs_and_a_late_reply_is_ignored() {
    let node = Node::local();
    let (source, addr) = source(&node, Kind::SyncPub).await;
    let (sink, mut hears) = sink(&node).await;
    sink.connect(addr, Sink::plain).alias("in").ready(READY).await.unwrap();
    let ask = || sink.context().ask("in", String::new()).handler(Sink::reply);
    ask().within(READY).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), ("reply", 1));
    // The source is busy with something else for as long as it takes.
    let gate = source.with(|it, _| it.gate.clone()).await.unwrap();
    let busy = tokio::spawn({
        let source = source.within(READY);
        async move { source.wait().await }
    });
    within(eventually(|| gate.available_permits() == 0)).await;
    let moment = Duration::from_millis(30);
    // Without `on_error` there is a warning.
    ask().within(moment).await.unwrap();
    let lost = |it: &mut Sink| it.hear("lost", 0);
    ask().within(moment).on_error(lost).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), ("lost", 0));
    gate.add_permits(1);
    within(busy).await.unwrap().unwrap();
    source.tick(topics(&["any"])).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), ("plain", 1));
    ask().await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), ("reply", 2));
}

#[tokio::test]
async fn syh02_syh03_syh04_handlers_of_synced_channels_have_all_shapes() {
    let node = Node::local();
    let source = node.run_agent("source", Source::new(7)).await.unwrap();
    let bind = |alias: &str| source.bind(Kind::SyncPub, alias);
    let addrs = [
        bind("method").handler(Source::answer).await.unwrap(),
        bind("closure").handler(|it: &mut Source, _: String| it.next).await.unwrap(),
        bind("async").handler(async |it: &mut Source, _: String| it.next).await.unwrap(),
    ];
    for (addr, alias) in addrs.into_iter().zip(["method", "closure", "async"]) {
        let (sink, mut hears) = sink(&node).await;
        let connect = |alias: &str| sink.connect_as(addr.clone(), alias).ready(READY);
        connect("one").handler(Sink::plain).await.unwrap();
        connect("two").handler(|it: &mut Sink, n: i64| it.hear("plain", n)).await.unwrap();
        connect("three").handler(async |it: &mut Sink, n: i64| it.hear("plain", n)).await.unwrap();
        let cx = source.context();
        cx.publish(alias, "any", 3_i64).await.unwrap();
        for _ in 0..3 {
            assert_eq!(within(hears.recv()).await.unwrap(), ("plain", 3));
        }
        let ask = || sink.context().ask("one", String::new());
        ask().handler(Sink::reply).await.unwrap();
        ask().handler(|it: &mut Sink, n: i64| it.hear("reply", n)).await.unwrap();
        ask().handler(async |it: &mut Sink, n: i64| it.hear("reply", n)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(within(hears.recv()).await.unwrap(), ("reply", 7));
        }
        let error = ask().await.unwrap_err();
        let gleis_agent::RequestError::Channel { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.to_string(), "no handler for the answer");
        let answer = sink.context().request::<i64>("one", String::new());
        assert_eq!(within(answer).await.unwrap(), 7);
    }
}

/// Tells a test the topic of what it hears, and the message.
struct Topical {
    heard: mpsc::UnboundedSender<(Vec<u8>, String)>,
}

#[agent]
impl Topical {
    async fn hear(&mut self, cx: &Context<Self>, text: String) {
        let topic = cx.topic().unwrap().to_vec();
        // The test may be over.
        let _ = self.heard.send((topic, text));
    }
}

#[tokio::test]
async fn top01_top02_topics_are_prefixes_whatever_the_codec() {
    let codecs = AnyCodec::BUILT_IN.iter().filter(|it| it.name() != "raw");
    for (codec, kind) in codecs.flat_map(|it| [(it, Kind::Pub), (it, Kind::SyncPub)]) {
        let node = Node::local();
        let source = node.run_agent("source", Source::new(1)).await.unwrap();
        let bind = source.bind(kind, "out").codec(codec.clone());
        let addr = match kind {
            Kind::SyncPub => bind.handler(Source::answer).await.unwrap(),
            _ => bind.await.unwrap(),
        };
        let expects: [(&[&str], &[&str]); 5] = [
            (&[""], &["", "foo", "foobar", "fo"]),
            (&["foo"], &["foo", "foobar"]),
            (&["bar", "foo"], &["foo", "foobar"]),
            (&["bar"], &[]),
            (&["fo"], &["foo", "foobar", "fo"]),
        ];
        let mut sinks = Vec::new();
        for (wanted, expect) in expects {
            let (heard, hears) = mpsc::unbounded_channel();
            let sink = node.run_agent("", Topical { heard }).await.unwrap();
            let connect = sink.connect_as(addr.clone(), "in").ready(READY);
            let connect = wanted.iter().fold(connect, |it, topic| it.on(topic, Topical::hear));
            connect.on("end", Topical::hear).await.unwrap();
            sinks.push((hears, expect));
        }
        for topic in ["", "foo", "foobar", "fo", "end"] {
            source.publish("out", topic, format!("on {topic}")).await.unwrap();
        }
        for (mut hears, expect) in sinks {
            for topic in expect.iter().chain(&["end"]) {
                let heard = within(hears.recv()).await.unwrap();
                assert_eq!(heard, (topic.as_bytes().to_vec(), format!("on {topic}")));
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_request_cannot_be_replied_to() {
    let node = Node::local();
    let (source, addr) = source(&node, Kind::Pub).await;
    let (heard, mut hears) = mpsc::unbounded_channel();
    let sink = node.run_agent("replier", Replying { heard }).await.unwrap();
    sink.connect(addr, Replying::take).ready(READY).await.unwrap();
    source.publish("out", "", 1_i64).await.unwrap();
    let expect = "nobody waits for an answer: this is no request";
    assert_eq!(within(hears.recv()).await.unwrap(), expect);
    let error = sink.context().reply(&1).await.unwrap_err();
    assert!(matches!(error, EarlyReplyError::NoRequest));
}

/// Replies to everything, and tells a test what became of it.
struct Replying {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Replying {
    async fn take(&mut self, cx: &Context<Self>, _: i64) {
        self.heard.send(cx.reply(&0).await.unwrap_err().to_string()).unwrap();
    }
}

#[tokio::test]
async fn top02_topics_of_osbrain_stand_in_the_frame_of_the_message() {
    for codec in [AnyCodec::Json, AnyCodec::Raw] {
        let node = Node::local();
        let source = node.run_agent("source", Source::new(1)).await.unwrap();
        let bind = source.bind(Kind::Pub, "out").codec(codec.clone()).osbrain_topics();
        let addr = bind.await.unwrap();
        let all = ["", "fo", "foo", "foobar", "foz", "end"];
        let expects: [(&[&str], &[&str]); 5] = [
            (&[""], &all),
            (&["foo"], &["foo", "foobar"]),
            (&["bar", "foo"], &["foo", "foobar"]),
            (&["bar"], &[]),
            (&["fo"], &["fo", "foo", "foobar", "foz"]),
        ];
        let mut sinks = Vec::new();
        for (wanted, expect) in expects {
            let (heard, hears) = mpsc::unbounded_channel();
            let sink = node.run_agent("", Glued { heard }).await.unwrap();
            let connect = sink.connect_as(addr.clone(), "in").osbrain_topics().ready(READY);
            // All hear of the end, whoever hears of everything once.
            let wanted = wanted.iter().chain(Some(&"end").filter(|_| wanted != [""]));
            let connect = wanted.fold(connect, |it, topic| match codec {
                AnyCodec::Raw => it.on(topic, Glued::raw),
                _ => it.on(topic, Glued::text),
            });
            connect.await.unwrap();
            let expect = expect.iter().filter(|it| **it != "end").chain(&["end"]);
            sinks.push((sink, hears, expect.copied().collect::<Vec<_>>()));
        }
        for topic in all {
            let (cx, text) = (source.context(), format!("- {topic}"));
            match codec {
                AnyCodec::Raw => cx.publish("out", topic, bytes::Bytes::from(text)).await.unwrap(),
                _ => cx.publish("out", topic, text).await.unwrap(),
            }
        }
        for (_sink, mut hears, expect) in sinks {
            for topic in expect {
                let expect = match codec {
                    AnyCodec::Raw => format!("{topic}- {topic}"),
                    _ => format!("{topic}: - {topic}"),
                };
                assert_eq!(within(hears.recv()).await.unwrap(), expect);
            }
        }
    }
}

/// Tells a test what it hears, raw or as text under a topic.
struct Glued {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Glued {
    async fn raw(&mut self, _: &Context<Self>, message: bytes::Bytes) {
        self.heard.send(String::from_utf8_lossy(&message).into_owned()).unwrap();
    }

    async fn text(&mut self, cx: &Context<Self>, text: String) {
        let topic = cx.topic().unwrap();
        self.heard.send(format!("{}: {text}", String::from_utf8_lossy(&topic))).unwrap();
    }
}
