//! The `zeromq` engine: what hostile, dying and slow peers can do to it, and where it listens.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_test::transport_suite::{Collector, World};
use gleis_test::wait::{eventually, within};
use gleis_transport::{
    CloseReason, ConnectError, Connection, HighWater, LinkConfig, ListenError, Message, SocketType,
    TaskGuard, connect, listen,
};
use zeromq::{DealerSocket, Socket, SocketEvent, SocketOptions, SocketRecv, SocketSend};

const HELLO: &[u8] = b"\x01gleis\x01nonce 12\0\0\0\0\0\0\x03\xe8\0\0\0\0\x01\0\0\0\x06DEALER\0";

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

fn small_queues(config: &mut LinkConfig) {
    config.options.send_high_water = HighWater { messages: 8, bytes: 1 << 20 };
    config.options.recv_high_water = HighWater { messages: 8, bytes: 1 << 20 };
}

fn any_port() -> Endpoint {
    "zmq+tcp://127.0.0.1:0".parse().unwrap()
}

fn port(at: &Endpoint) -> u16 {
    let Endpoint::ZmqTcp(at) = at else { unreachable!("bound on tcp") };
    at.port
}

impl Server {
    async fn start(change: impl FnOnce(&mut LinkConfig)) -> Self {
        let listener = listen(&any_port(), &dealer(change)).await.unwrap();
        let host = Collector::new(usize::MAX);
        let at = listener.endpoint().clone();
        Self { at, _task: listener.serve(host.host()), host }
    }

    /// A raw peer that may say what it wants.
    fn raw(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", port(&self.at))).unwrap();
        stream.set_read_timeout(Some(gleis_test::wait::PATIENCE)).unwrap();
        stream
    }

    /// A peer of the same crate that says what it wants above ZMTP.
    async fn foreigner(&self) -> DealerSocket {
        self.foreigner_called(SocketOptions::default()).await
    }

    async fn foreigner_called(&self, options: SocketOptions) -> DealerSocket {
        let mut socket = DealerSocket::with_options(options);
        within(socket.connect(&format!("tcp://127.0.0.1:{}", port(&self.at)))).await.unwrap();
        socket
    }

    /// One that has said HELLO and was accepted.
    async fn guest(&self) -> DealerSocket {
        let mut socket = self.foreigner().await;
        greet(&mut socket).await;
        socket
    }

    async fn noted(&self, words: &str) {
        let has_noted = || self.host.notes().iter().any(|it| it.contains(words));
        within(eventually(has_noted)).await;
    }

    /// The next connection that came through its handshake.
    async fn accepted(&self) -> Connection {
        within(self.host.connection()).await
    }

    /// An honest peer still gets through.
    async fn still_serves(&self) {
        let near = within(connect(&self.at, &dealer(|_| ()))).await.unwrap();
        let (out, _in) = near.split();
        let (_out, mut far_in) = self.accepted().await.split();
        out.send(Message::single("hello")).await.unwrap();
        let mut batch = Vec::new();
        within(far_in.recv_many(&mut batch)).await.unwrap();
        assert_eq!(batch.len(), 1);
    }
}

async fn say(socket: &mut DealerSocket, bytes: &[u8]) {
    within(socket.send(Bytes::copy_from_slice(bytes).into())).await.unwrap();
}

async fn greet(socket: &mut DealerSocket) {
    say(socket, HELLO).await;
    let answer = within(socket.recv()).await.unwrap().into_vec();
    assert!(answer[0].starts_with(b"\x02gleis\x01nonce 12"), "{answer:?}");
}

/// Waits until the server has hung up.
async fn left(mut socket: DealerSocket) {
    let mut events = socket.monitor();
    let hung_up = async {
        loop {
            tokio::select! {
                biased;
                event = futures::StreamExt::next(&mut events) => match event {
                    Some(SocketEvent::Disconnected(_)) | None => return,
                    Some(_) => (),
                },
                received = socket.recv() => if received.is_err() { return },
            }
        }
    };
    within(hung_up).await;
}

async fn why(connection: Connection) -> CloseReason {
    let (_out, mut incoming) = connection.split();
    let mut batch = Vec::new();
    loop {
        if let Err(reason) = within(incoming.recv_many(&mut batch)).await {
            return reason;
        }
    }
}

/// The greeting of ZMTP 3.0 and a READY.
fn ready() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[9] = 0x7F;
    bytes[10] = 3;
    bytes[12..16].copy_from_slice(b"NULL");
    bytes.extend(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_bytes_on_the_listener_do_not_end_it() {
    let server = Server::start(|_| ()).await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 200], &[0; 64], b"\x16\x03\x01\x02\0"] {
        server.raw().write_all(noise).unwrap();
    }
    server.still_serves().await;
}

#[tokio::test]
async fn a_peer_that_does_not_begin_with_hello_is_dropped() {
    let server = Server::start(|_| ()).await;
    for words in [&b"hi"[..], b"\x04\0\x01\x02x", b"\x01gleis\x01cut", b"\x01HTTP/1.1"] {
        let mut foreigner = server.foreigner().await;
        say(&mut foreigner, words).await;
        left(foreigner).await;
    }
    server.noted("not the greeting").await;
    server.noted("cut short").await;
    server.noted("something else came").await;
    server.still_serves().await;
}

#[tokio::test]
async fn a_later_version_is_refused_for_good_with_the_reason() {
    let server = Server::start(|_| ()).await;
    let mut later = server.foreigner().await;
    say(&mut later, b"\x01gleis\x07nonce 12 and more").await;
    let answer = within(later.recv()).await.unwrap().into_vec();
    assert!(answer[0].starts_with(b"\x03\x01nonce 12"), "{answer:?}");
    assert!(answer[0].ends_with(b"another version of the link protocol"), "{answer:?}");
    left(later).await;
    server.still_serves().await;
}

#[tokio::test]
async fn a_zmtp_peer_of_ours_is_told_to_leave_as_well() {
    let server = Server::start(|_| ()).await;
    let at = format!("tcp://127.0.0.1:{}", port(&server.at)).parse().unwrap();
    let near = within(connect(&at, &dealer(|_| ()))).await.unwrap();
    let (out, mut incoming) = near.split();
    out.send(Message::single("hi")).await.unwrap();
    within(incoming.recv_many(&mut Vec::new())).await.unwrap_err();
    server.noted("AcceptFailed").await;
}

#[tokio::test]
async fn a_peer_that_never_says_hello_is_dropped_in_time() {
    let server = Server::start(|it| it.options.handshake_timeout = Duration::from_millis(50)).await;
    let foreigner = server.foreigner().await;
    server.noted("HandshakeTimeout").await;
    left(foreigner).await;
    server.still_serves().await;
}

#[tokio::test]
async fn a_crowd_without_hello_is_displaced_by_honest_peers() {
    let server = Server::start(|it| it.options.max_handshakes = 4).await;
    let mut crowd = Vec::new();
    for _ in 0..12 {
        crowd.push(server.foreigner().await);
    }
    server.noted("Displaced").await;
    server.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_die_in_the_middle_of_a_message_harm_nobody_else() {
    let server = Server::start(|_| ()).await;
    let (out, _in) = within(connect(&server.at, &dealer(|_| ()))).await.unwrap().split();
    let (_far_out, mut far_in) = server.accepted().await.split();
    for half in [&b"\0\x40half"[..], &[&[0, HELLO.len() as u8], HELLO, b"\0\x40half"].concat()] {
        let mut raw = server.raw();
        raw.write_all(&ready()).unwrap();
        // The server's READY: it is past the handshake.
        raw.read_exact(&mut [0; 64 + 30]).unwrap();
        raw.write_all(half).unwrap();
    }
    let reason = why(server.accepted().await).await;
    assert!(matches!(reason, CloseReason::Lost(_)), "{reason:?}");
    out.send(Message::single("still here")).await.unwrap();
    within(far_in.recv_many(&mut Vec::new())).await.unwrap();
    server.still_serves().await;
}

#[tokio::test]
async fn a_listener_that_dies_in_the_middle_of_a_message_is_a_lost_link() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("zmq+tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let playing = std::thread::spawn(move || {
        let (mut raw, _) = listener.accept().unwrap();
        let ready = [&ready()[..64], b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"].concat();
        raw.write_all(&ready).unwrap();
        raw.read_exact(&mut [0; 64 + 30]).unwrap();
        let mut hello = [0; 256];
        let n_bytes = raw.read(&mut hello).unwrap();
        // As ACCEPT the HELLO does as well, with another kind.
        hello[2] = 2;
        raw.write_all(&hello[..n_bytes]).unwrap();
        raw.write_all(b"\0\x06\x04\0\x01\x04ok\0\x40half").unwrap();
    });
    let near = within(connect(&at, &dealer(|_| ()))).await.unwrap();
    let (_out, mut incoming) = near.split();
    let mut batch = Vec::new();
    within(incoming.recv_many(&mut batch)).await.unwrap();
    let reason = within(incoming.recv_many(&mut batch)).await.unwrap_err();
    assert!(matches!(reason, CloseReason::Lost(_)), "{reason:?}");
    assert_eq!(batch.len(), 1);
    playing.join().unwrap();
}

#[tokio::test]
async fn who_sends_more_than_its_credit_is_dropped_alone() {
    let server = Server::start(small_queues).await;
    let (out, _in) = within(connect(&server.at, &dealer(|_| ()))).await.unwrap().split();
    let (_far_out, mut far_in) = server.accepted().await.split();
    let mut greedy = server.guest().await;
    let connection = server.accepted().await;
    for _ in 0..9 {
        say(&mut greedy, b"\x04\0\x01\x02x").await;
    }
    // Nothing is read, which would give it more.
    let reason = within(connection.split().0.closed().wait()).await;
    assert!(reason.to_string().contains("more than the credit allows"), "{reason}");
    left(greedy).await;
    out.send(Message::single("still here")).await.unwrap();
    within(far_in.recv_many(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_link_ends_with_the_rule_that_its_peer_broke() {
    let server = Server::start(|it| it.options.limits.frame = 100).await;
    for (bytes, words) in [
        (&b"nonsense"[..], "unknown kind"),
        (b"\x04\0\x01\xd0\x0f", "frame limit exceeded: 1000 announced, 100 allowed"),
        (b"\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "less than before"),
        (b"\x07 no ping", "without a PING"),
        (b"\x09", "without a BYE"),
        (HELLO, "after the handshake"),
    ] {
        let mut guest = server.guest().await;
        say(&mut guest, bytes).await;
        let reason = why(server.accepted().await).await;
        assert!(reason.to_string().contains(words), "{reason}");
        left(guest).await;
    }
    server.still_serves().await;
}

#[tokio::test]
async fn a_slow_reader_bounds_what_is_held_on_both_sides() {
    let ends = World::new(any_port).ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    // Sixteen that wait on either side, and nothing in between.
    for i in 0..16 {
        within(out.send(Message::single(i.to_string()))).await.unwrap();
    }
    within(eventually(|| out.tally().queued == 8)).await;
    assert!(out.try_send(Message::single("one more")).is_err());
    assert_eq!(out.tally().delivered, 8, "{:?}", out.tally());
    let mut batch = Vec::new();
    while batch.len() < 16 {
        within(far_in.recv_many(&mut batch)).await.unwrap();
    }
    out.flush().await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_does_not_hold_up_its_neighbours() {
    let server = Server::start(|_| ()).await;
    let slow = within(connect(&server.at, &dealer(small_queues))).await.unwrap();
    let (to_slow, _in) = server.accepted().await.split();
    let full = || async { while to_slow.send(Message::single("x")).await.is_ok() {} };
    let serving = async {
        for _ in 0..20 {
            server.still_serves().await;
        }
    };
    tokio::select! {
        () = full() => panic!("the link lives"),
        () = serving => (),
    }
    drop(slow);
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let server = Server::start(|it| {
        let heartbeat = it.options.heartbeat.as_mut().unwrap();
        heartbeat.interval = Duration::from_millis(20);
        heartbeat.timeout = Duration::from_millis(60);
    })
    .await;
    let silent = server.guest().await;
    let reason = why(server.accepted().await).await;
    assert!(reason.to_string().contains("silent"), "{reason}");
    left(silent).await;
}

#[tokio::test]
async fn more_peers_than_allowed_are_refused_until_one_goes() {
    let server = Server::start(|it| it.options.max_connections = 2).await;
    let first = within(connect(&server.at, &dealer(|_| ()))).await.unwrap();
    let second = within(connect(&server.at, &dealer(|_| ()))).await.unwrap();
    let served = (server.accepted().await, server.accepted().await);
    let error = within(connect(&server.at, &dealer(|_| ()))).await.unwrap_err();
    assert!(!error.is_final(), "{error:?}");
    server.noted("2 peers are served already").await;
    drop((first, second, served));
    server.still_serves().await;
}

#[tokio::test]
async fn an_identity_that_is_taken_over_ends_the_link_that_had_it() {
    let server = Server::start(|_| ()).await;
    let named = || {
        let mut options = SocketOptions::default();
        options.peer_identity("alice".parse().unwrap());
        options
    };
    let mut first = server.foreigner_called(named()).await;
    greet(&mut first).await;
    let connection = server.accepted().await;
    let mut second = server.foreigner_called(named()).await;
    let reason = why(connection).await;
    assert!(matches!(reason, CloseReason::Lost(_)), "{reason:?}");
    greet(&mut second).await;
    let (_out, mut incoming) = server.accepted().await.split();
    say(&mut second, b"\x04\0\x01\x02x").await;
    within(incoming.recv_many(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn listening_to_a_network_needs_trust() {
    for open in
        ["zmq+tcp://*:0", "zmq+tcp://0.0.0.0:0", "zmq+tcp://[::]:0", "zmq+tcp://192.0.2.1:0"]
    {
        let error = listen(&open.parse().unwrap(), &dealer(|_| ())).await.unwrap_err();
        assert!(matches!(error, ListenError::Untrusted { .. }), "{error:?}");
        assert!(error.to_string().contains("trusted_network"), "{error}");
    }
    let trusting = dealer(|it| it.options.trusted_network = true);
    let listener = listen(&"zmq+tcp://*:0".parse().unwrap(), &trusting).await.unwrap();
    let told = listener.endpoint().to_string();
    assert!(!told.contains('*') && !told.contains("0.0.0.0"), "{told}");
}

#[tokio::test]
async fn names_are_bound_and_told_as_names() {
    for at in ["zmq+tcp://localhost:0", "zmq+tcp://[::1]:0"] {
        let mut listener = listen(&at.parse().unwrap(), &dealer(|_| ())).await.unwrap();
        let told = listener.endpoint().clone();
        assert!(told.to_string().starts_with(at.trim_end_matches('0')), "{told}");
        let config = dealer(|_| ());
        let (near, far) = tokio::join!(connect(&told, &config), within(listener.accept()));
        let (near, far) = (near.unwrap(), far.unwrap());
        assert_eq!(near.peer().address, told.to_string());
        assert!(far.peer().address.starts_with("zmq+"), "{}", far.peer().address);
    }
}

#[tokio::test]
async fn an_attempt_at_an_empty_place_fails_once_and_soon() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = format!("zmq+tcp://{free}").parse().unwrap();
    let patient = dealer(|it| it.options.connect_timeout = Duration::from_secs(3_600));
    for at in [at, "zmq+ipc:///nowhere/at/all".parse().unwrap()] {
        let error = within(connect(&at, &patient)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn places_that_the_crate_cannot_reach_are_errors_and_not_panics() {
    for at in ["zmq+ipc://*", "zmq+ipc://@name", "zmq+tcp://*:1"] {
        let error = within(connect(&at.parse().unwrap(), &dealer(|_| ()))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
    }
    let error = listen(&"zmq+ipc://@name".parse().unwrap(), &dealer(|_| ())).await.unwrap_err();
    let ListenError::Io { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_runtime_that_ends_with_its_links_neither_hangs_nor_takes_their_goodbye_along() {
    for workers in [0, 2] {
        let server = Server::start(|_| ()).await;
        let at = server.at.clone();
        let ending = std::thread::spawn(move || {
            let runtime = match workers {
                0 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
                n => tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(n)
                    .enable_all()
                    .build(),
            }
            .unwrap();
            runtime.block_on(async {
                let listener = listen(&any_port(), &dealer(|_| ())).await.unwrap();
                let left = listener.endpoint().clone();
                let (out, mut incoming) =
                    within(connect(&at, &dealer(|_| ()))).await.unwrap().split();
                tokio::spawn(async move {
                    let _held = (listener, out);
                    let _ = incoming.recv_many(&mut Vec::new()).await;
                });
                left
            })
        });
        let connection = server.accepted().await;
        let reason = why(connection).await;
        assert!(matches!(reason, CloseReason::ByPeer), "{reason:?}");
        let left = ending.join().unwrap();
        // The place of its listener is free.
        within(listen(&left, &dealer(|_| ()))).await.unwrap();
        server.still_serves().await;
    }
}

#[tokio::test]
async fn a_link_outlives_the_runtime_that_made_it() {
    let server = Server::start(|_| ()).await;
    let at = server.at.clone();
    let making = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(within(connect(&at, &dealer(|_| ())))).unwrap()
    });
    let (_far_out, mut far_in) = server.accepted().await.split();
    let (out, _in) = making.join().unwrap().split();
    out.send(Message::single("hello")).await.unwrap();
    within(far_in.recv_many(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn links_outlive_their_listener() {
    let ends = World::new(any_port).ends().await;
    let at = ends.listener.endpoint().clone();
    drop(ends.listener);
    let error = within(connect(&at, &dealer(|_| ()))).await.unwrap_err();
    assert!(!error.is_final(), "{error:?}");
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    out.send(Message::single("hello")).await.unwrap();
    within(far_in.recv_many(&mut Vec::new())).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_file_goes_with_its_listener_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let at: Endpoint = format!("zmq+ipc://{}", path.display()).parse().unwrap();
    // Left behind by a process that died.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = listen(&at, &dealer(|_| ())).await.unwrap();
    let error = listen(&at, &dealer(|_| ())).await.unwrap_err();
    assert!(matches!(error, ListenError::AddressInUse { .. }), "{error:?}");
    drop(first);
    assert!(!path.exists());
    let mut second = listen(&at, &dealer(|_| ())).await.unwrap();
    assert!(path.exists());
    let config = dealer(|_| ());
    let (near, far) = tokio::join!(connect(&at, &config), within(second.accept()));
    drop((near.unwrap(), far.unwrap(), second));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_left_is_free_at_once_though_another_address_has_it_too() {
    let config = dealer(|_| ());
    let first = listen(&any_port(), &config).await.unwrap();
    let at = first.endpoint().clone();
    let beside = format!("zmq+tcp://127.0.0.2:{}", port(&at)).parse().unwrap();
    // Another program may have that one; then there is nothing to see.
    let Ok(_second) = listen(&beside, &config).await else { return };
    drop(first);
    within(listen(&at, &config)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_begins_with_zero_is_a_fault_of_ones_own() {
    let listener = listen(&any_port(), &dealer(|_| ())).await.unwrap();
    let config = dealer(|it| it.options.identity = Bytes::from_static(b"\0me"));
    let error = within(connect(listener.endpoint(), &config)).await.unwrap_err();
    let ConnectError::Handshake { source, .. } = error else { panic!("{error:?}") };
    assert!(format!("{source:?}").contains("OwnIdentity"), "{source:?}");
}
