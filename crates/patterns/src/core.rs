//! The core of every socket: its listeners, connectors and links, and the codec on each link.
//!
//! The socket owns the core; tasks of links hold it weakly, so that everything ends with the socket.

mod host;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use futures::future::join_all;
use gleis_codec::AnyCodec;
use gleis_core::Endpoint;
use gleis_transport::{
    CloseReason, ConnectError, Connector, Delivery, HandshakeError, Host, Inbox, LinkConfig,
    SocketType, TaskGuard, listen,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::OpenError;
use crate::event::{Event, Events, Teller, chain};
use crate::negotiate::Negotiation;
use crate::options::{Settings, Side};
use crate::peer::{Exit, Link, PeerInfo};
use crate::stats::{Counters, Flow, Reason, Stats};

/// What a kind of socket does with its links.
pub(crate) trait Role: Send + Sync + 'static {
    /// Takes in a link and says where its messages go.
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox>;

    /// The inbox of the link is in place.
    fn settled(&self, link: &Arc<Link>) {
        let _ = link;
    }

    /// The link is over.
    fn detach(&self, link: &Arc<Link>);

    /// The socket is closing: takes nothing more, wakes all that wait to send.
    fn close(&self);

    /// The socket is closed: lets go of everything, wakes all that wait.
    fn end(&self) {}
}

pub(crate) struct Core {
    /// Told when links come and go.
    changed: Notify,
    endpoint: OnceLock<Endpoint>,
    links: Mutex<Links>,
    me: Weak<Self>,
    negotiation: Negotiation,
    role: Arc<dyn Role>,
    sent: Arc<Counters>,
    settings: Settings,
    socket_type: SocketType,
    teller: Teller,
}

#[derive(Default)]
struct Links {
    closed: bool,
    connectors: Vec<Connector>,
    last_id: u64,
    listeners: Vec<TaskGuard>,
    peers: BTreeMap<u64, Attached>,
}

struct Attached {
    _delivery: Option<Delivery>,
    link: Arc<Link>,
}

impl Core {
    /// The core of a socket that carries `T`.
    pub(crate) fn new<T: 'static>(
        socket_type: SocketType,
        settings: Settings,
        role: Arc<dyn Role>,
        sent: Arc<Counters>,
    ) -> Arc<Self> {
        let negotiation = Negotiation::new::<T>(settings.codec.clone());
        Arc::new_cyclic(|me| Self {
            changed: Notify::new(),
            endpoint: OnceLock::new(),
            links: Mutex::default(),
            me: me.clone(),
            negotiation,
            role,
            sent,
            settings,
            socket_type,
            teller: Teller::default(),
        })
    }

    /// Binds or connects for the first time.
    pub(crate) async fn open(&self, side: Side, at: Endpoint) -> Result<(), OpenError> {
        match side {
            Side::Bind => self.bind(&at).await.map(|_| ()),
            Side::Connect => self.connect(at).await,
        }
    }

    pub(crate) async fn bind(&self, at: &Endpoint) -> Result<Endpoint, OpenError> {
        let config = self.config(Side::Bind);
        let listener = listen(at, &config).await.map_err(OpenError::Listen)?;
        let endpoint = listener.endpoint().clone();
        let mut links = self.links.lock();
        if links.closed {
            return Err(OpenError::Closed);
        }
        let host: Weak<dyn Host> = self.me.clone();
        links.listeners.push(listener.serve(host));
        drop(links);
        let _ = self.endpoint.set(endpoint.clone());
        self.teller.tell(&Event::Listening { endpoint: endpoint.clone() });
        Ok(endpoint)
    }

    pub(crate) async fn connect(&self, at: Endpoint) -> Result<(), OpenError> {
        let host: Weak<dyn Host> = self.me.clone();
        let mut connector = Connector::start(at, self.config(Side::Connect), host);
        let patience = self.settings.connect_patience;
        connector.first_attempt(patience).await.map_err(open_error)?;
        let mut links = self.links.lock();
        if links.closed {
            return Err(OpenError::Closed);
        }
        let _ = self.endpoint.set(connector.endpoint().clone());
        links.connectors.push(connector);
        Ok(())
    }

    fn config(&self, side: Side) -> Arc<LinkConfig> {
        let mut config = LinkConfig::new(self.socket_type);
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

    pub(crate) fn stats(&self, received: Flow) -> Stats {
        let links = self.all_links();
        let queued: usize = links.iter().map(|it| it.sender.queued()).sum();
        Stats { peers: links.len(), received, sent: self.sent.flow(queued as u64) }
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

    /// Closes: see `shared!`.
    pub(crate) async fn close(&self) -> usize {
        let listeners = self.stop();
        // Their addresses are free when this is done.
        join_all(listeners.into_iter().map(TaskGuard::end)).await;
        let links = self.all_links();
        let linger = self.settings.options.linger;
        let unsent = join_all(links.iter().map(|it| it.sender.close(linger))).await;
        for link in &links {
            self.detach(link.id, &CloseReason::Here);
        }
        self.role.end();
        unsent.into_iter().sum()
    }

    /// Ends connecting, and nothing new is sent; listening ends with what is returned.
    fn stop(&self) -> Vec<TaskGuard> {
        let (listeners, connectors) = {
            let mut links = self.links.lock();
            links.closed = true;
            (std::mem::take(&mut links.listeners), std::mem::take(&mut links.connectors))
        };
        drop(connectors);
        self.role.close();
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
        self.sent.lose(Reason::Closed, unsent as u64);
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

fn open_error(error: ConnectError) -> OpenError {
    match error {
        ConnectError::Handshake { endpoint, source: HandshakeError::Refused { reason } } => {
            OpenError::Refused { endpoint, reason }
        }
        other => OpenError::Connect(other),
    }
}
