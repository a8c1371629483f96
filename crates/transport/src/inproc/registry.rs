//! Which inproc names are bound in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use gleis_core::{Endpoint, InprocName};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};

use crate::connection::Connection;
use crate::error::{ConnectError, HandshakeError, ListenError};
use crate::inproc::pair;
use crate::options::LinkConfig;
use crate::peer::Peer;

static NAMES: LazyLock<Mutex<HashMap<InprocName, Bound>>> = LazyLock::new(Mutex::default);
/// Told whenever a name is bound: whoever connected before may look again.
static BOUND: Notify = Notify::const_new();
static SERIAL: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
struct Bound {
    arrivals: mpsc::Sender<Connection>,
    config: Arc<LinkConfig>,
}

/// A bound name; freed on drop.
#[derive(Debug)]
pub(crate) struct InprocListener {
    // The receiver needs `&mut`, the acceptor polls through `&`; nobody else ever holds it.
    arrivals: AsyncMutex<mpsc::Receiver<Connection>>,
    endpoint: Endpoint,
    name: InprocName,
}

impl InprocListener {
    pub(crate) fn bind(name: &InprocName, config: &Arc<LinkConfig>) -> Result<Self, ListenError> {
        let endpoint = Endpoint::Inproc(name.clone());
        let (sender, arrivals) = mpsc::channel(config.options.max_handshakes.max(1));
        {
            let mut names = NAMES.lock();
            if names.contains_key(name) {
                return Err(ListenError::AddressInUse { endpoint });
            }
            names.insert(name.clone(), Bound { arrivals: sender, config: config.clone() });
        }
        BOUND.notify_waiters();
        Ok(Self { arrivals: AsyncMutex::new(arrivals), endpoint, name: name.clone() })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) async fn accept(&self) -> Connection {
        let arrived = self.arrivals.lock().await.recv().await;
        match arrived {
            Some(connection) => connection,
            // The sender stands in the registry as long as this listener lives.
            None => std::future::pending().await,
        }
    }
}

impl Drop for InprocListener {
    fn drop(&mut self) {
        // The name is free for the next one; connections made so far live on.
        NAMES.lock().remove(&self.name);
    }
}

/// Connects to a name, waiting for it to be bound.
pub(crate) async fn connect(
    name: &InprocName,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    let endpoint = Endpoint::Inproc(name.clone());
    let timeout = config.options.connect_timeout;
    tokio::time::timeout(timeout, arrive(name, config, &endpoint))
        .await
        .unwrap_or(Err(ConnectError::TimedOut { endpoint }))
}

async fn arrive(
    name: &InprocName,
    config: &Arc<LinkConfig>,
    endpoint: &Endpoint,
) -> Result<Connection, ConnectError> {
    loop {
        let bound = bound(name).await;
        let (ours, theirs) = (config.socket_type, bound.config.socket_type);
        if !ours.is_compatible_with(theirs) {
            let source = HandshakeError::Incompatible { ours, theirs };
            return Err(ConnectError::Handshake { endpoint: endpoint.clone(), source });
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let them = peer(endpoint.to_string(), &bound.config);
        let us = peer(format!("{endpoint}#{serial}"), config);
        let (near, far) = pair((us, config), (them, &bound.config));
        if bound.arrivals.send(far).await.is_ok() {
            return Ok(near);
        }
        // The listener went away in between: wait for the next one of that name.
    }
}

async fn bound(name: &InprocName) -> Bound {
    loop {
        let told = BOUND.notified();
        tokio::pin!(told);
        told.as_mut().enable();
        let found = NAMES.lock().get(name).cloned();
        if let Some(found) = found.filter(|it| !it.arrivals.is_closed()) {
            return found;
        }
        told.await;
    }
}

fn peer(address: String, config: &LinkConfig) -> Peer {
    Peer {
        address,
        identity: config.options.identity.clone(),
        metadata: config.metadata.clone(),
        socket_type: config.socket_type,
    }
}
