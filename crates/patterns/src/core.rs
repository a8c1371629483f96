//! The core of every socket: its listeners, connectors and links, and the codec on each link.
//!
//! The socket owns the core; tasks of links hold it weakly, so that everything ends with the socket.

mod ends;
mod host;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures::future::join_all;
use gleis_codec::AnyCodec;
use gleis_core::Endpoint;
use gleis_transport::{
    CloseReason, Connector, Delivery, Inbox, LinkConfig, Peer, SocketType, TaskGuard,
};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::event::{Event, Events, Teller, chain};
use crate::front::Front;
use crate::ledger::Ledger;
use crate::moment;
use crate::negotiate::Negotiation;
use crate::options::{Settings, Side};
use crate::peer::{Exit, Link, PeerInfo};
use crate::stats::Stats;

/// What a kind of socket does with its links.
pub(crate) trait Role: Send + Sync + 'static {
    /// Whether this peer may come in, beside those that are here. If so it is attached at once, so a
    /// place may be held for it.
    fn admit(&self, peer: &Peer) -> Result<(), String> {
        let _ = peer;
        Ok(())
    }

    /// Takes in a link and says where its messages go.
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox>;

    /// The inbox of the link is in place.
    fn settled(&self, link: &Arc<Link>) {
        let _ = link;
    }

    /// The socket waits to be ready: what peers confirm may stand behind messages that nobody takes
    /// meanwhile.
    fn widen(&self) {}

    /// It does not any more; called once for each [`widen`](Self::widen).
    fn narrow(&self) {}

    /// The link is over.
    fn detach(&self, link: &Arc<Link>);

    /// The socket is closing: takes nothing more, wakes all that wait to send.
    fn close(&self);

    /// The socket is closed: lets go of everything, wakes all that wait.
    fn end(&self) {}
}

pub(crate) struct Core {
    /// What all links of the socket have in common.
    base: LinkConfig,
    /// Told when links come and go.
    changed: Notify,
    endpoint: OnceLock<Endpoint>,
    /// What waits while there is no peer.
    front: OnceLock<Arc<Front>>,
    ledger: Arc<Ledger>,
    links: Mutex<Links>,
    me: Weak<Self>,
    negotiation: Negotiation,
    role: Arc<dyn Role>,
    settings: Settings,
    socket_type: SocketType,
    teller: Arc<Teller>,
}

#[derive(Default)]
struct Links {
    closed: bool,
    connectors: Vec<Connector>,
    last_id: u64,
    listeners: Vec<(Endpoint, TaskGuard)>,
    peers: BTreeMap<u64, Attached>,
}

struct Attached {
    /// From then on the role knows the link.
    delivery: Option<Delivery>,
    link: Arc<Link>,
}

impl Core {
    /// The core of a socket that carries `T`.
    pub(crate) fn new<T: 'static>(
        socket_type: SocketType,
        settings: Settings,
        role: Arc<dyn Role>,
    ) -> Arc<Self> {
        let teller = Arc::new(Teller::default());
        let negotiation = Negotiation::new::<T>(settings.codec.clone());
        Arc::new_cyclic(|me| Self {
            base: LinkConfig::new(socket_type),
            changed: Notify::new(),
            endpoint: OnceLock::new(),
            front: OnceLock::new(),
            ledger: Ledger::new(teller.clone()),
            links: Mutex::default(),
            me: me.clone(),
            negotiation,
            role,
            settings,
            socket_type,
            teller,
        })
    }

    fn config(&self, side: Side) -> Arc<LinkConfig> {
        let mut config = self.base.clone();
        config.options = self.settings.options.clone();
        config.metadata = self.negotiation.metadata(side);
        Arc::new(config)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.endpoint.get().expect("an open socket was bound or connected")
    }

    pub(crate) fn codec(&self) -> &AnyCodec {
        self.negotiation.ours()
    }

    pub(crate) fn events(&self) -> Events {
        self.teller.listen()
    }

    pub(crate) fn peers(&self) -> Vec<PeerInfo> {
        self.all_links().iter().map(|it| it.info()).collect()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The link of this number, if it is live.
    pub(crate) fn link(&self, id: u64) -> Option<Arc<Link>> {
        self.links.lock().peers.get(&id).map(|it| it.link.clone())
    }

    pub(crate) fn stats(&self) -> Stats {
        let live: Vec<u64> = self.links.lock().peers.keys().copied().collect();
        let mut stats = self.ledger.stats(|it| live.binary_search(&it.id).is_ok());
        let n_waiting = self.front.get().map_or(0, |it| it.len() as u64);
        stats.sent.offered += n_waiting;
        stats.sent.queued += n_waiting;
        stats
    }

    pub(crate) async fn wait_for_peers(&self, n: usize) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let links = self.links.lock();
                if links.closed || n <= links.peers.len() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// What waits in `front` is queued by this socket.
    pub(crate) fn queue_in(&self, front: Option<&Arc<Front>>) {
        if let Some(front) = front {
            let _ = self.front.set(front.clone());
        }
    }

    /// Closes: see `shared!`.
    pub(crate) async fn close(&self) -> usize {
        // Whoever stops waiting has closed the socket all the same.
        let _ending = Ending(self);
        let until = moment::after(self.settings.options.linger);
        self.drain_front(until).await;
        let listeners = self.stop();
        // Their addresses are free when this is done.
        join_all(listeners.into_iter().map(TaskGuard::end)).await;
        let n_never_sent = self.end_front().await;
        let linger = until.saturating_duration_since(Instant::now());
        n_never_sent + self.close_links(self.all_links(), linger).await
    }

    /// Closes links, each of which has the linger time to send what it has; returns how many messages
    /// did not leave. They are closed in any case.
    pub(crate) async fn close_links(&self, links: Vec<Arc<Link>>, linger: Duration) -> usize {
        let leaving = Leaving { core: self, links };
        let unsent = leaving.links.iter().map(|it| it.sender.close(linger));
        join_all(unsent).await.into_iter().sum()
    }

    /// Lets what waits for a peer go as long as there is time; peers may still come.
    async fn drain_front(&self, until: Instant) {
        let Some(front) = self.front.get() else {
            return;
        };
        front.close();
        // Whether in time or not, this is the end.
        let _ = tokio::time::timeout_at(until, front.drained()).await;
    }

    async fn end_front(&self) -> usize {
        let Some(front) = self.front.get() else {
            return 0;
        };
        front.settled().await;
        front.end()
    }

    /// Ends connecting, and nothing new is sent; listening ends with what is returned.
    fn stop(&self) -> Vec<TaskGuard> {
        let (listeners, connectors) = {
            let mut links = self.links.lock();
            links.closed = true;
            let listeners = links.listeners.drain(..).map(|(_, it)| it).collect();
            (listeners, std::mem::take(&mut links.connectors))
        };
        drop(connectors);
        self.role.close();
        self.ledger.tell_rest();
        self.changed.notify_waiters();
        listeners
    }

    pub(crate) fn detach(&self, id: u64, reason: &CloseReason) {
        let Some(attached) = self.links.lock().peers.remove(&id) else {
            return;
        };
        let link = &attached.link;
        self.role.detach(link);
        let unsent = link.sender.queued();
        link.account.tell_unsent(unsent as u64);
        let peer = link.address().to_owned();
        if let CloseReason::Refused(why) = reason {
            self.teller.tell(&Event::Refused { peer: peer.clone(), reason: why.to_string() });
        }
        self.teller.tell(&Event::Disconnected { peer, reason: chain(reason), unsent });
        self.changed.notify_waiters();
    }

    fn all_links(&self) -> Vec<Arc<Link>> {
        self.links.lock().peers.values().map(|it| it.link.clone()).collect()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // Links and inboxes may hold each other; without their socket they must all go.
        drop(self.stop());
        let peers = std::mem::take(&mut self.links.get_mut().peers);
        for attached in peers.values() {
            self.role.detach(&attached.link);
        }
        drop(peers);
        self.role.end();
        if let Some(front) = self.front.get() {
            front.end();
        }
    }
}

/// Keeps a socket wide, as long as somebody waits for it to be ready.
struct Wide<'a>(&'a dyn Role);

impl<'a> Wide<'a> {
    fn new(role: &'a dyn Role) -> Self {
        role.widen();
        Self(role)
    }
}

impl Drop for Wide<'_> {
    fn drop(&mut self) {
        self.0.narrow();
    }
}

/// Ends a core, whatever happens to whoever closes it.
struct Ending<'a>(&'a Core);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        drop(self.0.stop());
        drop(Leaving { core: self.0, links: self.0.all_links() });
        self.0.role.end();
    }
}

/// Lets go of links that are being closed, whatever happens to whoever closes them.
struct Leaving<'a> {
    core: &'a Core,
    links: Vec<Arc<Link>>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        for link in &self.links {
            self.core.detach(link.id, &CloseReason::Here);
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("socket_type", &self.socket_type)
            .field("endpoint", &self.endpoint.get())
            .field("codec", &self.codec().name())
            .finish_non_exhaustive()
    }
}
