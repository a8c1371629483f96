//! A listener that takes no more connections than it may.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait when the system has no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Limited {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

/// A connection, and its place.
pub(crate) struct Connection {
    _place: OwnedSemaphorePermit,
    pub(crate) stream: TcpStream,
}

impl Limited {
    pub(crate) fn new(listener: TcpListener, connections: usize) -> Self {
        let room = connections.clamp(1, Semaphore::MAX_PERMITS);
        Self { listener, room: Arc::new(Semaphore::new(room)) }
    }

    /// The next connection, once there is room for it.
    ///
    /// # Cancel safety
    /// No connection is lost.
    pub(crate) async fn accept(&self) -> Connection {
        // It is never closed.
        let place = self.room.clone().acquire_owned().await;
        let _place = place.unwrap_or_else(|_| unreachable!("nobody closes it"));
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // What is sent is small, and somebody waits for it.
                    let _ = stream.set_nodelay(true);
                    return Connection { _place, stream };
                }
                Err(error) => {
                    tracing::warn!(target: "gleis::bridge", %error, "cannot accept");
                    // Not synchronisation: too many open files are not fewer at once.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
