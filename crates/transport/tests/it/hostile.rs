//! What a hostile or broken peer can do: nothing, except to be dropped with a reason.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_test::transport_suite::Collector;
use gleis_test::wait::{eventually, within};
use gleis_transport::{
    CloseReason, Connection, HighWater, Inbound, LinkConfig, Message, SocketType, TaskGuard,
    TrySendError, connect, listen,
};

/// A DEALER that serves, what it noted, and where it is.
struct Server {
    at: Endpoint,
    host: Arc<Collector>,
    _task: TaskGuard,
}

fn dealer(change: impl FnOnce(&mut LinkConfig)) -> Arc<LinkConfig> {
    let mut config = LinkConfig::new(SocketType::Dealer);
    change(&mut config);
    Arc::new(config)
}

impl Server {
    async fn start(change: impl FnOnce(&mut LinkConfig)) -> Self {
        let any = "tcp://127.0.0.1:0".parse().unwrap();
        let listener = listen(&any, &dealer(change)).await.unwrap();
        let host = Collector::new(usize::MAX);
        let at = listener.endpoint().clone();
        Self { at, _task: listener.serve(host.host()), host }
    }

    /// A raw peer that may say what it wants.
    fn raw(&self) -> TcpStream {
        let Endpoint::Tcp(at) = &self.at else { unreachable!("bound on tcp") };
        let stream = TcpStream::connect(("127.0.0.1", at.port)).unwrap();
        stream.set_read_timeout(Some(gleis_test::wait::PATIENCE)).unwrap();
        stream
    }

    async fn noted(&self, words: &str) {
        within(eventually(|| self.host.notes().iter().any(|it| it.contains(words)))).await;
    }

    /// The next connection that came through its handshake.
    async fn accepted(&self) -> Connection {
        within(self.host.connection()).await
    }

    /// An honest peer still gets through.
    async fn still_serves(&self) {
        let near = within(connect(&self.at, &dealer(|_| ()))).await.unwrap();
        let (out, _in) = near.split();
        let far = self.accepted().await;
        out.send(Message::single("hello")).await.unwrap();
        let mut batch = Vec::new();
        within(far.split().1.recv_many(&mut batch)).await.unwrap();
        assert_eq!(batch.len(), 1);
    }
}

fn greeting() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[9] = 0x7F;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

fn hello() -> Vec<u8> {
    let mut bytes = greeting();
    bytes.extend(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
    bytes
}

/// Reads until the server closes.
fn closed_by_server(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn seventy_three_bytes_that_announce_a_huge_frame_are_refused() {
    let server = Server::start(|_| ()).await;
    let mut raw = server.raw();
    let mut bytes = greeting();
    bytes.extend([2]);
    bytes.extend((1_u64 << 46).to_be_bytes());
    assert_eq!(bytes.len(), 73);
    raw.write_all(&bytes).unwrap();
    server.noted("AcceptFailed").await;
    closed_by_server(raw);
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_frame_after_the_handshake_ends_the_link_with_the_limit() {
    let server = Server::start(|_| ()).await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (_out, mut incoming) = server.accepted().await.split();
    raw.write_all(&[2, 0, 0, 0x40, 0, 0, 0, 0, 0, b'x']).unwrap();
    let reason = within(incoming.recv_many(&mut Vec::new())).await.unwrap_err();
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason:?}");
    assert!(reason.to_string().contains("limit"), "{reason}");
    closed_by_server(raw);
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_is_dropped_after_the_handshake_timeout() {
    let server = Server::start(|it| it.options.handshake_timeout = Duration::from_millis(50)).await;
    let raw = server.raw();
    server.noted("HandshakeTimeout").await;
    closed_by_server(raw);
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_protocols_and_noise_are_named_and_dropped() {
    let server = Server::start(|_| ()).await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 200], &[0; 64], b"\x16\x03\x01\x02\0"] {
        let mut raw = server.raw();
        raw.write_all(noise).unwrap();
        closed_by_server(raw);
    }
    server.noted("NotZmtp").await;
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_dies_in_the_middle_of_a_frame_is_a_lost_link() {
    let server = Server::start(|_| ()).await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (_out, mut incoming) = server.accepted().await.split();
    raw.write_all(b"\0\x05whole\0\x05ha").unwrap();
    raw.shutdown(Shutdown::Write).unwrap();
    let mut batch = Vec::new();
    let reason = loop {
        if let Err(reason) = within(incoming.recv_many(&mut batch)).await {
            break reason;
        }
    };
    assert_eq!(batch.len(), 1);
    assert!(matches!(reason, CloseReason::Lost(_)), "{reason:?}");
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_handshakes_end_the_oldest_and_honest_peers_get_through() {
    let server = Server::start(|it| it.options.max_handshakes = 8).await;
    let silent: Vec<_> = (0..50).map(|_| server.raw()).collect();
    server.noted("Displaced").await;
    server.still_serves().await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_gives_way_before_one_that_has_greeted() {
    let server = Server::start(|it| it.options.max_handshakes = 2).await;
    let mut slow = server.raw();
    let hello = hello();
    let (greeting, ready) = hello.split_at(64);
    slow.write_all(greeting).unwrap();
    // The byte behind the server's greeting says that it has ours.
    slow.read_exact(&mut [0; 65]).unwrap();
    let silent = [server.raw(), server.raw()];
    server.noted("Displaced").await;
    slow.write_all(ready).unwrap();
    slow.write_all(b"\0\x04here").unwrap();
    let (_out, mut incoming) = server.accepted().await.split();
    let mut batch = Vec::new();
    within(incoming.recv_many(&mut batch)).await.unwrap();
    assert!(matches!(&batch[..], [Inbound::Message(it)] if it.body.len() == 4), "{batch:?}");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_peers_than_allowed_are_refused_until_one_goes() {
    let server = Server::start(|it| it.options.max_connections = 2).await;
    let mut raws = [server.raw(), server.raw()];
    for raw in &mut raws {
        raw.write_all(&hello()).unwrap();
    }
    let first = server.accepted().await;
    let second = server.accepted().await;
    closed_by_server(server.raw());
    server.noted("2 peers are served already").await;
    drop((first, second));
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_connections_at_once_are_all_served() {
    let server = Server::start(|_| ()).await;
    let config = dealer(|_| ());
    let mut calls = Vec::new();
    for _ in 0..2_000 {
        let (at, config) = (server.at.clone(), config.clone());
        calls.push(tokio::spawn(async move {
            // On a slow machine a crowd displaces its own first ones: they come again, as connectors do.
            loop {
                match connect(&at, &config).await {
                    Err(error) if !error.is_final() => tokio::task::yield_now().await,
                    done => return done,
                }
            }
        }));
    }
    let mut nears = Vec::new();
    for call in calls {
        nears.push(within(call).await.unwrap().unwrap());
    }
    for _ in 0..2_000 {
        server.accepted().await;
    }
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_reads_holds_back_its_sender_within_the_high_water_mark() {
    let server = Server::start(|it| {
        it.options.send_high_water = HighWater { messages: 100, bytes: 1 << 20 };
    })
    .await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (out, _in) = server.accepted().await.split();
    let body = Bytes::from(vec![7; 64 << 10]);
    let full = loop {
        if let Err(full) = out.try_send(Message::single(body.clone())) {
            break full;
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(full, TrySendError::Full(_)), "{full:?}");
    assert!(out.queued() <= 20, "{} messages wait", out.queued());
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_while_nobody_sends() {
    let server = Server::start(|_| ()).await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (_out, incoming) = server.accepted().await.split();
    let _delivery = incoming.deliver_to(Collector::new(1));
    raw.write_all(b"\x04\x09\x04PING\0\x64hi").unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 256];
    while !seen.ends_with(b"\x04\x07\x04PONGhi") {
        let n_bytes = raw.read(&mut buffer).unwrap();
        assert_ne!(n_bytes, 0, "{}", seen.escape_ascii());
        seen.extend(&buffer[..n_bytes]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_falls_silent_is_given_up() {
    let server = Server::start(|it| {
        let heartbeat = it.options.heartbeat.as_mut().unwrap();
        heartbeat.interval = Duration::from_millis(20);
        heartbeat.timeout = Duration::from_millis(60);
    })
    .await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (_out, mut incoming) = server.accepted().await.split();
    let reason = within(incoming.recv_many(&mut Vec::new())).await.unwrap_err();
    assert!(reason.to_string().contains("silent"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_breaks_the_promise_of_its_ping_is_given_up_then() {
    let server = Server::start(|it| it.options.heartbeat = None).await;
    let mut raw = server.raw();
    raw.write_all(&hello()).unwrap();
    let (_out, mut incoming) = server.accepted().await.split();
    let end = tokio::spawn(async move { incoming.recv_many(&mut Vec::new()).await });
    // The answer tells that the link has settled, without a deadline of its own.
    raw.write_all(b"\x04\x09\x04PING\0\0hi").unwrap();
    let mut answered = [0; 64 + 30 + 9];
    raw.read_exact(&mut answered).unwrap();
    raw.write_all(b"\x04\x07\x04PING\0\x01").unwrap();
    let reason = within(end).await.unwrap().unwrap_err();
    assert!(reason.to_string().contains("silent"), "{reason}");
}
