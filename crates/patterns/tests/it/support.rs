//! What the tests share: fresh endpoints and waits with a watchdog.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Endpoint};
pub(crate) use gleis_test::pattern_suite::Binder;
use gleis_test::pattern_suite::{Socket, World};
pub(crate) use gleis_test::wait::eventually as until;
use gleis_test::wait::within;
use gleis_transport::{CloseReason, Connection, Inbound, LinkConfig, Message, SocketType, connect};

/// The transports every pattern is tried on.
#[cfg(not(feature = "zeromq"))]
pub(crate) const SCHEMES: [&str; 3] = ["inproc", "ipc", "tcp"];
/// The transports every pattern is tried on.
#[cfg(feature = "zeromq")]
pub(crate) const SCHEMES: [&str; 5] = ["inproc", "ipc", "tcp", "zmq+ipc", "zmq+tcp"];

/// Those whose queues are all ours, so that numbers are exact.
pub(crate) const NATIVE: [&str; 3] = ["inproc", "ipc", "tcp"];

/// An endpoint nobody uses yet; the system chooses its place where it can.
pub(crate) fn fresh(scheme: &str) -> String {
    match scheme {
        "inproc" => inproc(),
        "ipc" | "zmq+ipc" => format!("{scheme}://*"),
        _ => format!("{scheme}://{}:0", loopback()),
    }
}

/// A loopback address of its own for each listener: its port stays free for a successor, whatever
/// the system gives to the other tests meanwhile.
fn loopback() -> String {
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    if !cfg!(target_os = "linux") {
        return "127.0.0.1".to_owned();
    }
    let (process, serial) = (std::process::id() as usize, SERIAL.fetch_add(1, Ordering::Relaxed));
    format!("127.{}.{}.{}", 1 + process % 250, 1 + serial / 250 % 250, 1 + serial % 250)
}

/// An inproc name nobody uses yet.
pub(crate) fn inproc() -> String {
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    format!("inproc://patterns-{}", SERIAL.fetch_add(1, Ordering::Relaxed))
}

/// Waits for `it`, but not for ever.
#[track_caller]
pub(crate) fn soon<F: IntoFuture>(it: F) -> impl Future<Output = F::Output> {
    within(it.into_future())
}

/// A socket of another library that connects.
pub(crate) async fn stranger(kind: SocketType, at: &Endpoint) -> Connection {
    stranger_named(kind, at, "").await
}

/// The same, with an identity.
pub(crate) async fn stranger_named(
    kind: SocketType,
    at: &Endpoint,
    identity: &'static str,
) -> Connection {
    let mut config = LinkConfig::new(kind);
    config.options.identity = identity.into();
    soon(connect(at, &Arc::new(config))).await.expect("somebody listens")
}

/// Reads a connection to its end, and says why it ended.
pub(crate) async fn end(connection: Connection) -> CloseReason {
    let (_sender, mut receiver) = connection.split();
    loop {
        if let Err(reason) = soon(receiver.recv_many(&mut Vec::new())).await {
            return reason;
        }
    }
}

/// A message as the wire has it.
pub(crate) fn message(frames: &[&'static str]) -> Message {
    let mut head: Vec<Bytes> = frames.iter().map(|it| Bytes::from_static(it.as_bytes())).collect();
    let body = head.pop().expect("a message has a frame");
    Message::multipart(head, body)
}

/// The first message, its frames joined by bars.
pub(crate) fn text(mut batch: Vec<Inbound>) -> String {
    let Inbound::Message(message) = batch.remove(0) else { panic!("no message") };
    let mut frames = message.head.into_vec();
    frames.push(message.body.to_bytes().expect("bytes"));
    joined(&frames)
}

/// Frames, joined by bars.
pub(crate) fn joined(frames: &[Bytes]) -> String {
    let frames: Vec<_> = frames.iter().map(|it| String::from_utf8_lossy(it)).collect();
    frames.join("|")
}

/// Opens two sockets that talk to each other.
pub(crate) async fn pair<A: Socket, B: Socket>(scheme: &'static str, binder: Binder) -> (A, B) {
    let fresh = move || fresh(scheme).parse().expect("an endpoint");
    World::new(fresh, AnyCodec::Bincode).pair(binder).await
}
