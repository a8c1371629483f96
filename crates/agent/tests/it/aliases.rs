//! Sockets by alias: what there is, what is closed, and how long that waits.

use std::time::Duration;

use gleis_agent::{
    Addr, AgentRef, AgentState, AliasError, AnyCodec, Context, Kind, Node, NodeError, OpenError,
    RunError, agent,
};
use gleis_patterns::Pull;
use gleis_test::wait::{eventually, within};
use tokio::sync::mpsc;

use crate::support::Listener;

async fn listener(node: &Node) -> (AgentRef<Listener>, mpsc::UnboundedReceiver<String>) {
    let (listener, hears) = Listener::new();
    (node.run_agent("", listener).await.unwrap(), hears)
}

#[tokio::test]
async fn agt14_what_bind_returns_is_the_address_of_the_alias() {
    let node = Node::local();
    let (agent, _) = listener(&node).await;
    for kind in [Kind::Req, Kind::Pub, Kind::Push] {
        let addr = agent.bind(kind, kind.as_str()).await.unwrap();
        assert_eq!(agent.addr(kind.as_str()).await.unwrap(), addr);
        assert_eq!(addr.kind, kind);
    }
    assert_eq!(agent.context().sockets().len(), 3);
}

#[tokio::test]
async fn agt15_agt16_trn06_a_bound_tcp_address_gets_a_port_and_can_be_bound_again() {
    let node = Node::local();
    let (agent, _) = listener(&node).await;
    loop {
        let addr = agent.bind(Kind::Push, "one").at("tcp://127.0.0.1:0").await.unwrap();
        let text = addr.endpoint.to_string();
        let port = text.strip_prefix("tcp://127.0.0.1:").unwrap();
        assert_ne!(port.parse::<u16>().unwrap(), 0);
        agent.close("one").await.unwrap();
        match agent.bind(Kind::Push, "one").at(text.as_str()).await {
            Ok(again) => {
                assert_eq!(again.endpoint.to_string(), text);
                break;
            }
            // Somebody else got the port meanwhile.
            Err(error) => assert!(matches!(error, OpenError::Bind { .. }), "{error}"),
        }
    }
    // What others are told is an address that they can reach.
    let addr = agent.bind(Kind::Push, "all").at("tcp://0.0.0.0:0").await.unwrap();
    assert!(!addr.endpoint.to_string().contains("0.0.0.0"), "{addr}");
}

#[tokio::test]
async fn agt24_agt25_the_same_address_may_be_connected_twice() {
    let node = Node::local();
    let (server, _) = listener(&node).await;
    let (client, _) = listener(&node).await;
    let echo = |_: &mut Listener, text: String| text;
    let addr = server.bind(Kind::Rep, "echo").handler(echo).await.unwrap();
    for alias in ["one", "two"] {
        client.connect_as(addr.clone(), alias).await.unwrap();
    }
    for alias in ["one", "two", "one"] {
        let answer = client.context().request::<String>(alias, alias.to_owned());
        assert_eq!(within(answer).await.unwrap(), alias);
    }
}

#[tokio::test]
async fn agt27_several_handlers_run_in_the_order_in_which_they_were_named() {
    let node = Node::local();
    let (sender, _) = listener(&node).await;
    let (receiver, mut hears) = listener(&node).await;
    let bind = receiver.bind(Kind::Pull, "in").handler(Listener::hear);
    let bind = bind.handler(|it: &mut Listener, text: String| {
        it.heard.send(format!("second {text}")).unwrap();
    });
    let bind = bind.handler(async |it: &mut Listener, text: String| {
        it.heard.send(format!("third {text}")).unwrap();
    });
    sender.connect_as(bind.await.unwrap(), "out").await.unwrap();
    for n in 0..20 {
        sender.send("out", n.to_string()).await.unwrap();
    }
    for n in 0..20 {
        for expect in [format!("{n}"), format!("second {n}"), format!("third {n}")] {
            assert_eq!(within(hears.recv()).await.unwrap(), expect);
        }
    }
}

#[tokio::test]
async fn agt29_agt30_agt31_a_closed_socket_is_no_more_bound_or_connected() {
    let node = Node::local();
    let (server, _) = listener(&node).await;
    let (client, _) = listener(&node).await;
    assert!(!server.context().has_socket("news"));
    let addr = server.bind(Kind::Pub, "news").await.unwrap();
    assert!(server.context().has_socket("news"));
    client.connect(addr, Listener::hear).alias("news").await.unwrap();
    client.close("news").await.unwrap();
    assert!(!client.context().has_socket("news"));
    server.close("news").await.unwrap();
    assert!(!server.context().has_socket("news"));
    let error = server.close("news").await.unwrap_err();
    assert!(matches!(error, AliasError::Unknown { .. }));
}

#[tokio::test]
async fn agt32_a_closed_socket_leaves_no_task_behind() {
    let node = Node::local();
    let (server, _) = listener(&node).await;
    let (client, mut hears) = listener(&node).await;
    let push = server.bind(Kind::Push, "push").await.unwrap();
    let news = server.bind(Kind::Pub, "news").await.unwrap();
    let echo = |_: &mut Listener, text: String| text;
    let asked = server.bind(Kind::AsyncRep, "asked").handler(echo).await.unwrap();
    let synced = server.bind(Kind::SyncPub, "synced").handler(echo).await.unwrap();
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for addr in [push, news, asked, synced] {
        let alias = client.connect(addr, Listener::hear).ready(Duration::from_secs(20)).await;
        let alias = alias.unwrap();
        if client.addr(&alias).await.unwrap().kind == Kind::AsyncReq {
            client.context().ask(&alias, "x".to_owned()).await.unwrap();
            within(hears.recv()).await.unwrap();
        }
        client.close(&alias).await.unwrap();
    }
    gleis_test::wait::tasks_down_to(n_tasks).await;
    assert!(client.context().sockets().is_empty());
}

#[tokio::test]
async fn agt34_all_sockets_are_closed_and_the_agent_goes_on() {
    let node = Node::local();
    let (agent, _) = listener(&node).await;
    for alias in ["one", "two", "three"] {
        agent.bind(Kind::Push, alias).await.unwrap();
    }
    assert_eq!(agent.context().close_all().await, 0);
    assert!(agent.context().sockets().is_empty());
    agent.bind(Kind::Push, "one").await.unwrap();
    assert_eq!(agent.state(), AgentState::Running);
}

#[tokio::test]
async fn agt17_agt33_what_is_queued_leaves_within_the_linger_time_or_is_counted() {
    // A place where nobody listens yet, and nobody else will.
    let folder = tempfile::tempdir().unwrap();
    let place = format!("ipc://{}", folder.path().join("in").display());
    let to = Addr::new(place.parse().unwrap(), Kind::Pull);
    for (linger, is_delivered) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
        let node = Node::local();
        let (agent, _) = listener(&node).await;
        let connect = agent.connect_as(to.clone(), "out").queue_without_peer().linger(linger);
        connect.await.unwrap();
        agent.send("out", "foo".to_owned()).await.unwrap();
        let closing = tokio::spawn({
            let agent = agent.clone();
            async move { agent.context().close_all().await }
        });
        within(eventually(|| !agent.context().has_socket("out"))).await;
        if is_delivered {
            let pull = Pull::<String>::bind(to.endpoint.clone()).await.unwrap();
            assert_eq!(within(pull.recv()).await.unwrap(), "foo");
            pull.close().await;
        }
        assert_eq!(within(closing).await.unwrap(), usize::from(!is_delivered));
    }
}

#[tokio::test]
async fn trn01_trn05_all_transports_carry_all_kinds() {
    let dir = tempfile::tempdir().unwrap();
    for (n, kind) in
        [Kind::Pull, Kind::Rep, Kind::Sub, Kind::AsyncRep, Kind::SyncPub].into_iter().enumerate()
    {
        for at in [
            format!("inproc://{}", gleis_agent::Name::random()),
            format!("ipc://{}/{n}", dir.path().display()),
            "tcp://127.0.0.1:0".to_owned(),
        ] {
            let node = Node::local();
            let (server, mut hears) = listener(&node).await;
            let (client, _) = listener(&node).await;
            let bind = server.bind(kind, "in").at(at.as_str()).handler(Listener::hear);
            let addr = bind.await.unwrap();
            if !at.starts_with("tcp") {
                assert_eq!(addr.endpoint.to_string(), at);
            }
            let connect = client.connect_as(addr, "out").ready(Duration::from_secs(20));
            connect.await.unwrap();
            let cx = client.context();
            match kind {
                Kind::Pull | Kind::Sub => cx.send("out", "x".to_owned()).await.unwrap(),
                _ => within(cx.request::<()>("out", "x".to_owned())).await.unwrap(),
            }
            assert_eq!(within(hears.recv()).await.unwrap(), "x");
        }
    }
}

#[tokio::test]
async fn trn03_trn04_an_agent_is_run_with_a_transport_and_a_codec_that_a_socket_overrides() {
    let node = Node::local();
    let agent = node.run_agent("local", Listener::new().0);
    let agent = agent.at("ipc://*").codec(AnyCodec::Json).await.unwrap();
    let usual = agent.bind(Kind::Push, "usual").await.unwrap();
    assert_eq!((usual.endpoint.scheme(), &*usual.codec), ("ipc", "json"));
    let other = agent.bind(Kind::Push, "other").at("tcp://127.0.0.1:0").codec(AnyCodec::Raw);
    let other = other.await.unwrap();
    assert_eq!((other.endpoint.scheme(), &*other.codec), ("tcp", "raw"));

    let error = node.run_agent("nowhere", Listener::new().0).at("nowhere").await;
    assert!(matches!(error, Err(RunError::Node(NodeError::Address(_)))), "{error:?}");
    assert_eq!(node.agents(), ["local"]);
}

/// Replies once too often.
struct Eager {
    heard: mpsc::UnboundedSender<String>,
}

#[agent]
impl Eager {
    async fn once(&mut self, cx: &Context<Self>, text: String) -> gleis_agent::Result {
        cx.reply(&format!("x{text}")).await?;
        self.heard.send(format!("worked on {text}"))?;
        Ok(())
    }

    async fn twice(&mut self, cx: &Context<Self>, text: String) -> gleis_agent::Result {
        cx.reply(&format!("x{text}")).await?;
        cx.reply(&format!("y{text}")).await?;
        Ok(())
    }
}

#[tokio::test]
async fn rr01_rr02_rr03_rr04_a_request_has_one_reply_at_the_end_or_early() {
    let node = Node::local();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let server = node.run_agent("server", Eager { heard }).await.unwrap();
    let (client, _) = listener(&node).await;
    let connect = |addr: Addr, alias: &'static str| client.connect_as(addr, alias).into_future();
    let lambda = |_: &mut Eager, text: String| format!("x{text}");
    let addr = server.bind(Kind::Rep, "lambda").handler(lambda).await.unwrap();
    connect(addr, "lambda").await.unwrap();
    let addr = server.bind(Kind::Rep, "once").handler(Eager::once).await.unwrap();
    connect(addr, "once").await.unwrap();
    let addr = server.bind(Kind::Rep, "twice").handler(Eager::twice).await.unwrap();
    connect(addr, "twice").await.unwrap();
    for alias in ["lambda", "once", "twice"] {
        let answer = client.context().request::<String>(alias, alias.to_owned());
        assert_eq!(within(answer).await.unwrap(), format!("x{alias}"));
    }
    assert_eq!(within(hears.recv()).await.unwrap(), "worked on once");
    within(eventually(|| matches!(server.state(), AgentState::Failed(_)))).await;
    let AgentState::Failed(fault) = server.state() else { unreachable!() };
    let expect = "the request was answered already: a handler replies once";
    assert!(fault.to_string().contains(expect), "{fault}");
}

#[tokio::test]
async fn ser05_ser07_ser09_all_codecs_carry_all_patterns() {
    for codec in AnyCodec::BUILT_IN.iter().filter(|it| it.name() != "raw") {
        let node = Node::local();
        let (server, mut hears) = listener(&node).await;
        let (client, _) = listener(&node).await;
        let bind = |kind, alias| server.bind(kind, alias).codec(codec.clone());
        let echo = |_: &mut Listener, text: String| text;
        let rep = bind(Kind::Rep, "rep").handler(echo).await.unwrap();
        let pull = bind(Kind::Pull, "pull").handler(Listener::hear).await.unwrap();
        let sub = bind(Kind::Sub, "sub").handler(Listener::hear).await.unwrap();
        assert_eq!(rep.codec, codec.name());
        client.connect_as(rep, "rep").await.unwrap();
        client.connect_as(pull, "pull").await.unwrap();
        client.connect_as(sub, "sub").ready(Duration::from_secs(20)).await.unwrap();
        let text = "ä\u{1f680}\0".to_owned();
        let answer = client.context().request::<String>("rep", text.clone());
        assert_eq!(within(answer).await.unwrap(), text);
        for alias in ["pull", "sub"] {
            client.send(alias, text.clone()).await.unwrap();
            assert_eq!(within(hears.recv()).await.unwrap(), text);
        }
    }
}
