//! A network of one's own: tokio's streams, seen through the public traits.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::BytesMut;
use gleis_core::Endpoint;
use gleis_test::transport_suite::{World, messages_arrive_whole_and_in_order};
use gleis_test::wait::{eventually, within};
use gleis_transport::{Message, Network, TrySendError, Wire, WireListener};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

/// Counts what passes through it.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    mood: Arc<Mood>,
    n_accepted: Arc<AtomicUsize>,
    n_dialled: AtomicUsize,
}

#[derive(Debug)]
struct Stream(TcpStream, Arc<Mood>);

/// What writing does on the dialling side.
#[derive(Debug, Default)]
struct Mood {
    is_blocked: AtomicBool,
    is_broken: AtomicBool,
}

#[derive(Debug)]
struct Door {
    endpoint: Endpoint,
    listener: TcpListener,
    n_accepted: Arc<AtomicUsize>,
}

fn address(endpoint: &Endpoint) -> io::Result<SocketAddr> {
    let text = endpoint.to_string();
    text.trim_start_matches("tcp://").parse().map_err(io::Error::other)
}

#[async_trait]
impl Network for Passing {
    async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Wire>> {
        self.n_dialled.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Stream(TcpStream::connect(address(to)?).await?, self.mood.clone())))
    }

    async fn listen(&self, at: &Endpoint) -> io::Result<Box<dyn WireListener>> {
        let listener = TcpListener::bind(address(at)?).await?;
        let endpoint = Endpoint::from(listener.local_addr()?);
        Ok(Box::new(Door { endpoint, listener, n_accepted: self.n_accepted.clone() }))
    }
}

#[async_trait]
impl WireListener for Door {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&self) -> io::Result<(Box<dyn Wire>, String)> {
        let (stream, from) = self.listener.accept().await?;
        self.n_accepted.fetch_add(1, Ordering::Relaxed);
        Ok((Box::new(Stream(stream, Arc::default())), from.to_string()))
    }
}

impl Wire for Stream {
    fn try_read(&self, into: &mut BytesMut) -> io::Result<usize> {
        self.0.try_read_buf(into)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.1.is_broken.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.1.is_blocked.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.try_write(bytes)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }

    fn shutdown(&self, how: Shutdown) {
        let _ = SockRef::from(&self.0).shutdown(how);
    }
}

#[tokio::test]
async fn tcp_goes_through_the_network_that_was_chosen() {
    let network = Arc::new(Passing::default());
    let world = World::over(network.clone(), || "tcp://127.0.0.1:0".parse().unwrap());
    within(messages_arrive_whole_and_in_order(world)).await;
    assert_eq!(network.n_dialled.load(Ordering::Relaxed), 1);
    assert_eq!(network.n_accepted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn inproc_goes_past_the_network() {
    let network = Arc::new(Passing::default());
    let world = World::over(network.clone(), super::inproc);
    within(messages_arrive_whole_and_in_order(world)).await;
    assert_eq!(network.n_dialled.load(Ordering::Relaxed), 0);
}

/// What a failed write held stays in the books, whatever is flushed afterwards.
#[tokio::test]
async fn a_failed_write_is_counted_once_and_for_all() {
    let network = Arc::new(Passing::default());
    let world = World::over(network.clone(), || "tcp://127.0.0.1:0".parse().unwrap());
    let ends = world.ends().await;
    let (out, _near_in) = ends.near.split();
    network.mood.is_blocked.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        out.try_send(Message::single("lost")).unwrap();
    }
    network.mood.is_broken.store(true, Ordering::Relaxed);
    eventually(|| matches!(out.try_send(Message::single("late")), Err(TrySendError::Closed(_))))
        .await;
    let check = || {
        let tally = out.tally();
        assert_eq!((tally.delivered, tally.queued + tally.in_flight), (0, tally.accepted));
    };
    check();
    for _ in 0..3 {
        assert!(futures::poll!(std::pin::pin!(out.flush())).is_pending(), "nothing has left");
        tokio::task::yield_now().await;
        check();
    }
}
