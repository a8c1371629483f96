//! The clients that an aware server knows.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use gleis_core::{Endpoint, Host, TcpAddress, Value};
use gleis_patterns::Asker;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use crate::api::back::Polled;
use crate::api::builder::Hooks;
use crate::api::caller::{Back, ClientRef};
use crate::api::reading::AHEAD;
use crate::api::running::WITHIN;
use crate::link::Link;
use crate::message::Message;
use crate::url::{Role, Url};

/// So many clients are known at a time.
const MOST: usize = 100_000;
/// How long a call to a client waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a client that fetches its calls lets hear of itself.
const HEARTBEAT: Duration = Duration::from_secs(5);

type Hook = Arc<dyn Fn(ClientRef) -> BoxFuture<'static, ()> + Send + Sync>;

/// What was chosen for the clients of a server.
pub(crate) struct Rules {
    /// Hosts besides its own that a client may have itself called at.
    pub(crate) allowed: Vec<String>,
    pub(crate) gone: Vec<Hook>,
    pub(crate) heartbeat: Duration,
    pub(crate) inactive_timeout: Option<Duration>,
    pub(crate) new: Vec<Hook>,
}

impl Default for Rules {
    fn default() -> Self {
        let (allowed, gone, new) = Default::default();
        Self { allowed, gone, heartbeat: HEARTBEAT, inactive_timeout: None, new }
    }
}

pub(crate) fn hook<F, Fut>(handler: F) -> Hook
where
    F: Fn(ClientRef) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |client| handler(client).boxed())
}

/// The clients that are known.
pub(crate) struct Clients {
    hooks: Hooks,
    key: Option<Arc<str>>,
    path: Arc<str>,
    rules: Rules,
    table: Mutex<BTreeMap<String, Known>>,
}

struct Known {
    client: ClientRef,
    /// When it was heard of last.
    heard: Instant,
    /// What answers its requests for calls, if it fetches them.
    _answering: Option<TaskGuard>,
    ready: watch::Receiver<bool>,
    /// What was to be done for it as it came.
    _welcome: TaskGuard,
}

impl Clients {
    pub(crate) fn new(rules: Rules, path: &str, key: Option<&str>, hooks: Hooks) -> Self {
        let (key, path) = (key.map(Arc::from), Arc::from(path));
        Self { hooks, key, path, rules, table: Mutex::default() }
    }

    pub(crate) fn all(&self) -> Vec<ClientRef> {
        self.table.lock().values().map(|it| it.client.clone()).collect()
    }

    pub(crate) fn get(&self, id: &str) -> Option<ClientRef> {
        self.table.lock().get(id).map(|it| it.client.clone())
    }

    /// Who a message is from, if it can be called back; one that comes for the first time is made known.
    pub(crate) async fn meet(
        &self,
        message: &Message,
        asker: Option<&Asker>,
    ) -> Result<Option<ClientRef>, String> {
        let Some(id) = message.meta.get("client").and_then(Value::as_str) else {
            return Ok(None);
        };
        if let Some(client) = self.hear(id) {
            return Ok(Some(client));
        }
        let Some((back, answering)) = self.way_back(message, asker).await? else {
            return Ok(None);
        };
        let (key, path) = (self.key.clone(), self.path.clone());
        let knows = message.meta.contains_key(WITHIN);
        let client =
            ClientRef { ahead: AHEAD, back, id: id.into(), key, knows, path, within: PATIENCE };
        self.welcome(id, client, answering).map(Some)
    }

    /// The client of this id, if it is known, which lets hear of itself.
    pub(crate) fn hear(&self, id: &str) -> Option<ClientRef> {
        let mut table = self.table.lock();
        let known = table.get_mut(id)?;
        known.heard = Instant::now();
        Some(known.client.clone())
    }

    /// How whoever sent this wants to be called, and what answers its requests for calls.
    async fn way_back(
        &self,
        message: &Message,
        asker: Option<&Asker>,
    ) -> Result<Option<(Back, Option<TaskGuard>)>, String> {
        if message.meta.get("back").and_then(Value::as_bool) == Some(true) {
            let (polled, answering) = Polled::new(self.rules.heartbeat, self.hooks.clone());
            return Ok(Some((Back::Fetched(polled), Some(answering))));
        }
        let Some(remote) = message.meta.get("remote").and_then(Value::as_str) else {
            return Ok(None);
        };
        let url = self.allowed(remote, asker.map(Asker::address))?;
        let link = Link::connect(url).await.map_err(|it| format!("remote {remote}: {it}"))?;
        Ok(Some((Back::Link(link), None)))
    }

    /// Whether a client may have itself called there: at its own host, or at one that is allowed.
    fn allowed(&self, remote: &str, peer: Option<&str>) -> Result<Url, String> {
        let refused = |why: &str| format!("remote {remote:?} refused: {why}");
        // Listening because somebody says so is never done.
        let url = remote.strip_prefix("connect->").ok_or_else(|| refused("only connect->URL"))?;
        let url: Url = url.parse().map_err(|it: crate::UrlError| refused(&it.to_string()))?;
        if url.role != Role::Req {
            return Err(refused("only a req can call"));
        }
        let from = peer.and_then(host_of);
        let is_near = from.is_none_or(|it| it.is_loopback());
        let address = match &url.endpoint {
            Endpoint::Tcp(it) | Endpoint::ZmqTcp(it) => it.clone(),
            // Whoever is on this machine may name what is on it.
            _ if is_near => return Ok(url),
            _ => return Err(refused("it is on another machine")),
        };
        let is_own = match (&address.host, from) {
            (Host::Ip(at), Some(from)) => from == *at || (is_near && at.is_loopback()),
            (host, _) => is_near && host.is_loopback(),
        };
        match (&address.host, from) {
            // It listens everywhere: where it came from is one of these places.
            (Host::Ip(at), Some(from)) if at.is_unspecified() => {
                Ok(Url { endpoint: Endpoint::Tcp(TcpAddress::new(from, address.port)), ..url })
            }
            (host, _) if is_own || self.rules.allowed.contains(&host.to_string()) => Ok(url),
            _ => Err(refused("its host is not the caller's, and not allowed")),
        }
    }

    fn welcome(
        &self,
        id: &str,
        client: ClientRef,
        _answering: Option<TaskGuard>,
    ) -> Result<ClientRef, String> {
        let mut table = self.table.lock();
        if let Some(known) = table.get(id) {
            // Two of its messages came at once.
            return Ok(known.client.clone());
        }
        if MOST <= table.len() {
            return Err("too many clients".to_owned());
        }
        let (done, ready) = watch::channel(false);
        let (hooks, guest) = (self.rules.new.clone(), client.clone());
        let welcome = TaskGuard::spawn(async move {
            for hook in hooks {
                hook(guest.clone()).await;
            }
            done.send_replace(true);
        });
        let heard = Instant::now();
        let known = Known { client: client.clone(), heard, _answering, ready, _welcome: welcome };
        table.insert(id.to_owned(), known);
        Ok(client)
    }

    /// Waits until all was done for a client that came.
    pub(crate) async fn welcomed(&self, id: &str) {
        let ready = self.table.lock().get(id).map(|it| it.ready.clone());
        if let Some(mut ready) = ready {
            // One whose hook panicked is welcome too.
            let _ = ready.wait_for(|it| *it).await;
        }
    }

    /// Forgets a client.
    pub(crate) async fn forget(&self, id: &str) {
        let known = self.table.lock().remove(id);
        if let Some(known) = known {
            for hook in &self.rules.gone {
                hook(known.client.clone()).await;
            }
        }
    }

    /// Who has not been heard of for too long.
    fn silent(&self) -> Vec<String> {
        let is_silent = |known: &Known| {
            let silence = known.heard.elapsed();
            let is_idle = self.rules.inactive_timeout.is_some_and(|it| it < silence);
            match &known.client.back {
                Back::Fetched(polled) => !polled.is_open() && self.rules.heartbeat * 3 < silence,
                Back::Link(_) => is_idle,
            }
        };
        let table = self.table.lock();
        table.iter().filter(|(_, it)| is_silent(it)).map(|(id, _)| id.clone()).collect()
    }

    /// Forgets those who are silent, by and by, and tells of each.
    pub(crate) async fn watch(&self, gone: impl Fn(&str)) {
        let shortest = self.rules.inactive_timeout.map_or(self.rules.heartbeat, |it| it / 4);
        let pace = shortest.min(self.rules.heartbeat).max(Duration::from_millis(10));
        let mut ticks = interval(pace.min(Duration::from_secs(1)));
        loop {
            ticks.tick().await;
            for id in self.silent() {
                gone(&id);
                self.forget(&id).await;
            }
        }
    }
}

/// The host in the address of a peer.
fn host_of(peer: &str) -> Option<std::net::IpAddr> {
    let peer = peer.rsplit("://").next()?;
    peer.parse::<std::net::SocketAddr>().ok().map(|it| it.ip())
}
