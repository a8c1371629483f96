//! Opening and closing a bridge.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, OptionFuture};
use gleis_broker::{Addresses, ClientError, GenericMessageClient, Json, MessageHandler};
use gleis_transport::TaskGuard;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, spawn_blocking};

use crate::access::Access;
use crate::call::Callee;
use crate::file::{LogError, Store};
use crate::keep::{Keeping, keep};
use crate::limits::BridgeLimits;
use crate::listener::Limited;
use crate::log::{Log, Most};
use crate::serve::serve;
use crate::state::{Books, Bucket, State};
use crate::topology::{Observer, Watchtower};

/// Why there is no bridge.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The hub is not there.
    #[error("cannot reach the hub")]
    Hub(#[from] ClientError),
    /// It cannot keep its log in that file.
    #[error("cannot keep the log")]
    KeepLog(#[from] LogError),
    /// It cannot listen there.
    #[error("cannot listen at {at}")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// What a bridge is told before it opens; awaiting it opens it.
#[must_use = "awaiting it opens the bridge"]
pub struct BridgeBuilder {
    access: Access,
    at: SocketAddr,
    callee: Option<Arc<dyn Callee>>,
    hub: Option<Addresses>,
    limits: BridgeLimits,
    log: Option<PathBuf>,
    watchtower: Option<Watchtower>,
}

impl BridgeBuilder {
    /// Where it listens: a port of its own on 127.0.0.1 if not said.
    pub fn listen(mut self, at: SocketAddr) -> Self {
        self.at = at;
        self
    }

    /// Pages of this origin, `https://example.org`, may ask, and read the answers.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.access.origins.push(origin.into());
        self
    }

    /// A name under which it is asked. On loopback these are the names of that, otherwise any is fine
    /// until one is named.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.access.hosts.push(name.into());
        self
    }

    /// Offers methods under `/call`.
    pub fn callee(mut self, callee: impl Callee) -> Self {
        self.callee = Some(Arc::new(callee));
        self
    }

    /// Keeps the log in a file, and goes on with what is there, so that cursors outlive the bridge: a
    /// reader that comes back gets what it had not got of the last run, then a gap, since nobody knows what
    /// the hub said in between, then what is new. In memory alone if not said.
    ///
    /// There are three files: this one, one with `.old` behind its name, and one with `.lock`. They have
    /// about twice what the [log keeps](BridgeLimits::log_bytes) at most, are for their owner alone to read,
    /// and for one bridge at a time; dropping a bridge sets them free a moment later, a [shutdown](Bridge::shutdown) before it returns.
    ///
    /// Messages are written as they come, and forced to the disk at a shutdown only: if the bridge is
    /// killed, it may lose the last ones, and those of the last seconds if the machine fails. If it cannot
    /// write, as when the disk is full, it says so in its log, in `/health` and in `/metrics`, goes on in
    /// memory, and tries again each second. That it cannot write when it opens is an error.
    pub fn keep_log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// What it takes on.
    pub fn limits(mut self, limits: BridgeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Shows agents and how they are connected under `/topology`, and on the page.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.watchtower = Some(Watchtower::new(observer));
        self
    }

    /// Requests need this token, or another one that was given. None is needed if none is.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.access.tokens.push(token.into());
        self
    }

    async fn open(mut self) -> Result<Bridge, BridgeError> {
        let (at, limits) = (self.at, self.limits);
        let listening = TcpListener::bind(at).await.and_then(|it| Ok((it.local_addr()?, it)));
        let (local, listener) = listening.map_err(|source| BridgeError::Listen { at, source })?;
        if local.ip().is_loopback() {
            self.access.hosts.extend(["localhost".to_owned(), host(local.ip())]);
        }
        let most = Most { bytes: limits.log_bytes, messages: limits.log_messages };
        let (log, store) = match self.log {
            None => (Log::new(most), None),
            Some(path) => {
                let (log, store) = aside(path.clone(), move || Store::open(&path, most)).await?;
                (log, Some(store))
            }
        };
        let begin = log.end();
        let log = Arc::new(log);
        let hub = match self.hub {
            None => None,
            Some(at) => Some(GenericMessageClient::connect(Writer(log.clone()), at).await?),
        };
        // Before anybody gets a cursor, but not for each attempt to reach the hub.
        let store = match store {
            None => None,
            Some(store) => Some(aside(store.path().to_owned(), move || store.begin(begin)).await?),
        };
        let state = Arc::new(State {
            access: self.access,
            books: Books::default(),
            callee: self.callee,
            closing: watch::Sender::new(false),
            hub,
            keeping: store.is_some().then(Keeping::default),
            limits,
            log,
            rate: Bucket::new(limits.rate),
            waiters: Arc::new(Semaphore::new(limits.waiters.clamp(1, Semaphore::MAX_PERMITS))),
            watchtower: self.watchtower,
        });
        let (done, ended) = watch::channel(false);
        let listener = Limited::new(listener, limits.connections);
        let serving = serve(listener, state.clone());
        let keeping = store.map(|it| keep(state.clone(), it, begin));
        let _task = TaskGuard::spawn(async move {
            tokio::join!(serving, OptionFuture::from(keeping));
            done.send_replace(true);
        });
        Ok(Bridge { ended, local, state, _task })
    }
}

/// Writes what the hub says into the log.
struct Writer(Arc<Log>);

impl MessageHandler for Writer {
    async fn handle_new_message(&mut self, message: Json) {
        self.0.push(message);
    }

    async fn handle_gap(&mut self, missed: u64) {
        self.0.skip(missed);
    }
}

/// Does something with the file at `path` on a thread on which it may wait.
async fn aside<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    // The runtime is being closed.
    let closed = |it: JoinError| LogError::Io { path, source: it.into() };
    spawn_blocking(work).await.map_err(closed)?
}

/// As it stands in a URL.
fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

impl IntoFuture for BridgeBuilder {
    type Output = Result<Bridge, BridgeError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.open().boxed()
    }
}

impl fmt::Debug for BridgeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeBuilder").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Serves the messages of a hub by HTTP. Dropping it cuts off what is open; [`shutdown`](Self::shutdown)
/// lets answers and streams come to their end.
pub struct Bridge {
    ended: watch::Receiver<bool>,
    local: SocketAddr,
    pub(crate) state: Arc<State>,
    _task: TaskGuard,
}

impl Bridge {
    /// A bridge to the hub at these addresses. Without one, or with half of one, it serves what is left.
    pub fn to(hub: impl Into<Addresses>) -> BridgeBuilder {
        Self::builder(Some(hub.into()))
    }

    /// A bridge to no hub: for calls alone.
    pub fn without_hub() -> BridgeBuilder {
        Self::builder(None)
    }

    fn builder(hub: Option<Addresses>) -> BridgeBuilder {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (access, limits) = Default::default();
        BridgeBuilder { access, at, callee: None, hub, limits, log: None, watchtower: None }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Ends it: takes no new requests, ends streams behind what is there to be read, and waits for what is
    /// being answered, no longer than `within`. True if that was enough. A reader of events has a
    /// second for what is left; then it is cut off all the same, and comes back with its cursor.
    ///
    /// # Cancel safety
    /// It is ended in any case; what is being answered may be cut off.
    pub fn shutdown(self, within: Duration) -> impl Future<Output = bool> + Send {
        self.state.closing.send_replace(true);
        async move {
            let mut ended = self.ended.clone();
            let ended = tokio::time::timeout(within, ended.wait_for(|it| *it)).await;
            let was_in_time = ended.is_ok_and(|it| it.is_ok());
            // What is left is cut off.
            drop(self);
            was_in_time
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // Connections that became a WebSocket have tasks of their own, which end when they hear of this.
        self.state.closing.send_replace(true);
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").field("local", &self.local).finish_non_exhaustive()
    }
}
