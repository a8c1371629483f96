//! Which sockets an agent has.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::future::join_all;
use gleis_codec::AnyCodec;
use gleis_core::SocketInfo;
use parking_lot::Mutex;

use super::{
    Addr, AliasError, OpenError, SubscribeError,
    asked::Asked,
    carrier::Socket,
    handler::AnyHandler,
    origin::{Origin, Wanted},
    pump::{Inbox, Pump},
    routes::{Route, Routes},
};
use crate::{Agent, cell::Cell, current::Frame, identity::Identity, text::instead};

/// The sockets of one agent.
pub(crate) struct Sockets<A: 'static> {
    agent: Identity,
    table: Mutex<Table<A>>,
}

struct Table<A: 'static> {
    sockets: BTreeMap<String, Slot<A>>,
    is_closed: bool,
}

/// A place in the table.
enum Slot<A: 'static> {
    /// Somebody opens a socket of this alias.
    Opening,
    Open(Arc<Open<A>>),
}

/// A socket with its address and its handlers.
pub(crate) struct Open<A: 'static> {
    pub(crate) addr: Addr,
    pub(crate) codec: AnyCodec,
    is_bound: bool,
    pub(crate) socket: Arc<Socket>,
    pub(super) asked: Arc<Asked<A>>,
    pub(super) inbox: Inbox<A>,
    pub(super) routes: Arc<Routes<A>>,
    /// How the agent has opened it itself, if it may begin anew.
    origin: Option<Box<Origin>>,
    /// Receives for the handlers, once there are any.
    pump: OnceLock<Pump>,
}

/// An alias that is kept for a socket which is being opened.
pub(super) struct Reserved<'a, A: 'static> {
    sockets: &'a Sockets<A>,
    alias: String,
}

impl<A: Agent> Sockets<A> {
    pub(crate) fn new(agent: Identity) -> Self {
        Self { agent, table: Mutex::new(Table { sockets: BTreeMap::new(), is_closed: false }) }
    }

    /// Keeps `alias` until the socket is there.
    pub(super) fn reserve(&self, alias: String) -> Result<Reserved<'_, A>, OpenError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(OpenError::Stopped);
        }
        if table.sockets.contains_key(&alias) {
            return Err(OpenError::AliasTaken { alias });
        }
        table.sockets.insert(alias.clone(), Slot::Opening);
        Ok(Reserved { sockets: self, alias })
    }

    /// One life of the agent is over: what it has opened itself waits to be opened again.
    pub(crate) fn leave(&self) {
        for (_, open) in self.all() {
            if let Some(origin) = &open.origin {
                origin.leave();
            }
        }
    }

    /// Opens a socket again that is left as is wanted; gives its alias and its address.
    pub(super) fn take_left(
        &self,
        wanted: &Wanted,
        routes: Vec<Route<A>>,
        topics: &[Bytes],
    ) -> Result<(String, Addr), Vec<Route<A>>> {
        let is_meant = |open: &Open<A>| open.origin.as_ref().is_some_and(|it| it.is_meant(wanted));
        let found = self.all().into_iter().find(|(_, open)| is_meant(open));
        let Some((alias, open)) = found else {
            return Err(routes);
        };
        open.take(routes, topics.to_vec());
        Ok((alias, open.addr.clone()))
    }

    /// Whether the socket of this alias is left.
    pub(crate) fn is_left(&self, alias: &str) -> bool {
        let table = self.table.lock();
        matches!(table.sockets.get(alias), Some(Slot::Open(open)) if open.is_left())
    }

    /// Closes a left socket of this alias: another one is to have it.
    pub(super) async fn close_left_as(&self, alias: &str) {
        self.close_if(|it, open| it == alias && open.is_left()).await;
    }

    /// Closes what is left and was not opened again.
    pub(crate) async fn close_left(&self) {
        self.close_if(|_, open| open.is_left()).await;
    }

    async fn close_if(&self, is_meant: impl Fn(&str, &Open<A>) -> bool) {
        let gone = self.take_out(is_meant);
        if !gone.is_empty() {
            // Boxed, as it is rare.
            Box::pin(join_all(gone.iter().map(|it| it.close()))).await;
        }
    }

    fn take_out(&self, is_meant: impl Fn(&str, &Open<A>) -> bool) -> Vec<Arc<Open<A>>> {
        let mut table = self.table.lock();
        let is_gone = |alias: &String, slot: &mut Slot<A>| match slot {
            Slot::Open(it) => is_meant(alias, it),
            Slot::Opening => false,
        };
        open(table.sockets.extract_if(.., is_gone).collect())
    }

    /// The socket of this alias.
    pub(crate) fn find(&self, alias: &str) -> Result<Arc<Open<A>>, AliasError> {
        let table = self.table.lock();
        if let Some(Slot::Open(open)) = table.sockets.get(alias)
            && !(open.is_left() && Frame::is_at_work(&self.agent))
        {
            return Ok(open.clone());
        }
        let (near, known) = instead(alias, table.sockets.keys().map(String::as_str));
        Err(AliasError::Unknown { alias: alias.to_owned(), near, known })
    }

    /// Where the socket of this alias is.
    pub(crate) fn addr(&self, alias: &str) -> Result<Addr, AliasError> {
        Ok(self.find(alias)?.addr.clone())
    }

    /// All sockets by alias.
    pub(crate) fn all(&self) -> Vec<(String, Arc<Open<A>>)> {
        let table = self.table.lock();
        let open = table.sockets.iter().filter_map(|(alias, slot)| match slot {
            Slot::Open(open) => Some((alias.clone(), open.clone())),
            Slot::Opening => None,
        });
        open.collect()
    }

    /// All sockets with their addresses.
    pub(crate) fn list(&self) -> Vec<(String, Addr)> {
        self.all().into_iter().map(|(alias, open)| (alias, open.addr.clone())).collect()
    }

    /// All sockets with what became of their messages.
    pub(crate) fn ledger(&self) -> Vec<SocketInfo> {
        self.all().into_iter().map(|(alias, open)| open.info(alias)).collect()
    }

    /// Closes one socket; returns how many messages did not leave.
    pub(crate) async fn close(&self, alias: &str) -> Result<usize, AliasError> {
        let open = self.find(alias)?;
        self.table.lock().sockets.remove(alias);
        Ok(open.close().await)
    }

    /// Closes all sockets that there are, waiting for what is queued as long as they linger; returns
    /// how many messages did not leave.
    pub(crate) async fn close_open(&self) -> usize {
        let sockets = std::mem::take(&mut self.table.lock().sockets);
        join_all(open(sockets).iter().map(|it| it.close())).await.into_iter().sum()
    }

    /// Closes all sockets for good, waiting for what is queued as long as they linger.
    pub(crate) async fn close_all(&self) {
        self.table.lock().is_closed = true;
        let n_lost = self.close_open().await;
        if 0 < n_lost {
            tracing::warn!(
                target: "gleis::agent", n_lost,
                "messages did not leave before their sockets were closed"
            );
        }
    }

    /// Drops all sockets for good.
    pub(crate) fn release(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        let sockets = std::mem::take(&mut table.sockets);
        drop(table);
        // What the handlers captured may run code when it is dropped: not under the lock.
        drop(sockets);
    }

    /// Has everything that receives for a handler close by and by; no new sockets are opened.
    pub(crate) fn stop_receiving(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        for slot in table.sockets.values() {
            if let Slot::Open(open) = slot
                && let Some(pump) = open.pump.get()
            {
                pump.stop();
            }
        }
    }
}

fn open<A>(sockets: BTreeMap<String, Slot<A>>) -> Vec<Arc<Open<A>>> {
    let open = sockets.into_values().filter_map(|it| match it {
        Slot::Open(open) => Some(open),
        Slot::Opening => None,
    });
    open.collect()
}

impl<A: Agent> Open<A> {
    pub(super) fn new(
        alias: &str,
        addr: Addr,
        is_bound: bool,
        codec: AnyCodec,
        socket: Socket,
        routes: Vec<Route<A>>,
        cell: &Cell<A>,
    ) -> Self {
        let is_pumped = match socket {
            // Answers come within the stream of publications.
            Socket::SyncSub(_) => true,
            // Nothing comes but answers, each to its own handler.
            Socket::AsyncReq(_) => false,
            _ => !routes.is_empty(),
        };
        let this = Self {
            inbox: Inbox::new(alias, codec.clone(), cell),
            addr,
            asked: Arc::new(Asked::new()),
            codec,
            is_bound,
            origin: None,
            pump: OnceLock::new(),
            routes: Arc::new(Routes::new(routes)),
            socket: Arc::new(socket),
        };
        if is_pumped {
            this.receive();
        }
        this
    }

    pub(super) fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin.map(Box::new);
    }

    /// Whether it is of an earlier life of the agent, and not opened again yet.
    fn is_left(&self) -> bool {
        self.origin.as_ref().is_some_and(|it| it.is_left())
    }

    /// It is opened again, as it was, with other handlers.
    fn take(&self, routes: Vec<Route<A>>, topics: Vec<Bytes>) {
        let Some(origin) = &self.origin else {
            return;
        };
        self.routes.set(routes);
        // The new ones first: what is wanted still shall be wanted all the time.
        for topic in &topics {
            self.socket.subscribe(topic);
        }
        for topic in origin.take(topics) {
            self.socket.unsubscribe(&topic);
        }
    }

    /// Receives for the handlers from now on.
    fn receive(&self) {
        self.pump.get_or_init(|| {
            let (socket, routes) = (self.socket.clone(), self.routes.clone());
            Pump::start(socket, routes, self.asked.clone(), self.inbox.clone())
        });
    }

    fn info(&self, alias: String) -> SocketInfo {
        let Addr { endpoint, kind, codec } = self.addr.clone();
        let (peers, received, sent) = self.socket.ledger();
        let (is_bound, is_source) = (self.is_bound, kind.is_source());
        let kind = kind.to_string();
        SocketInfo { alias, codec, endpoint, is_bound, is_source, kind, peers, received, sent }
    }

    /// Whether handlers receive everything.
    pub(crate) fn is_handled(&self) -> bool {
        self.pump.get().is_some()
    }

    /// Subscribes `handler` to a topic, in place of another one; false if the socket cannot.
    pub(crate) fn subscribe(&self, topic: &Bytes, handler: AnyHandler<A>) -> bool {
        // The handler first: what comes at once has somewhere to go.
        self.routes.replace(topic.clone(), handler);
        if !self.socket.subscribe(topic) {
            self.routes.remove(topic);
            return false;
        }
        if let Some(origin) = &self.origin {
            origin.subscribed(topic);
        }
        self.receive();
        true
    }

    pub(crate) fn unsubscribe(&self, alias: &str, topic: &Bytes) -> Result<(), SubscribeError> {
        let was_wanted = self.socket.unsubscribe(topic);
        if let Some(origin) = self.origin.as_ref().filter(|_| was_wanted) {
            origin.unsubscribed(topic);
        }
        match self.routes.remove(topic) || was_wanted {
            true => Ok(()),
            false => {
                let (alias, topic) = (alias.to_owned(), topic.to_vec());
                Err(SubscribeError::NotSubscribed { alias, topic })
            }
        }
    }

    async fn close(&self) -> usize {
        match self.pump.get() {
            Some(pump) => pump.close().await,
            None => self.socket.close().await,
        }
    }
}

impl<A: Agent> Reserved<'_, A> {
    pub(super) fn alias(&self) -> &str {
        &self.alias
    }

    /// Puts the socket in its place, unless the agent has stopped meanwhile.
    pub(super) fn fill(self, open: Open<A>) -> Result<(), OpenError> {
        let mut table = self.sockets.table.lock();
        if table.is_closed {
            return Err(OpenError::Stopped);
        }
        table.sockets.insert(self.alias.clone(), Slot::Open(Arc::new(open)));
        Ok(())
    }
}

impl<A> Drop for Reserved<'_, A> {
    fn drop(&mut self) {
        // The alias is free again if no socket came of it.
        let mut table = self.sockets.table.lock();
        if let Some(Slot::Opening) = table.sockets.get(&self.alias) {
            table.sockets.remove(&self.alias);
        }
    }
}
