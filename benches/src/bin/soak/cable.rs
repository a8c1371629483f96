//! A tcp link between two ends that can be cut and pinched.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use gleis_transport::TaskGuard;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::weather::Weather;

/// What the system may hold of one direction, in bytes.
const BUFFER: usize = 16 << 10;

/// Forwards every connection to one address; connections made through it can be cut at once or held.
pub(crate) struct Cable {
    endpoint: String,
    hands: Arc<Hands>,
    _task: TaskGuard,
}

struct Hands {
    cut: Notify,
    is_pinched: watch::Sender<bool>,
}

impl Cable {
    /// A cable to `target`, which need not be there yet.
    pub(crate) async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("tcp://{}", listener.local_addr()?);
        let hands = Arc::new(Hands { cut: Notify::new(), is_pinched: watch::Sender::new(false) });
        let task = TaskGuard::spawn(serve(listener, target, hands.clone()));
        Ok(Self { endpoint, hands, _task: task })
    }

    /// Where to connect to.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Resets all connections.
    fn cut(&self) {
        self.hands.cut.notify_waiters();
    }

    /// Lets nothing pass for a while.
    async fn pinch(&self, length: Duration) {
        self.hands.is_pinched.send_replace(true);
        tokio::time::sleep(length).await;
        self.hands.is_pinched.send_replace(false);
    }

    /// Cuts and pinches until the weather clears up.
    pub(crate) async fn suffer(&self, weather: &Weather, mut dice: Rng) {
        while weather.next_fault(&mut dice, 20..600).await {
            match dice.bool() {
                true => self.cut(),
                false => self.pinch(Duration::from_millis(dice.u64(1..100))).await,
            }
        }
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, hands: Arc<Hands>) {
    let mut links = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = links.join_next() => (),
            accepted = listener.accept() => {
                if let Ok((near, _)) = accepted {
                    links.spawn(link(near, target, hands.clone()));
                }
            }
        }
    }
}

async fn link(near: TcpStream, target: SocketAddr, hands: Arc<Hands>) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    for it in [&near, &far] {
        // A long cable in which little is lost at a time.
        let it = SockRef::from(it);
        let _ = it.set_recv_buffer_size(BUFFER).and_then(|()| it.set_send_buffer_size(BUFFER));
    }
    tokio::select! {
        biased;
        () = hands.cut.notified() => {
            // A reset, not a goodbye: what is under way is lost.
            for it in [&near, &far] {
                let _ = SockRef::from(it).set_linger(Some(Duration::ZERO));
            }
        }
        _ = pass(&near, &far, &hands) => (),
        _ = pass(&far, &near, &hands) => (),
    }
}

async fn pass(from: &TcpStream, to: &TcpStream, hands: &Hands) -> io::Result<()> {
    let mut pinched = hands.is_pinched.subscribe();
    let mut buffer = vec![0; 16 << 10];
    loop {
        // The hands outlive their links.
        let _ = pinched.wait_for(|it| !*it).await;
        from.readable().await?;
        let n_bytes = match from.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n_bytes) => n_bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..n_bytes];
        while !rest.is_empty() {
            to.writable().await?;
            match to.try_write(rest) {
                Ok(n_bytes) => rest = &rest[n_bytes..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Err(error),
            }
        }
    }
}
