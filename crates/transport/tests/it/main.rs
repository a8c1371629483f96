//! The transports under the suite that all of them share, and each under its own.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod direct;
mod hostile;
mod inproc;
mod network;
mod sim;
#[cfg(feature = "zeromq")]
mod zmq;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gleis_core::Endpoint;
use gleis_transport::{LinkConfig, SocketType, listen};

/// An inproc name that no other test uses.
fn inproc() -> Endpoint {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    format!("inproc://suite-{serial}").parse().unwrap()
}

gleis_test::transport_suite!(over_inproc, super::inproc);
gleis_test::transport_suite!(over_ipc, || "ipc://*".parse().unwrap());
gleis_test::transport_suite!(over_tcp, || "tcp://127.0.0.1:0".parse().unwrap());
gleis_test::transport_suite!(
    over_a_simulated_network,
    || "tcp://10.0.0.1:0".parse().unwrap(),
    std::sync::Arc::new(gleis_test::sim::Sim::new(1).host("10.0.0.1"))
);
gleis_test::transport_suite!(
    over_a_network_of_ones_own,
    || "tcp://127.0.0.1:0".parse().unwrap(),
    std::sync::Arc::new(super::network::Passing::default())
);

#[cfg(feature = "zeromq")]
gleis_test::transport_suite!(over_zmq_ipc, || "zmq+ipc://*".parse().unwrap());
#[cfg(feature = "zeromq")]
gleis_test::transport_suite!(over_zmq_tcp, || "zmq+tcp://127.0.0.1:0".parse().unwrap());

#[tokio::test]
async fn a_relative_path_is_told_in_full_and_its_file_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let depth = std::env::current_dir().unwrap().components().count() - 1;
    let path = folder.path().strip_prefix("/").unwrap().join("one.sock");
    let relative = format!("{}{}", "../".repeat(depth), path.display());
    let config = Arc::new(LinkConfig::new(SocketType::Dealer));
    for scheme in [
        "ipc",
        #[cfg(feature = "zeromq")]
        "zmq+ipc",
    ] {
        let at: Endpoint = format!("{scheme}://{relative}").parse().unwrap();
        let listener = listen(&at, &config).await.unwrap();
        let told = listener.endpoint().to_string();
        assert!(told.starts_with(&format!("{scheme}:///")), "{told}");
        assert!(told.ends_with("one.sock"), "{told}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        drop(listener);
        let is_gone = || folder.path().read_dir().unwrap().count() == 0;
        gleis_test::wait::within(gleis_test::wait::eventually(is_gone)).await;
    }
}
