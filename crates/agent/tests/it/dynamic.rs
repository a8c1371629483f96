//! Attributes, methods, sockets and timers by name, from the same process and from others.

use std::collections::BTreeMap;
use std::time::Duration;

use gleis_agent::{
    AgentState, AnyCodec, AttributeError, CallError, Context, Kind, MethodError, Node, OpenError,
    Result, RunError, Value, agent, run_agent, run_nameserver,
};
use gleis_test::wait::within;
use tokio::sync::mpsc;

use crate::support::{Counter, Listener};

/// Exposes two of its three fields.
#[derive(Default)]
struct Box2 {
    width: u32,
    label: Option<String>,
    secret: u8,
}

#[agent(attributes(width, label))]
impl Box2 {
    /// How wide it is,
    /// twice.
    #[method]
    fn double(&mut self) -> u32 {
        self.width += u32::from(self.secret);
        self.width * 2
    }

    #[method]
    async fn widen(&mut self, by: u32) -> u32 {
        self.width += by;
        self.width
    }
}

#[tokio::test]
async fn agt09_agt13_fields_and_free_attributes_are_seen_and_changed() {
    let ns = run_nameserver().await.unwrap();
    let run = run_agent("box", Box2::default()).attribute("width", 7).attribute("color", "red");
    let agent = run.await.unwrap();
    let proxy = ns.proxy("box").await.unwrap();
    assert_eq!(proxy.attrs().await.unwrap(), ["width", "label", "color"]);
    assert_eq!(agent.get_attr::<u32>("width").await.unwrap(), 7);
    assert_eq!(proxy.get_attr::<u32>("width").await.unwrap(), 7);
    assert_eq!(proxy.get_attr::<String>("color").await.unwrap(), "red");
    proxy.set_attr("label", Some("mine")).await.unwrap();
    proxy.set_attr("sizes", BTreeMap::from([("s", 1), ("m", 2)])).await.unwrap();
    assert_eq!(agent.with(|it, _| it.label.clone()).await.unwrap().unwrap(), "mine");
    assert_eq!(agent.get_attr::<BTreeMap<String, u8>>("sizes").await.unwrap()["m"], 2);
    assert_eq!(agent.context().get_attr::<String>("color").unwrap(), "red");
    agent.context().set_attr("color", "blue").unwrap();
    assert_eq!(proxy.get_attr::<String>("color").await.unwrap(), "blue");
    assert_eq!(agent.widen(3).await.unwrap(), 10);
    assert_eq!(proxy.get_attr::<u32>("width").await.unwrap(), 10);

    let text = |error: CallError| error.to_string();
    let error = proxy.get_attr::<u32>("widht").await.unwrap_err();
    assert_eq!(text(error), "`box` has no attribute `widht`; did you mean `width`?");
    assert!(proxy.get_attr::<u8>("secret").await.is_err());
    let error = proxy.set_attr("width", "wide").await.unwrap_err();
    assert!(text(error).starts_with("`box` cannot set `width`: "));
    let error = proxy.set_attr("double", 1).await.unwrap_err();
    assert_eq!(text(error), "`box` cannot set `double`: `double` is a method of the agent");
    let error = agent.context().set_attr("width", 1).unwrap_err();
    assert!(matches!(error, AttributeError::Taken { what: "a field", .. }));
    let error = proxy.get_attr::<u8>("color").await.unwrap_err();
    assert!(text(error).starts_with("the answer of `color` is no u8"));

    // It can be looked at after it has stopped.
    within(proxy.stop()).await.unwrap();
    assert_eq!(proxy.get_attr::<u32>("width").await.unwrap(), 10);
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn agt10_what_an_agent_begins_with_must_go_together() {
    let node = Node::local();
    let run = || node.run_agent("box", Box2::default());
    for run in [
        run().attribute("width", "wide"),
        run().attribute("double", 1),
        run().attribute("color", 1).attribute("color", 2),
    ] {
        let error = run.await.unwrap_err();
        assert!(matches!(error, RunError::Attribute { .. }), "{error}");
    }
    run().attribute("width", 1).await.unwrap();
}

#[tokio::test]
async fn agt11_agt12_methods_are_given_while_the_agent_runs() {
    let ns = run_nameserver().await.unwrap();
    let run = run_agent("box", Box2::default());
    let run = run.function("square", |_: &mut Box2, n: i64| n * n);
    let agent = run.await.unwrap();
    let proxy = ns.proxy("box").await.unwrap();
    agent.set_method("add", |it: &mut Box2, (a, b): (u32, u32)| it.width + a + b).unwrap();
    agent
        .set_method("wait", async |it: &mut Box2, cx: &Context<Box2>, (): ()| {
            tokio::task::yield_now().await;
            format!("{} {}", cx.name(), it.width)
        })
        .unwrap();
    assert_eq!(proxy.call::<u32>("add", (1, 2)).await.unwrap(), 3);
    assert_eq!(agent.call::<String>("wait", ()).await.unwrap(), "box 0");
    // It replaces what was given before, and nothing else.
    agent.set_method("add", |_: &mut Box2, n: u32| n + 1).unwrap();
    assert_eq!(proxy.call::<u32>("add", (1,)).await.unwrap(), 2);
    let error = agent.set_method("double", |_: &mut Box2, n: u32| n).unwrap_err();
    assert!(matches!(error, MethodError::Taken { .. }));

    // Code does not travel, its name does.
    proxy.set_method("sqr", "square").await.unwrap();
    assert_eq!(proxy.call::<i64>("sqr", (-4,)).await.unwrap(), 16);
    let text = |error: CallError| error.to_string();
    let error = proxy.set_method("cube", "cube").await.unwrap_err();
    assert_eq!(text(error), "`box` knows no function `cube`; there is `square`");
    let error = proxy.set_method("double", "square").await.unwrap_err();
    assert!(text(error).starts_with("`box` cannot take a method `double`"));
    let error = proxy.call::<i64>("sqr", ("x",)).await.unwrap_err();
    assert!(text(error).starts_with("`square` takes (i64): "));
    let error = proxy.call::<i64>("sqrt", (1,)).await.unwrap_err();
    assert_eq!(text(error), "`box` has no method `sqrt`; did you mean `sqr`?");

    let methods = proxy.methods().await.unwrap();
    let names: Vec<_> = methods.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["double", "widen", "add", "sqr", "wait"]);
    assert_eq!(methods[0].docs, "How wide it is,\ntwice.");
    assert_eq!(methods[1].parameters.as_deref(), Some("by: u32"));
    assert_eq!(methods[2].parameters, None);
    assert!(agent.context().remove_method("add"));
    assert!(!agent.context().remove_method("add"));
    assert!(proxy.call::<u32>("add", (1,)).await.is_err());
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn agt26_methods_are_handlers_by_name_whatever_the_codec() {
    let node = Node::local();
    let server = node.run_agent("server", Box2::default()).await.unwrap();
    let client = node.run_agent("client", Counter::default()).await.unwrap();
    server.set_method("half", |_: &mut Box2, n: u32| n / 2).unwrap();
    for codec in AnyCodec::BUILT_IN.iter().filter(|it| it.name() != "raw") {
        let bind = |alias: &str| server.bind(Kind::Rep, alias).codec(codec.clone());
        let widen = bind("widen").method("widen").await.unwrap();
        let half = bind("half").method("half").await.unwrap();
        client.connect_as(widen, "widen").await.unwrap();
        client.connect_as(half, "half").await.unwrap();
        let cx = client.context();
        let width = server.get_attr::<u32>("width").await.unwrap();
        assert_eq!(within(cx.request::<u32>("widen", 5_u32)).await.unwrap(), width + 5);
        assert_eq!(within(cx.request::<u32>("half", 9_u32)).await.unwrap(), 4);
        // What does not fit is an error to the one who asked, and the agent goes on.
        assert!(within(cx.request::<u32>("widen", "x".to_owned())).await.is_err());
        assert_eq!(server.state(), AgentState::Running);
        client.context().close_all().await;
        server.context().close_all().await;
    }
    let error = server.bind(Kind::Rep, "x").method("hlaf").await.unwrap_err();
    assert!(matches!(error, OpenError::UnknownMethod { .. }));
}

/// Publishes and hears, all by name.
struct Remote {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Remote {
    #[method]
    fn hear(&mut self, text: String) {
        // The test may be over.
        let _ = self.heard.send(text);
    }

    #[method]
    async fn echo(&mut self, text: String) -> String {
        text
    }

    #[method]
    fn say(&mut self, mut text: String, n: u32) -> Result {
        text.push_str(&format!(" {n}"));
        Ok(self.heard.send(text)?)
    }
}

#[tokio::test]
async fn sockets_and_timers_are_opened_and_used_through_proxies_alone() {
    let ns = run_nameserver().await.unwrap();
    let (heard, mut hears) = mpsc::unbounded_channel();
    run_agent("one", Remote { heard: heard.clone() }).await.unwrap();
    run_agent("two", Remote { heard }).await.unwrap();
    let one = ns.proxy("one").await.unwrap();
    let two = ns.proxy("two").await.unwrap();

    for codec in ["json", "msgpack"] {
        let addr = one.bind(Kind::Push, "out").codec(codec).await.unwrap();
        let alias = two.connect(addr).alias("in").method("hear").await.unwrap();
        assert_eq!(alias, "in");
        one.send("out", format!("by {codec}")).await.unwrap();
        assert_eq!(within(hears.recv()).await.unwrap(), format!("by {codec}"));
        one.close("out").await.unwrap();
        assert_eq!(two.close_all().await.unwrap(), 0);
    }

    let addr = one.bind(Kind::SyncPub, "news").codec("json").method("echo").await.unwrap();
    two.connect(addr).alias("news").on_method("eu.", "hear").await.unwrap();
    let heard = within(async {
        loop {
            one.publish("news", "us.ny", "no").await.unwrap();
            one.publish("news", "eu.de", "yes").await.unwrap();
            // Not synchronisation: publications that nobody has subscribed to yet are lost.
            let heard = tokio::time::timeout(Duration::from_millis(5), hears.recv());
            if let Ok(heard) = heard.await {
                return heard.unwrap();
            }
        }
    });
    assert_eq!(heard.await, "yes");
    two.subscribe("news", "us.", "hear").await.unwrap();
    two.unsubscribe("news", "eu.").await.unwrap();
    assert!(two.unsubscribe("news", "eu.").await.is_err());
    two.close("news").await.unwrap();
    while hears.try_recv().is_ok() {}

    let timer = two.each(Duration::from_millis(1), "say", ("tick", 1)).await.unwrap();
    two.each_as("tock", Duration::from_secs(3_600), "say", ("tock", 2)).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let text = within(hears.recv()).await.unwrap();
        if text.starts_with('t') {
            seen.insert(text);
        }
    }
    assert_eq!(two.list_timers().await.unwrap().len(), 2);
    assert!(two.stop_timer(timer).await.unwrap());
    assert!(two.stop_timer("tock").await.unwrap());
    assert!(!two.stop_timer("tock").await.unwrap());
    two.after(Duration::from_secs(3_600), "hear", ("late",)).await.unwrap();
    assert_eq!(two.stop_all_timers().await.unwrap(), 1);
    while hears.try_recv().is_ok() {}
    two.tell("say", ("told", 3)).await.unwrap();
    assert_eq!(within(hears.recv()).await.unwrap(), "told 3");
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

#[tokio::test]
async fn what_a_proxy_cannot_have_done_says_why() {
    let ns = run_nameserver().await.unwrap();
    let (listener, _hears) = Listener::new();
    run_agent("Bob", listener).await.unwrap();
    let bob = ns.proxy("Bob").await.unwrap();
    let text = |error: CallError| error.to_string();
    let error = bob.bind(Kind::Rep, "in").await.unwrap_err();
    assert_eq!(text(error), "`Bob` cannot bind `in`: REP needs a handler");
    let error = bob.bind(Kind::Rep, "in").method("hear").await.unwrap_err();
    assert_eq!(text(error), "`Bob` cannot bind `in`: there is no method `hear`");
    let error = bob.bind(Kind::Push, "out").codec("yaml").await.unwrap_err();
    assert!(text(error).starts_with("`Bob` cannot bind `out`: no built-in codec is called `yaml`"));
    let error = bob.bind(Kind::Push, "out").at("tpc://x").await.unwrap_err();
    assert!(text(error).starts_with("`Bob` cannot bind `out`: "));
    bob.bind(Kind::Push, "out").await.unwrap();
    let error = bob.send("out", 1).await.unwrap_err();
    assert!(text(error).starts_with("`Bob` cannot send on `out`: `bincode` writes types"));
    let error = bob.send("otu", 1).await.unwrap_err();
    assert_eq!(text(error), "`Bob` cannot send on `otu`: no socket `otu`; did you mean `out`?");
    let error = bob.tell("nothing", ()).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }));
    let error = bob.subscribe("out", "", "hear").await.unwrap_err();
    assert_eq!(text(error), "`Bob` cannot subscribe `out`: `out` is PUSH, which cannot subscribe");
    let error = bob.call::<Value>("nothing", ()).await.unwrap_err();
    assert!(matches!(error, CallError::UnknownMethod { .. }));
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}
