//! Laws about beginnings and ends.

use std::time::Duration;

use bytes::Bytes;
use gleis_transport::{
    AcceptError, Backoff, CloseReason, ConnectError, Connector, LinkConfig, ListenError, Progress,
    SocketType, connect, listen,
};

use super::world::{Collector, World, read, text};
use crate::wait::{eventually, tasks_down_to};

/// The property the laws announce.
const PROPERTY: &str = "X-Gleis-Test";

fn hasty(config: &mut LinkConfig) {
    config.options.backoff.first = Duration::from_millis(1);
    config.options.backoff.most = Duration::from_millis(10);
    config.options.connect_timeout = Duration::from_millis(500);
}

/// Kind, identity and properties arrive on the other side.
pub async fn both_sides_know_each_other(world: World) {
    let named = |name: &'static str, kind| {
        world.config(kind, move |it| {
            it.options.identity = Bytes::from_static(name.as_bytes());
            it.metadata.insert(PROPERTY, Bytes::from_static(name.as_bytes())).expect("valid");
        })
    };
    let mut listener =
        listen(&world.endpoint(), &named("server", SocketType::Router)).await.expect("listening");
    let at = listener.endpoint().clone();
    let client = named("client", SocketType::Dealer);
    let (near, far) = tokio::join!(connect(&at, &client), listener.accept());
    let (near, far) = (near.expect("near"), far.expect("far"));
    assert_eq!(near.peer().socket_type, SocketType::Router);
    assert_eq!(near.peer().metadata.get("x-gleis-test").map(|it| &it[..]), Some(&b"server"[..]));
    assert_eq!(far.peer().socket_type, SocketType::Dealer);
    assert_eq!(far.peer().identity, "client");
    assert_eq!(far.peer().metadata.get(PROPERTY).map(|it| &it[..]), Some(&b"client"[..]));
}

/// Within its linger, closing loses nothing.
pub async fn closing_with_linger_delivers_what_is_queued(world: World) {
    let ends = world.ends().await;
    let (out, near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let delivery = near_in.deliver_to(Collector::new(usize::MAX));
    for i in 0..500 {
        out.send(text(format!("{i}{}", ".".repeat(10_000)))).await.expect("sent");
    }
    let reading = async {
        let mut batch = Vec::new();
        while far_in.recv_many(&mut batch).await.is_ok() {}
        drop((far_in, _far_out));
        batch.len()
    };
    let (unsent, n_read) = tokio::join!(out.close(Duration::from_secs(20)), reading);
    assert_eq!((unsent, n_read), (0, 500));
    assert!(out.try_send(text("late")).is_err());
    drop(delivery);
}

/// The reader gets all that was sent, and then the reason.
pub async fn the_end_comes_after_the_last_message(world: World) {
    let ends = world.ends().await;
    let (out, near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    for i in 0..100 {
        out.send(text(i.to_string())).await.expect("sent");
    }
    out.flush().await.expect("flushed");
    drop((out, near_in));
    let mut batch = Vec::new();
    let reason = loop {
        if let Err(reason) = far_in.recv_many(&mut batch).await {
            break reason;
        }
    };
    assert_eq!(batch.len(), 100);
    assert!(matches!(reason, CloseReason::ByPeer), "{reason:?}");
}

/// A connection lives as long as both its halves.
pub async fn dropping_either_half_ends_the_link(world: World) {
    let ends = world.ends().await;
    let (near, far) = (ends.near.closed(), ends.far.closed());
    let (out, near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    drop(near_in);
    assert!(matches!(near.wait().await, CloseReason::Here));
    assert!(far_in.recv_many(&mut Vec::new()).await.is_err());
    assert!(matches!(far.wait().await, CloseReason::ByPeer | CloseReason::Lost(_)));
    assert!(out.try_send(text("late")).is_err());
}

/// Two kinds that do not talk to each other get an error that names both.
pub async fn kinds_that_do_not_fit_are_told_so(world: World) {
    let mut listener = listen(&world.endpoint(), &world.config(SocketType::Pull, |_| ()))
        .await
        .expect("listening");
    let at = listener.endpoint().clone();
    let publisher = world.config(SocketType::Pub, |_| ());
    let accepting = async {
        match tokio::time::timeout(Duration::from_millis(200), listener.accept()).await {
            // Inproc sees the misfit before anything arrives.
            Err(_) => None,
            Ok(accepted) => accepted.err(),
        }
    };
    let (near, far) = tokio::join!(connect(&at, &publisher), accepting);
    let error = near.expect_err("PUB does not talk to PULL");
    assert!(error.is_final(), "{error:?}");
    let text = format!("{error}: {}", std::error::Error::source(&error).expect("a cause"));
    let whole = format!("{text} {error:?}");
    assert!(whole.contains(at.to_string().as_str()), "{whole}");
    assert!(matches!(far, None | Some(AcceptError::Handshake { .. })), "{far:?}");
}

/// One listener an endpoint; free again when it is gone.
pub async fn an_endpoint_is_taken_until_its_listener_is_gone(world: World) {
    let config = world.config(SocketType::Pull, |_| ());
    let listener = listen(&world.endpoint(), &config).await.expect("listening");
    let at = listener.endpoint().clone();
    let error = listen(&at, &config).await.expect_err("taken");
    assert!(matches!(error, ListenError::AddressInUse { .. }), "{error:?}");
    drop(listener);
    listen(&at, &config).await.expect("free again");
}

/// A connector waits for its peer to come.
pub async fn connecting_before_binding_works(world: World) {
    let dealer = world.config(SocketType::Dealer, hasty);
    let listener = listen(&world.endpoint(), &dealer).await.expect("listening");
    let at = listener.endpoint().clone();
    drop(listener);
    let host = Collector::new(1);
    let mut connector = Connector::start(at.clone(), dealer.clone(), host.host());
    let early = connector.first_attempt(Duration::from_millis(20)).await.expect("not refused");
    assert_eq!(early, Progress::Pending);
    let mut listener = listen(&at, &dealer).await.expect("bound again");
    let far = listener.accept().await.expect("accepted");
    let (out, _near_in) = host.connection().await.split();
    out.send(text("hello")).await.expect("sent");
    assert_eq!(read(&mut far.split().1, 1).await, ["hello"]);
}

/// A connector makes its link again, and says so.
pub async fn a_lost_link_is_made_again(world: World) {
    let dealer = world.config(SocketType::Dealer, hasty);
    let mut listener = listen(&world.endpoint(), &dealer).await.expect("listening");
    let at = listener.endpoint().clone();
    let host = Collector::new(1);
    let _connector = Connector::start(at.clone(), dealer.clone(), host.host());
    for _ in 0..3 {
        let far = listener.accept().await.expect("accepted");
        let (_out, mut near_in) = host.connection().await.split();
        drop(far);
        assert!(near_in.recv_many(&mut Vec::new()).await.is_err());
    }
    drop(listener);
    eventually(|| host.notes().iter().any(|it| it.starts_with("Retrying"))).await;
    let mut listener = listen(&at, &dealer).await.expect("bound again");
    listener.accept().await.expect("accepted again");
}

/// A link that ends after its peer has said something is no failed attempt.
pub async fn a_peer_that_was_talking_is_reached_again_at_once(world: World) {
    let dealer = world.config(SocketType::Dealer, |config| {
        let hour = Duration::from_secs(3_600);
        config.options.backoff = Backoff { first: hour, most: hour };
    });
    let mut listener = listen(&world.endpoint(), &dealer).await.expect("listening");
    let at = listener.endpoint().clone();
    let host = Collector::new(1);
    let _connector = Connector::start(at, dealer, host.host());
    let far = listener.accept().await.expect("the first link");
    let (_near_out, mut near_in) = host.connection().await.split();
    let (far_out, far_in) = far.split();
    far_out.send(text("hello")).await.expect("sent");
    read(&mut near_in, 1).await;
    drop((far_out, far_in));
    while near_in.recv_many(&mut Vec::new()).await.is_ok() {}
    listener.accept().await.expect("the second link");
}

/// What the connecting side itself refuses is an error of its first attempt.
pub async fn a_refused_peer_is_told_to_the_caller(world: World) {
    let dealer = world.config(SocketType::Dealer, hasty);
    let listener = listen(&world.endpoint(), &dealer).await.expect("listening");
    let at = listener.endpoint().clone();
    let friendly = Collector::new(1);
    let _serving = listener.serve(friendly.host());
    let strict = Collector::refusing("speaks json, not bincode");
    let mut connector = Connector::start(at, dealer, strict.host());
    let error = connector.first_attempt(Duration::from_secs(20)).await.expect_err("refused");
    assert!(matches!(error, ConnectError::Handshake { .. }), "{error:?}");
    assert!(format!("{error:?}").contains("speaks json, not bincode"), "{error:?}");
}

/// After everything is dropped no task of a link is left.
pub async fn nothing_is_left_behind(world: World) {
    let handle = tokio::runtime::Handle::current();
    let before = handle.metrics().num_alive_tasks();
    for _ in 0..20 {
        let ends = world.ends_with(hasty).await;
        let at = ends.listener.endpoint().clone();
        let host = Collector::new(1);
        let dealer = world.config(SocketType::Dealer, hasty);
        let connector = Connector::start(at, dealer, host.host());
        let serving = ends.listener.serve(host.host());
        eventually(|| 2 <= host.n_connections()).await;
        drop((connector, serving));
    }
    tasks_down_to(before).await;
}

/// Once a served listener is ended its endpoint can be bound at once.
pub async fn an_ended_listener_frees_its_endpoint_at_once(world: World) {
    let dealer = world.config(SocketType::Dealer, hasty);
    let mut at = world.endpoint();
    for _ in 0..5 {
        let listener = listen(&at, &dealer).await.expect("free");
        at = listener.endpoint().clone();
        listener.serve(Collector::new(1).host()).end().await;
    }
}
