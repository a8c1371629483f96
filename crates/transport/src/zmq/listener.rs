//! Where peers come in: a ROUTER, which its driver owns.

use std::io;
use std::sync::Arc;

use gleis_core::Endpoint;
use tokio::sync::{Mutex, mpsc};
use zeromq::{RouterSocket, Socket};

use crate::connection::Connection;
use crate::error::{AcceptError, ListenError};
use crate::options::LinkConfig;
#[cfg(unix)]
use crate::stream::SocketFile;
use crate::zmq::address::{self, Place};
use crate::zmq::bell::Bell;
use crate::zmq::doors;
use crate::zmq::router::Router;
use crate::zmq::{socket_options, thread};

/// A peer that has shaken hands, or failed to.
pub(crate) type Arrived = Result<Connection, AcceptError>;

/// A bound ROUTER. Dropping it frees its place; connections made so far live on, and the driver
/// with them.
#[derive(Debug)]
pub(crate) struct ZmqListener {
    // The receiver needs `&mut`, the acceptor polls through `&`; nobody else ever holds it.
    arrivals: Mutex<mpsc::Receiver<Arrived>>,
    bell: Arc<Bell>,
    endpoint: Endpoint,
    #[cfg(unix)]
    file: Option<SocketFile>,
}

impl ZmqListener {
    pub(crate) async fn bind(
        wanted: &Endpoint,
        config: &Arc<LinkConfig>,
    ) -> Result<Self, ListenError> {
        let place = address::bind(wanted, config).await?;
        let config = config.clone();
        let opening = thread::run(open(place, config)).await.flatten();
        opening.map_err(|source| ListenError::Io { endpoint: wanted.clone(), source })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The next peer. Cancel-safe.
    pub(crate) async fn accept(&self) -> Arrived {
        match self.arrivals.lock().await.recv().await {
            Some(arrived) => arrived,
            // The driver lives as long as this listener, unless the crate panicked.
            None => std::future::pending().await,
        }
    }
}

impl Drop for ZmqListener {
    fn drop(&mut self) {
        // While the place is listened on nobody takes it: what is there is ours.
        #[cfg(unix)]
        drop(self.file.take());
        self.bell.close();
    }
}

/// Gives a bound place to a ROUTER, on the thread of the engine.
async fn open(place: Place, config: Arc<LinkConfig>) -> io::Result<ZmqListener> {
    let endpoint = place.endpoint;
    let mut socket = RouterSocket::with_options(socket_options());
    let events = socket.monitor();
    let bound = socket.bind_listener(place.listener).await;
    bound.map_err(|error| io::Error::other(error.to_string()))?;
    let bell = Arc::new(Bell::default());
    let open = match &endpoint {
        Endpoint::ZmqTcp(at) => Some(doors::opened(at.port, bell.clone())),
        _ => None,
    };
    let (arrived, arrivals) = mpsc::channel(config.options.max_handshakes.max(1));
    let router = Router::new(socket, events, arrived, bell.clone(), config, &endpoint, open);
    // No guard, so that it can say goodbye: it ends by itself when the listener and its last link
    // are gone.
    tokio::spawn(router.run());
    Ok(ZmqListener {
        arrivals: Mutex::new(arrivals),
        bell,
        endpoint,
        #[cfg(unix)]
        file: place.file,
    })
}
